"""What the measurements run on: a local engine of their own, stages with many files, and an instant model."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.local import daemon

MODEL, VERSION = "INSTANT", "V1"
BUCKET = "bench"


@dataclass(frozen=True)
class Scene:
    """A running engine with the stages ``WORK`` (internal) and ``MEDIA_<n>`` (external, n files).

    :param state_dir: the engine's.
    :param parameters: the connector's.
    """

    state_dir: Path
    parameters: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """The connection as a worker finds it."""
        text = subprocess.check_output(
            [
                sys.executable,
                "-m",
                "airflow_provider_mediabatch.cli",
                "local",
                "env",
                "--state-dir",
                str(self.state_dir),
            ],
            text=True,
        )
        exports = [shlex.split(line)[-1].split("=", 1) for line in text.splitlines() if line.startswith("export ")]
        return dict(exports) | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}

    def sql(self, *statements: str) -> list[Any]:
        """Run statements over one connection; the rows of the last."""
        import snowflake.connector

        with snowflake.connector.connect(**self.parameters) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def stage_of(self, files: int, size: int = 1) -> str:
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


@contextmanager
def scene(state_dir: Path) -> Iterator[Scene]:
    """Start the engine, make the work stage and log the model; stop the engine at the end."""
    status = daemon.start(state_dir)
    try:
        made = Scene(state_dir, dict(status.parameters))
        made.sql("CREATE STAGE IF NOT EXISTS WORK ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        subprocess.run(
            [sys.executable, "-m", "bench.children.log_model", "--parameters", json.dumps(made.parameters)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield made
    finally:
        daemon.stop(state_dir)
