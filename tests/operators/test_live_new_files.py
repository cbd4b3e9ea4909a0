"""New files through a really running Airflow: asset events, a killed triggerer, a pause, back-fills."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.hooks.mediabatch import rows

DAG_FILE = Path(__file__).parent / "dags" / "live_new_files.py"
pytestmark = pytest.mark.airflow


class Stage:
    """An external stage over a folder, and what the ledger has of it."""

    def __init__(self, media: Any, connection: Any, name: str) -> None:
        bucket = name.lower().replace("_", "-")
        connection.cursor().execute(f"CREATE STAGE IF NOT EXISTS {name} URL = 's3://{bucket}/in/'")
        self.folder = Path(media.engine.state_dir) / "buckets" / bucket / "in"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.connection = name, connection

    def write(self, *names: str, day: int | None = None) -> None:
        for item in names:
            (self.folder / item).write_bytes(item.encode())
            if day is not None:
                moment = datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()
                os.utime(self.folder / item, (moment, moment))

    def query(self, text: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = rows(self.connection, text)
        return found

    def done(self) -> set[str]:
        if not self.query(f"SHOW TABLES LIKE '{self.name}_LEDGER' IN SCHEMA MEDIA.PUBLIC"):
            return set()
        found = self.query(f"SELECT FILE_PATH FROM {self.name}_LEDGER WHERE STATE = 'done'")
        return {row["FILE_PATH"].rsplit("/", 1)[1] for row in found}

    def results(self) -> list[str]:
        """File names of the result rows; a name that is there twice was done twice."""
        return sorted(
            row["MB_PATH"].rsplit("/", 1)[1] for row in self.query(f"SELECT MB_PATH FROM {self.name}_RESULTS")
        )

    def jobs(self) -> int:
        return len(self.query(f"LIST @OP_WORK/{self.name}/ PATTERN = '.*_SUCCESS'"))


def until(condition: Callable[[], bool], seconds: float, what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(1)


def runs(airflow: Any, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.api("GET", f"/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
    return found


def idle(airflow: Any, dag_id: str) -> bool:
    return all(run["state"] in ("success", "failed") for run in runs(airflow, dag_id))


def test_uploads_start_runs(media: Any, connection: Any, live_airflow: Any) -> None:
    stage = Stage(media, connection, "LIVE_UPLOADS")
    live_airflow.add_dag(DAG_FILE, "live_new_files")
    first = [f"a{number}.bin" for number in range(3)]
    stage.write(*first)
    until(lambda: stage.done() == set(first), 150, lambda: (stage.done(), runs(live_airflow, "live_new_files")))
    before = len(runs(live_airflow, "live_new_files"))
    more = [f"b{number}.bin" for number in range(10)]
    stage.write(*more)
    until(lambda: stage.done() == {*first, *more}, 150, lambda: (stage.done(), runs(live_airflow, "live_new_files")))
    assert len(runs(live_airflow, "live_new_files")) <= before + 2, "ten files make one run, or two"

    live_airflow.stop_component("triggerer", signal.SIGKILL)
    killed = [f"c{number}.bin" for number in range(3)]
    stage.write(*killed)
    live_airflow.start_component("triggerer")
    every = {*first, *more, *killed}
    until(lambda: stage.done() == every, 200, lambda: (stage.done(), runs(live_airflow, "live_new_files")))

    until(lambda: idle(live_airflow, "live_new_files"), 100, lambda: runs(live_airflow, "live_new_files"))
    live_airflow.api("PATCH", "/dags/live_new_files", {"is_paused": True})
    stage.write("d0.bin")
    time.sleep(6)
    live_airflow.api("PATCH", "/dags/live_new_files", {"is_paused": False})
    stage.write("e0.bin")
    every |= {"d0.bin", "e0.bin"}
    until(lambda: stage.done() == every, 150, lambda: (stage.done(), runs(live_airflow, "live_new_files")))
    until(lambda: idle(live_airflow, "live_new_files"), 100, lambda: runs(live_airflow, "live_new_files"))
    assert stage.results() == sorted(every), "every file once"


def test_back_fill(media: Any, connection: Any, live_airflow: Any) -> None:
    stage = Stage(media, connection, "LIVE_DAYS")
    for day in (18, 19, 20):
        stage.write(f"day{day}.bin", day=day)
    live_airflow.add_dag(DAG_FILE, "live_by_day")

    def create(body: dict[str, Any]) -> Any:
        for _ in range(20):
            try:
                return live_airflow.api("POST", "/backfills", body)
            except RuntimeError as error:
                # Airflow's answer when its SQLite is written to by the scheduler at the same moment.
                if "Database is locked" not in str(error):
                    raise
                time.sleep(1)
        raise AssertionError("SQLite stayed locked")

    def back_fill(behavior: str, conf: dict[str, Any] | None = None) -> None:
        body = {
            "dag_id": "live_by_day",
            "from_date": "2026-11-18T00:00:00Z",
            "to_date": "2026-11-20T00:00:00Z",
            "reprocess_behavior": behavior,
            "max_active_runs": 1,
            "run_backwards": False,
            "dag_run_conf": conf or {},
        }
        made = create(body)
        until(
            lambda: bool(live_airflow.api("GET", f"/backfills/{made['id']}")["completed_at"]),
            280,
            lambda: runs(live_airflow, "live_by_day"),
        )

    back_fill("none")
    days = ["day18.bin", "day19.bin", "day20.bin"]
    assert stage.results() == days
    dates = {run["dag_run_id"]: run["logical_date"] for run in runs(live_airflow, "live_by_day")}
    found = stage.query("SELECT FILE_PATH, RUN_ID FROM LIVE_DAYS_LEDGER")
    for row in found:
        day = row["FILE_PATH"].rsplit("/day", 1)[1][:2]
        assert dates[row["RUN_ID"]].startswith(f"2026-11-{day}")
    assert stage.jobs() == 3
    back_fill("completed")
    assert stage.jobs() == 3, "back-filled again: no new job"
    back_fill("completed", {"reprocess": True})
    assert stage.jobs() == 6, "reprocessed: new jobs"
    assert stage.results() == days, "results replaced, none doubled"
