"""A stage of a test's own, and what ledger, results table and jobs' output say of its files."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import rows

if TYPE_CHECKING:
    from driven_airflow import DrivenAirflow
    from snowflake.connector import SnowflakeConnection


DAG_FILE = Path(__file__).parent / "dags" / "live_stage_files.py"


class LiveStage:
    """One stage of the DAGs in ``dags/live_stage_files.py``; its DAG has the same name in lower case.

    :param bucket: for an external stage: the folder that is its bucket, whose files' times can be set.
    """

    def __init__(self, connection: SnowflakeConnection, name: str, folder: Path, bucket: Path | None = None) -> None:
        self.connection, self.name, self.folder, self.bucket = connection, name, folder, bucket
        self.dag_id = name.lower()
        folder.mkdir(parents=True, exist_ok=True)

    def upload(self, names: Iterable[str]) -> set[str]:
        """PUT files, each of a content of its own; returns their names."""
        names = set(names)
        for name in names:
            (self.folder / name).write_text(name)
            self.query(f"PUT 'file://{self.folder / name}' @{self.name} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        return names

    def write_day(self, name: str, day: str) -> None:
        """A file in the bucket, uploaded at noon of a day."""
        assert self.bucket is not None
        self.bucket.mkdir(parents=True, exist_ok=True)
        (self.bucket / name).write_text(name)
        moment = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC).timestamp()
        os.utime(self.bucket / name, (moment, moment))

    def query(self, text: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = rows(self.connection, text)
        return found

    def ledger(self) -> list[dict[str, Any]]:
        """Its rows with the files' names as FILE."""
        if not self.query(f"SHOW TABLES LIKE '{self.name}_LEDGER' IN SCHEMA MEDIA.PUBLIC"):
            return []
        found = self.query(f"SELECT FILE_PATH, STATE, RUN_ID, JOB_NAME FROM MEDIA.PUBLIC.{self.name}_LEDGER")
        return [row | {"FILE": row["FILE_PATH"].rsplit("/", 1)[1]} for row in found]

    def done(self) -> set[str]:
        return {row["FILE"] for row in self.ledger() if row["STATE"] == "done"}

    def run_ids(self, names: Iterable[str]) -> set[str]:
        """The runs that did these files."""
        wanted = set(names)
        return {row["RUN_ID"] for row in self.ledger() if row["FILE"] in wanted}

    def results(self) -> list[str]:
        """File names of the result rows, sorted: a name that is there twice was loaded twice."""
        return _names(self.query(f"SELECT MB_PATH AS P FROM MEDIA.PUBLIC.{self.name}_RESULTS"))

    def inferred(self) -> list[str]:
        """File names of all rows that any job ever wrote, sorted: a name that is there twice was paid for twice."""
        place = f"@LIVE_WORK/{self.name}/ (FILE_FORMAT => 'LIVE_PARQUET', PATTERN => '.*[.]parquet')"
        return _names(self.query(f'SELECT $1:"IMG"::VARCHAR AS P FROM {place}'))

    def jobs(self) -> int:
        """How many jobs ended well."""
        return len(self.query(f"LIST @LIVE_WORK/{self.name}/ PATTERN = '.*_SUCCESS'"))


def _names(found: list[dict[str, Any]]) -> list[str]:
    return sorted(str(row["P"]).rsplit("/", 1)[1] for row in found)


def until(condition: Callable[[], bool], seconds: float, what: Callable[[], Any], every: float = 0.5) -> None:
    """Wait for a condition; ``what`` says what there is instead when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(every)


@contextmanager
def only_writer(airflow: DrivenAirflow) -> Iterator[None]:
    """Hold Airflow's components but for the API server, while one of Airflow's commands writes to their SQLite.

    SQLite ends a transaction that reads first and writes later, as creating a back-fill is, when another process wrote
    in between; PostgreSQL and MySQL do not.
    """
    groups = [airflow.processes[name].pid for name in ("scheduler", "triggerer", "dag-processor")]
    try:
        _signal(groups, signal.SIGSTOP)
        while _is_locked(airflow.home.path / "airflow.db"):  # one of them was stopped in the middle of writing
            _signal(groups, signal.SIGCONT)
            time.sleep(0.2)
            _signal(groups, signal.SIGSTOP)
        yield
    finally:
        _signal(groups, signal.SIGCONT)


def _signal(groups: Iterable[int], number: int) -> None:
    for group in groups:
        os.killpg(group, number)


def _is_locked(path: Path) -> bool:
    """Whether a process is writing to a SQLite."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
    return False


def runs(airflow: DrivenAirflow, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.api("GET", f"/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
    return found


def until_done(airflow: DrivenAirflow, stage: LiveStage, names: Iterable[str], seconds: float = 180) -> None:
    """Wait until the ledger has these files as done and every run of the stage's DAG is over, none of them failed."""
    expected = set(names)

    def over() -> bool:
        return stage.done() == expected and all(run["state"] == "success" for run in runs(airflow, stage.dag_id))

    def found() -> Any:
        states = {run["dag_run_id"]: run["state"] for run in runs(airflow, stage.dag_id)}
        return states, sorted((row["FILE"], row["STATE"]) for row in stage.ledger())

    until(over, seconds, found)
