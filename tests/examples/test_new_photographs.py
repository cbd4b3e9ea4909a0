"""The examples for new files: an inbox, what comes after it, days and hours, deliveries."""

from __future__ import annotations

import asyncio
import runpy
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import DAG, AssetOrTimeSchedule, BaseOperator, CronDataIntervalTimetable, CronTriggerTimetable
from airflow_env import EXAMPLES

from airflow_provider_mediabatch.demo import media, models

if TYPE_CHECKING:
    from conftest import Bench


def labels(bench: Bench, table: str) -> dict[str, str]:
    """File name to label; a file that is there twice is an error."""
    rows = bench.session.sql(f"SELECT MB_PATH, LABEL FROM {table}").collect()
    assert len({row["MB_PATH"] for row in rows}) == len(rows)
    return {Path(row["MB_PATH"]).name: row["LABEL"] for row in rows}


def photograph(name: str) -> Path:
    return next(path for path in media.photographs() if path.name == name)


def dags_of(name: str) -> dict[str, DAG]:
    """The DAGs of an example's file."""
    found = runpy.run_path(str(EXAMPLES / f"{name}.py"))
    return {value.dag_id: value for value in found.values() if isinstance(value, DAG)} | {
        task.dag.dag_id: task.dag for task in found.values() if isinstance(task, BaseOperator)
    }


def test_schedules() -> None:
    """Days and hours have data intervals with a length; an upload's event has a reconciling schedule beside it."""
    scheduled = (EXAMPLES / "scheduled_photographs.py").read_text()
    assert '("daily_photographs", "0 0 * * *"), ("hourly_photographs", "0 * * * *")' in scheduled
    hourly = dags_of("scheduled_photographs")["hourly_photographs"]
    assert isinstance(hourly.timetable, CronDataIntervalTimetable)
    (uploads,) = [dag for dag in dags_of("new_photographs").values() if dag.dag_id == "new_photographs"]
    assert isinstance(uploads.timetable, AssetOrTimeSchedule)
    assert isinstance(uploads.timetable.timetable, CronTriggerTimetable)


@pytest.mark.slow
def test_inbox(bench: Bench) -> None:
    bench.log(models.image_classifier(bench.cache))
    table = "MEDIA.PUBLIC.PHOTOGRAPH_PREDICTIONS"
    bench.upload("PHOTOS", "inbox", [photograph("coffee.png")])
    bench.run("new_photographs")
    assert labels(bench, table) == {"coffee.png": "espresso"}

    bench.session.file.put(str(photograph("flower.jpg")), "@PHOTOS/inbox", auto_compress=False)
    second = bench.run("new_photographs")
    assert [manifest["file_count"] for manifest in second.returned("list_files")] == [1]
    expected = {"coffee.png": "espresso", "flower.jpg": "daisy"}
    assert labels(bench, table) == expected
    read = bench.run("predictions_ready").returned("read_predictions")
    assert {Path(row["MB_PATH"]).name: row["LABEL"] for row in read} == expected

    # These were uploaded today and are done: the day has nothing to do; told to repeat them, it replaces their rows.
    # A run by hand has the data interval that ended last before its date.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    for conf, state in (({}, "skipped"), ({"reprocess": True}, "success")):
        done = bench.home.run_dag(
            EXAMPLES / "scheduled_photographs.py",
            "daily_photographs",
            conf=conf,
            logical_date=midnight.isoformat(),
        )
        assert {task["id"]: task["state"] for task in done.tasks}["list_files"] == state, done.errors()
        if state == "skipped":
            assert "2 done" in done.log.read_text()
    assert done.returned("list_files")["generation"] == 1
    assert labels(bench, table) == expected


@pytest.mark.slow
def test_stream(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example's own watcher hears of each upload from the stream, and its run takes it."""
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE_DEFAULT", bench.home.connections["snowflake_default"])
    bench.log(models.image_classifier(bench.cache))
    (watcher,) = runpy.run_path(str(EXAMPLES / "streamed_photographs.py"))["uploads"].watchers
    bench.upload("ARRIVALS", "2026", [])
    bench.session.sql("CREATE OR REPLACE STREAM PHOTOGRAPH_ARRIVALS ON STAGE ARRIVALS").collect()

    def upload(name: str) -> None:
        bench.session.file.put(str(photograph(name)), "@ARRIVALS/2026", auto_compress=False)
        bench.session.sql("ALTER STAGE ARRIVALS REFRESH").collect()

    async def watch() -> list[int]:
        files = []
        async for event in watcher.trigger.run():
            files.append(event.payload["files"])
            if len(files) == 2:
                break
            await asyncio.to_thread(upload, "flower.jpg")
        return files

    upload("coffee.png")
    assert asyncio.run(asyncio.wait_for(watch(), 120)) == [1, 1]
    result = bench.run("streamed_photographs")
    assert result.returned("list_files")["file_count"] == 2
    assert labels(bench, "MEDIA.PUBLIC.ARRIVAL_PREDICTIONS") == {"coffee.png": "espresso", "flower.jpg": "daisy"}


@pytest.mark.slow
def test_delivery(bench: Bench, tmp_path: Path) -> None:
    bench.log(models.image_classifier(bench.cache))
    copies = [tmp_path / f"coffee{number}.png" for number in range(10)]
    for copy in copies:
        shutil.copy(photograph("coffee.png"), copy)
    bench.upload("PHOTOS", "deliveries", copies)
    bench.run("waiting_for_photographs")
    table = "MEDIA.PUBLIC.DELIVERED_PREDICTIONS"
    assert labels(bench, table) == {copy.name: "espresso" for copy in copies}
