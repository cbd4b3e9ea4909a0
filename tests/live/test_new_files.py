"""New files on a stage, through a really running Airflow: events, kills, a pause, back-fills, a sensor."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from live.stage import DAG_FILE, LiveStage, only_writer, runs, until, until_done

from airflow_provider_mediabatch.triggers.stage_files import WATERMARK

if TYPE_CHECKING:
    from live.conftest import Live

pytestmark = pytest.mark.airflow


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}.bin" for number in range(count)]


def asset_id(live: Live, stage: LiveStage) -> int:
    """Airflow's number of the stage's asset."""
    found = live.airflow.api("GET", "/assets?limit=100")["assets"]
    (number,) = [item["id"] for item in found if f"/{stage.name}" in str(item["uri"])]
    return int(number)


def events(live: Live, stage: LiveStage) -> int:
    """How many events the stage's asset has had.

    Only the oldest is read: Airflow 3.3.2 answers with an error while the run of an event in its reply is being made.
    """
    path = f"/assets/events?asset_id={asset_id(live, stage)}&order_by=timestamp&limit=1"
    return int(live.airflow.api("GET", path)["total_entries"])


def watermark(live: Live, stage: LiveStage, value: Any = None) -> Any:
    """How far the stage's asset has been seen, by Airflow's record; or set it to a value that it had."""
    path = f"/assets/{asset_id(live, stage)}/state-store/{WATERMARK}"
    if value is None:
        return live.airflow.api("GET", path)["value"]
    return live.airflow.api("PUT", path, {"value": value})


def assert_each_once(stage: LiveStage, files: set[str]) -> None:
    assert stage.done() == files
    assert stage.results() == sorted(files), "in the table once"
    assert stage.inferred() == sorted(files), "inferred, and paid for, once"


def test_uploads_start_runs(live: Live) -> None:
    stage = live.start("LIVE_UPLOADS")
    first = stage.upload(names("a", 3))
    until_done(live.airflow, stage, first)
    more = stage.upload(names("b", 10))
    until_done(live.airflow, stage, first | more)
    assert len(runs(live.airflow, stage.dag_id)) == 2
    assert len(stage.run_ids(first)) == len(stage.run_ids(more)) == 1
    assert stage.run_ids(first) != stage.run_ids(more)
    (second,) = stage.run_ids(more)
    assert live.airflow.xcom(stage.dag_id, second, "list_files")["file_count"] == 10
    assert_each_once(stage, first | more)


@pytest.mark.slow
def test_stream_starts_runs_whoever_is_killed(live: Live) -> None:
    """With ``source="stream"`` events are as with LIST, and the stream's offset is moved when they are stored."""
    stage = live.start("LIVE_STREAM")

    def upload(*names: str) -> set[str]:
        uploaded = stage.upload(names)
        stage.query("ALTER STAGE LIVE_STREAM REFRESH")
        return uploaded

    def empty() -> bool:
        return not next(iter(stage.query("SELECT SYSTEM$STREAM_HAS_DATA('LIVE_STREAM_CHANGES') AS D")[0].values()))

    files = upload("a1.bin", "a2.bin", "a3.bin")
    until_done(live.airflow, stage, files)
    until(empty, 60, lambda: stage.query("SELECT * FROM LIVE_STREAM_CHANGES"))
    files |= upload("b1.bin", "b2.bin")
    until_done(live.airflow, stage, files)
    assert len(runs(live.airflow, stage.dag_id)) == 2

    live.airflow.kill_component("triggerer")
    files |= upload("meanwhile.bin")
    live.airflow.start_component("triggerer")
    until_done(live.airflow, stage, files)
    until(empty, 60, lambda: stage.query("SELECT * FROM LIVE_STREAM_CHANGES"))
    assert_each_once(stage, files)


@pytest.mark.slow
def test_triggerer_killed(live: Live) -> None:
    stage = live.start("LIVE_KILLS")
    files = stage.upload(names("before", 3))
    time.sleep(3)  # looked at, but not settled: no event yet
    assert events(live, stage) == 0
    live.airflow.kill_component("triggerer")
    files |= stage.upload(["meanwhile.bin"])
    live.airflow.start_component("triggerer")
    until_done(live.airflow, stage, files)

    seen, mark = events(live, stage), watermark(live, stage)
    files |= stage.upload(names("after", 3))
    until(lambda: events(live, stage) > seen, 60, lambda: events(live, stage), every=0.05)
    live.airflow.kill_component("triggerer")
    # The watermark is stored a moment after the event. As if it had been killed between the two, the event is repeated.
    seen = events(live, stage)
    watermark(live, stage, mark)
    live.airflow.start_component("triggerer")
    until(lambda: events(live, stage) > seen, 90, lambda: events(live, stage))
    until_done(live.airflow, stage, files)

    seen = events(live, stage)
    files |= stage.upload(["deferred.bin"])
    until(lambda: _deferred(live, stage), 90, lambda: runs(live.airflow, stage.dag_id), every=0.2)
    live.airflow.kill_component("triggerer")
    live.airflow.start_component("triggerer")
    until_done(live.airflow, stage, files)
    assert_each_once(stage, files)


def _deferred(live: Live, stage: LiveStage) -> bool:
    """Whether a job is being waited for."""
    path = f"/dags/{stage.dag_id}/dagRuns/~/taskInstances?state=deferred"
    return bool(live.airflow.api("GET", path)["task_instances"])


@pytest.mark.slow
def test_files_that_come_while_the_dag_is_paused(live: Live) -> None:
    stage = live.start("LIVE_PAUSE")
    files = stage.upload(["before.bin"])
    until_done(live.airflow, stage, files)

    seen, started = events(live, stage), len(runs(live.airflow, stage.dag_id))
    live.airflow.api("PATCH", f"/dags/{stage.dag_id}", {"is_paused": True})
    paused = stage.upload(names("paused", 3))
    # Airflow goes on watching for a paused DAG until it reads the file again, so mostly this event comes, to no effect.
    deadline = time.monotonic() + 15
    while events(live, stage) == seen and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(3)
    assert len(runs(live.airflow, stage.dag_id)) == started
    live.airflow.unpause(DAG_FILE.name, stage.dag_id)
    files |= paused | stage.upload(["later.bin"])
    until_done(live.airflow, stage, files)
    assert len(stage.run_ids(paused)) == 1, "the next run takes what the pause swallowed"
    assert_each_once(stage, files)


@pytest.mark.slow
def test_back_fill(live: Live) -> None:
    stage = live.start("LIVE_DAYS")
    days = ("2026-11-18", "2026-11-19", "2026-11-20")
    for day in days:
        for number in range(2):
            stage.write_day(f"{day}_{number}.bin", day)
    files = {f"{day}_{number}.bin" for day in days for number in range(2)}

    back_fill(live, stage, days)
    starts = {run["dag_run_id"]: run["data_interval_start"] for run in runs(live.airflow, stage.dag_id)}
    for day in days:
        (run_id,) = stage.run_ids(f"{day}_{number}.bin" for number in range(2))
        assert starts[run_id].startswith(day), "each run takes its own day's uploads"
    assert_each_once(stage, files)
    assert stage.jobs() == 3

    back_fill(live, stage, days, "--reprocess-behavior", "completed")
    assert stage.jobs() == 3, "back-filled again: no new job"

    conf = json.dumps({"reprocess": True})
    back_fill(live, stage, days, "--reprocess-behavior", "completed", "--dag-run-conf", conf)
    assert stage.jobs() == 6, "reprocessed: new jobs"
    assert stage.inferred() == sorted([*files, *files])
    assert stage.results() == sorted(files), "results replaced, none doubled"


def back_fill(live: Live, stage: LiveStage, days: tuple[str, ...], *options: str) -> None:
    """``airflow backfill create``, and wait for its end."""
    span = ("--from-date", days[0], "--to-date", days[-1], "--max-active-runs", "3")
    with only_writer(live.airflow):
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", stage.dag_id, *span, *options],
            env=live.airflow.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stdout + done.stderr

    def newest() -> Any:
        found = live.airflow.api("GET", f"/backfills?dag_id={stage.dag_id}&limit=10")["backfills"]
        return max(found, key=lambda item: item["id"])

    until(lambda: bool(newest()["completed_at"]), 240, lambda: (newest(), runs(live.airflow, stage.dag_id)))
    assert {run["state"] for run in runs(live.airflow, stage.dag_id) if run["run_type"] == "backfill"} == {"success"}


@pytest.mark.slow
def test_sensor_waits_for_the_whole_upload(live: Live) -> None:
    stage = live.start("LIVE_BURSTS")
    until(lambda: _deferred(live, stage), 90, lambda: runs(live.airflow, stage.dag_id))
    files: set[str] = set()
    for burst in range(3):
        files |= stage.upload(names(f"burst{burst}_", 4))
        time.sleep(3)
    until(lambda: stage.done() == files, 120, stage.ledger)
    assert len(stage.run_ids(files)) == 1, "one run"
    # The next run, which this one's end starts, waits for files that are new to the ledger: these are not.
    until(lambda: len(runs(live.airflow, stage.dag_id)) == 2, 60, lambda: runs(live.airflow, stage.dag_id))
    live.airflow.api("PATCH", f"/dags/{stage.dag_id}", {"is_paused": True})
    assert stage.jobs() == 1
    assert_each_once(stage, files)
