"""What a demo is about: which model, which files, which DAG."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from airflow_provider_mediabatch.demo import DemoError, media, models, own_files

EXAMPLE_DAGS = Path(__file__).parents[1] / "example_dags"
"""The example DAGs, which are installed with the package; in a checkout a link to the folder of the same name."""


@dataclass(frozen=True)
class Scenario:
    """One demo.

    :param dag_id: the example DAG, in the file of the same name.
    :param model: the model that it uses.
    :param stage: the stage of its files, in the connection's database and schema.
    :param folder: the files' folder on that stage.
    :param files: the files to upload, by their name on the stage.
    :param left_out: of the user's own folder, what is not uploaded: name to reason.
    :param column: the model's input, which is the path in the results.
    :param answers: SQL of what is shown of a result, by the name that it is shown under.
    """

    dag_id: str
    model: models.DemoModel
    stage: str
    folder: str
    files: Mapping[str, Path]
    column: str
    answers: dict[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def dag_file(self) -> Path:
        """The example DAG's file."""
        return EXAMPLE_DAGS / f"{self.dag_id}.py"

    def without(self, lost: Mapping[str, str]) -> Scenario:
        """The same demo with some files left out.

        :param lost: name on the stage to the reason.
        :raises DemoError: when no file is left.
        """
        left_out = {**self.left_out, **{self.files[name].name: reason for name, reason in lost.items()}}
        files = {name: path for name, path in self.files.items() if name not in lost}
        if not files:
            raise DemoError("\n".join(["none of the files could be read any more", *own_files.named(left_out)]))
        return replace(self, files=files, left_out=left_out)


def images(cache: Path, files: Path | None) -> Scenario:
    """Photographs to labels.

    :param cache: folder for what is computed once.
    :param files: the user's own folder of images.
    """
    found = _found(files, own_files.PICTURES) if files else _shipped(media.photographs())
    return Scenario(
        dag_id="image_classification",
        model=models.image_classifier(cache),
        stage="PHOTOS",
        folder=_folder(files),
        files=found.taken,
        left_out=found.left_out,
        column="IMAGE",
        answers={"label": "LABEL", "score": "SCORE"},
    )


def recordings(cache: Path, files: Path | None) -> Scenario:
    """Speech to text.

    :param cache: as in :func:`images`; nothing is computed here.
    :param files: the user's own folder of recordings.
    """
    model = models.transcriber()
    found = _found(files, own_files.SOUND) if files else _shipped(media.speech())
    return Scenario(
        dag_id="whisper_transcription",
        model=model,
        stage="RECORDINGS",
        folder=_folder(files),
        files=found.taken,
        left_out=found.left_out,
        column="AUDIO",
        answers={"text": 'PARSE_JSON("outputs"::VARCHAR):text::VARCHAR'},
    )


SCENARIOS: dict[str, Callable[[Path, Path | None], Scenario]] = {"images": images, "speech": recordings}


def _folder(files: Path | None) -> str:
    """A folder on the stage for each folder of the user's, so that a run lists nothing of another."""
    return "demo" if files is None else "files/" + hashlib.sha256(str(files.resolve()).encode()).hexdigest()[:12]


def _shipped(files: list[Path]) -> own_files.OwnFiles:
    return own_files.OwnFiles({path.name: path for path in files}, {})


def _found(folder: Path, rule: own_files.MediaRule) -> own_files.OwnFiles:
    """The user's own files.

    :raises DemoError: when nothing in the folder is taken, with what is there and why it is not.
    """
    if not folder.is_dir():
        raise DemoError(f"--files {folder}: there is no such directory")
    try:
        found = own_files.sort_files(folder.iterdir(), rule)
    except OSError as error:
        raise DemoError(f"--files {folder} cannot be read: {error.strerror}") from error
    if not found.taken:
        what = "\n".join(["", *own_files.named(found.left_out)]) if found.left_out else " (it is empty)"
        raise DemoError(f"--files {folder}: no {rule.what} is there{what}")
    return found
