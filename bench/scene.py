"""What the measurements run on: a local engine of their own, stages with many files, and models that take no time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.local import lifecycle
from bench.measure import run_child
from bench.relay import Traffic, relay

MODEL, VERSION = "INSTANT", "V1"
BUCKET = "bench"


@dataclass(frozen=True)
class Scene:
    """A running engine with the stage ``WORK`` (internal) and ``MEDIA_<n>_<size>`` (external, n files).

    :param state_dir: the engine's.
    :param status: the engine's own account of itself.
    """

    state_dir: Path
    status: lifecycle.EngineStatus

    @property
    def parameters(self) -> dict[str, Any]:
        """The connector's."""
        return dict(self.status.parameters) | {"platform_detection_timeout_seconds": 0}

    @property
    def environment(self) -> dict[str, str]:
        """The connection as a worker finds it."""
        return self.status.environment | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}

    @contextmanager
    def counted(self) -> Iterator[tuple[Scene, Traffic]]:
        """The same engine through a relay that counts."""
        with relay(self.status.port) as (port, traffic):
            yield replace(self, status=replace(self.status, port=port)), traffic

    def prepare(self) -> None:
        """The stage for all that is written, and the models."""
        self.sql("CREATE STAGE IF NOT EXISTS WORK ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        run_child("bench.children.log_model", "--parameters", json.dumps(self.parameters))

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor of the connector's."""
        import snowflake.connector

        with snowflake.connector.connect(**self.parameters) as connection, connection.cursor() as cursor:
            yield cursor

    def sql(self, *statements: str) -> list[Any]:
        """Run statements over one connection; the rows of the last."""
        with self.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def stage_of(self, files: int, size: int = 4) -> str:
        """An external stage with so many files of ``size`` bytes, made on disk: uploading is not what is measured."""
        name = f"MEDIA_{files}_{size}"
        folder = self.state_dir / "buckets" / BUCKET / name
        if not folder.exists():
            for index in range(files):
                place = folder / f"{index // 1000:04d}"
                if index % 1000 == 0:
                    place.mkdir(parents=True)
                (place / f"{index:07d}.jpg").write_bytes(index.to_bytes(4, "big").ljust(size, b"\0"))
        self.sql(f"CREATE STAGE IF NOT EXISTS {name} URL = 's3://{BUCKET}/{name}/'")
        return f"@MEDIA.PUBLIC.{name}/"

    def paths(self, stage: str) -> list[Path]:
        """The files of a stage of :meth:`stage_of`, in the order of their names."""
        return sorted((self.state_dir / "buckets" / BUCKET / stage.strip("/").split(".")[-1]).rglob("*.jpg"))

    def drop(self, stage: str) -> None:
        """Let go of a stage of :meth:`stage_of`, and of its files."""
        for path in self.paths(stage):
            path.unlink()
        self.sql(f"DROP STAGE {stage.strip('@/')}")


def execute(name: str, model: str, query: str, specification: Sequence[str] = (), *, waits: bool = False) -> str:
    """The statement of a job whose one file column is IMAGE.

    :param query: its input.
    :param specification: more lines of its specification.
    :param waits: answer at the job's end.
    """
    column = "{IMAGE: {input_format: full_stage_path, convert_to: raw_bytes}}"
    text = "\n".join(
        (
            f"input: {{column_handling: {column}}}",
            'output: {stage_location: "@MEDIA.PUBLIC.WORK/out/", mode: error}',
            *specification,
        )
    )
    return (
        f"EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL LOCAL_POOL WITH SPECIFICATION '{text}' FROM ({query}) "
        f"MODEL = {model} VERSION = {VERSION} FUNCTION = 'predict' NAME = {name} "
        f"ASYNC = {'FALSE' if waits else 'TRUE'}"
    )


@contextmanager
def scene(state_dir: Path) -> Iterator[Scene]:
    """Start the engine, make the work stage and log the models; stop the engine at the end."""
    status = lifecycle.start(state_dir)
    try:
        made = Scene(state_dir, status)
        made.prepare()
        yield made
    finally:
        lifecycle.stop(state_dir)
