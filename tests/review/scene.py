"""What the review page's tests look at: stages with real and with odd files, and models for them."""

from __future__ import annotations

import math
import struct
import tempfile
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snowflake.snowpark import Session

HERE = Path(__file__).parent
DAGS = HERE / "dags" / "review_page.py"
ODD_NAMES = (
    "<img src=x onerror=alert(1)>.png",
    "a | b `c` [d](e) & \"f\" 'g'.png",
    "broken.jpg",
    "schön 日本.png",
)
QUESTION = '<img src=x onerror="document.title=\'owned\'"> "What" isn\'t | `it` [l](javascript:alert(1)) {{ 7 * 7 }}?'
LONG_QUESTION = "unbroken" * 5_000


def prepare(session: Session, cache: Path) -> None:
    """Make all stages and log the models, once for an engine.

    :param cache: folder for converted networks.
    """
    from airflow_provider_mediabatch.demo import media, models

    prepare_recordings(session)
    for name in ("PHOTOGRAPHS", "ODD", "UNREADABLE"):
        _stage(session, name)
    for path in media.photographs():
        session.file.put(str(path), "@UI_PHOTOGRAPHS", auto_compress=False)
    with tempfile.TemporaryDirectory() as folder:
        for path in _odd(Path(folder)):
            _put(session, path, "UI_ODD", "UI_UNREADABLE")
    _ask(session)
    models.log(session, models.image_classifier(cache))


def prepare_recordings(session: Session) -> None:
    """Make the stages of the recordings and of the work, and log the models that need no network."""
    for name in ("RECORDINGS", "WORK"):
        _stage(session, name)
    with tempfile.TemporaryDirectory() as folder:
        for path in _recordings(Path(folder)):
            _put(session, path, "UI_RECORDINGS")
    _log(session)


def _stage(session: Session, name: str) -> None:
    session.sql(f"CREATE STAGE IF NOT EXISTS UI_{name} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()


def _ask(session: Session) -> None:
    """Make the table of questions: about files that it names by name, stem and path, and none about the last one."""
    session.sql("CREATE OR REPLACE TABLE UI_QUESTIONS (FILE_NAME VARCHAR, QUESTION VARCHAR)").collect()
    asked = (
        (ODD_NAMES[0], QUESTION),
        (ODD_NAMES[1].removesuffix(".png"), LONG_QUESTION),
        (f"@MEDIA.PUBLIC.UI_ODD/{ODD_NAMES[2]}", ""),
        ("elsewhere.png", "What is elsewhere?"),
    )
    for row in asked:
        session.sql("INSERT INTO UI_QUESTIONS VALUES (?, ?)", params=list(row)).collect()


def _put(session: Session, path: Path, *stages: str) -> None:
    for stage in stages:
        with path.open("rb") as stream:
            session.file.put_stream(stream, f"@{stage}/{path.name}", auto_compress=False, overwrite=True)


def _log(session: Session) -> None:
    import job_models
    import odd_models
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    existing = {row["name"] for row in session.sql("SHOW MODELS IN SCHEMA").collect()}
    for name, module, model, signature in (
        ("UI_SOUND", odd_models, odd_models.SoundModel, odd_models.SOUND_SIGNATURE),
        ("UI_ODD_MODEL", odd_models, odd_models.OddModel, odd_models.ODD_SIGNATURE),
        ("UI_FILES", job_models, job_models.FileModel, job_models.FILE_SIGNATURE),
    ):
        if name not in existing:
            Registry(session).log_model(
                model(custom_model.ModelContext()),
                model_name=name,
                version_name="V1",
                signatures={"predict": signature},
                target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
                code_paths=[str(module.__file__)],
            )


def _recordings(folder: Path) -> list[Path]:
    """Three tones, which every browser plays."""
    paths = []
    for number in range(3):
        path = folder / f"tone {number}.wav"
        with wave.open(str(path), "wb") as clip:
            clip.setparams((1, 2, 16000, 0, "NONE", ""))
            loud = 3000 * (number + 1)
            samples = (int(loud * math.sin(n * (number + 2) / 20)) for n in range(16000 * (number + 1)))
            clip.writeframes(b"".join(struct.pack("<h", value) for value in samples))
        paths.append(path)
    return paths


def _odd(folder: Path) -> list[Path]:
    from PIL import Image

    paths = []
    for name in ODD_NAMES:
        path: Any = folder / name
        if name == "broken.jpg":
            path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
        else:
            Image.new("RGB", (640, 480), (90, 140, 200)).save(path, "PNG")
        paths.append(path)
    return paths
