"""A stage with files, a work stage and logged models on the shared engine, for the operators' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import job_models
import pytest
from operators import outputs
from operators.loading import Output

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

CONN_ID = "mediabatch_test"
FILES = 12


@dataclass(frozen=True)
class Media:
    """Names of what is there.

    :param model: CustomModel FILES: BYTES input ``img``, outputs size, head, pid, batch; params scale, mode.
    """

    engine: Any
    files: str = "@MEDIA.PUBLIC.OP_FILES/in/"
    work: str = "@MEDIA.PUBLIC.OP_WORK/"
    model: str = "MEDIA.PUBLIC.OP_FILE_MODEL"
    pool: str = "LOCAL_POOL"

    def connect(self, **overrides: Any) -> SnowflakeConnection:
        connection: SnowflakeConnection = self.engine.connect(**overrides)
        return connection


@pytest.fixture(scope="session")
def media(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Twelve small files of different sizes, and the models, made once."""
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    folder = tmp_path_factory.mktemp("media")
    for number in range(FILES):
        (folder / f"f{number:02}.bin").write_bytes(bytes([65 + number]) * (10 + number))
    with engine.session() as session:
        for name in ("OP_FILES", "OP_WORK"):
            session.sql(
                f"CREATE STAGE IF NOT EXISTS {name} DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
            ).collect()
        session.file.put(str(folder / "*.bin"), "@OP_FILES/in", auto_compress=False)
        models = {
            "OP_FILE_MODEL": (job_models.FileModel, {"predict": job_models.FILE_SIGNATURE}),
            "OP_GROUP_MODEL": (job_models.GroupModel, {"summarise": job_models.GROUP_SIGNATURE}),
            "OP_FIRST_MODEL": (job_models.FirstModel, {"first": job_models.FIRST_SIGNATURE}),
        }
        for name, (kind, signatures) in models.items():
            Registry(session).log_model(
                kind(custom_model.ModelContext()),
                model_name=name,
                version_name="V1",
                signatures=signatures,
                target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
                options={"function_type": "TABLE_FUNCTION"} if kind is not job_models.FileModel else None,
                code_paths=[str(Path(job_models.__file__))],
            )
    return Media(engine)


@pytest.fixture(scope="session")
def saying_model(media: Media) -> str:
    """A model that catches its own exceptions, logged once."""
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    with media.engine.session() as session:
        Registry(session).log_model(
            job_models.SayingModel(custom_model.ModelContext()),
            model_name="OP_SAYING_MODEL",
            version_name="V1",
            signatures={"predict": job_models.SAYING_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[str(Path(job_models.__file__))],
        )
    return "MEDIA.PUBLIC.OP_SAYING_MODEL"


@pytest.fixture
def connection(media: Media) -> Iterator[SnowflakeConnection]:
    """A connection of the test's own."""
    with media.connect() as opened:
        yield opened


@pytest.fixture
def conn_id(media: Media, monkeypatch: pytest.MonkeyPatch) -> str:
    """An Airflow connection id that leads to the engine."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", media.engine.airflow_connection)
    return CONN_ID


@pytest.fixture
def written(media: Media, connection: SnowflakeConnection) -> Callable[..., Any]:
    """Writes an output as a job does."""
    return partial(outputs.write_output, media, connection)


@pytest.fixture
def table(connection: SnowflakeConnection) -> Callable[..., str]:
    """Makes a table of the test's own."""
    return partial(outputs.make_table, connection)


@pytest.fixture
def output(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Output]:
    """Folders as jobs write them, and a table of the test's own."""
    monkeypatch.setenv("AIRFLOW_CONN_LOAD_TEST", engine.airflow_connection)
    with engine.connect() as connection:
        yield Output(engine, connection, tmp_path)
