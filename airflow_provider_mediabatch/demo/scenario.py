"""What a demo is about: which model, which files, which DAG."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_mediabatch.demo import DemoError, media, models


@dataclass(frozen=True)
class Scenario:
    """One demo.

    :param dag_id: the example DAG, in the file of the same name.
    :param model: the model that it uses.
    :param stage: the stage of its files, in the connection's database and schema.
    :param folder: the files' folder on that stage.
    :param files: the files to upload.
    :param column: the model's input, which is the path in the results.
    :param answers: SQL of what is shown of a result, by the name that it is shown under.
    """

    dag_id: str
    model: models.DemoModel
    stage: str
    folder: str
    files: list[Path]
    column: str
    answers: dict[str, str]

    @property
    def dag_file(self) -> Path:
        """The example DAG's file.

        :raises DemoError: outside a checkout of the project.
        """
        return example_dags() / f"{self.dag_id}.py"


def example_dags() -> Path:
    """The folder of example DAGs.

    :raises DemoError: outside a checkout of the project.
    """
    path = Path(__file__).parents[2] / "example_dags"
    if not path.is_dir():
        raise DemoError("the demo runs the DAGs of example_dags/: start it from a checkout of the project")
    return path


def images(cache: Path, files: Path | None) -> Scenario:
    """Photographs to labels.

    :param cache: folder for what is computed once.
    :param files: the user's own folder of images.
    """
    return Scenario(
        dag_id="image_classification",
        model=models.image_classifier(cache),
        stage="PHOTOS",
        folder=_folder(files),
        files=_found(files, {".jpg", ".jpeg", ".png", ".webp"}) if files else media.photographs(),
        column="IMAGE",
        answers={"label": "LABEL", "score": "SCORE"},
    )


def recordings(cache: Path, files: Path | None) -> Scenario:
    """Speech to text.

    :param cache: folder for what is computed once.
    :param files: the user's own folder of recordings.
    """
    model = models.transcriber()
    return Scenario(
        dag_id="whisper_transcription",
        model=model,
        stage="RECORDINGS",
        folder=_folder(files),
        files=_found(files, {".wav", ".mp3", ".flac", ".m4a", ".mp4", ".ogg"})
        if files
        else media.speech(cache / "speech"),
        column="AUDIO",
        answers={"text": 'PARSE_JSON("outputs"::VARCHAR):text::VARCHAR'},
    )


SCENARIOS: dict[str, Callable[[Path, Path | None], Scenario]] = {"images": images, "speech": recordings}


def _folder(files: Path | None) -> str:
    """A folder on the stage for each folder of the user's, so that a run lists nothing of another."""
    return "demo" if files is None else "files/" + hashlib.sha256(str(files.resolve()).encode()).hexdigest()[:12]


def _found(folder: Path, suffixes: set[str]) -> list[Path]:
    if not folder.is_dir():
        raise DemoError(f"--files {folder}: there is no such directory")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    if not found:
        raise DemoError(f"--files {folder}: no {', '.join(sorted(suffixes))} file is there")
    return found
