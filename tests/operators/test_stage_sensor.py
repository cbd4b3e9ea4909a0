"""Waiting for files, on the local engine: the sensor, its trigger, and the trigger of assets."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException, TaskDeferred
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.exceptions import InvalidInputError, PollingFailedError
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.selection import Window
from airflow_provider_mediabatch.files.stage_listing import list_stages
from airflow_provider_mediabatch.ledger import new_files
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, resolve_subject
from airflow_provider_mediabatch.ledger.ledger import Ledger
from airflow_provider_mediabatch.sensors.stage_files import StageFilesSensor
from airflow_provider_mediabatch.triggers.shared_connection import shared_connection
from airflow_provider_mediabatch.triggers.stage_files import StageFilesTrigger
from airflow_provider_mediabatch.triggers.stage_stream import Snapshot, StageProducer, oldest_watermarks


class Stage:
    """An external stage over a folder."""

    def __init__(self, engine: Any, connection: Any) -> None:
        name = f"SENSOR_{uuid.uuid4().hex[:8]}".upper()
        bucket = name.lower().replace("_", "-")
        connection.cursor().execute(f"CREATE STAGE {name} URL = 's3://{bucket}/in/'")
        self.connection = connection
        self.path = f"@MEDIA.PUBLIC.{name}/"
        self.table = f"MEDIA.PUBLIC.{name}_L"
        self.folder = Path(engine.state_dir) / "buckets" / bucket / "in"
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, *names: str) -> None:
        for name in names:
            (self.folder / name).write_bytes(b"abc")

    def sensor(self, **arguments: Any) -> StageFilesSensor:
        arguments = {"settle": 0, "poke_interval": 0.3, "timeout": 20, "deferrable": True, **arguments}
        return StageFilesSensor(task_id="wait", stage_path=self.path, snowflake_conn_id="sensor_test", **arguments)


def context(sensor: StageFilesSensor) -> Any:
    ti = RuntimeTaskInstance.model_construct(
        dag_id="dag", task_id="wait", run_id="run", map_index=-1, try_number=1, task=sensor,
        start_date=datetime.now(UTC),
    )  # fmt: skip
    return {"ti": ti}


@pytest.fixture
def stage(engine: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("AIRFLOW_CONN_SENSOR_TEST", engine.airflow_connection)
    with engine.connect() as connection:
        yield Stage(engine, connection)


async def _first(trigger: Any) -> Any:
    async for event in trigger.run():
        return event.payload
    return None


def wait(sensor: StageFilesSensor, meanwhile: Any = None) -> Any:
    """Run a deferrable sensor to its end, its trigger as the triggerer would."""
    ti = context(sensor)
    try:
        return sensor.execute(ti)
    except TaskDeferred as deferred:
        path, arguments = deferred.trigger.serialize()
        assert path.endswith("StageReadyTrigger")
        trigger = type(deferred.trigger)(**arguments)

        async def both() -> Any:
            later = asyncio.create_task(asyncio.to_thread(meanwhile)) if meanwhile else None
            event = await asyncio.wait_for(_first(trigger), 60)
            if later:
                await later
            return event

        return getattr(sensor, deferred.method_name)(ti, asyncio.run(both()))


def test_files_that_are_there(stage: Stage) -> None:
    stage.write("a.jpg", "b.jpg", "c.txt")
    assert wait(stage.sensor(pattern=".*jpg", min_files=2)) == {"files": 2, "bytes": 6}
    in_place = stage.sensor(deferrable=False)
    found = in_place.poke(context(in_place))
    assert isinstance(found, PokeReturnValue)
    assert found.xcom_value == {"files": 3, "bytes": 9}


def test_waits_for_an_upload_to_settle(stage: Stage) -> None:
    stage.write("f0.jpg")

    def upload() -> None:
        for number in range(1, 4):
            time.sleep(0.8)
            stage.write(f"f{number}.jpg")

    assert wait(stage.sensor(settle=2), upload) == {"files": 4, "bytes": 12}


def test_small_arrivals_are_collected_until_there_are_enough_or_one_has_waited(stage: Stage, media: Any) -> None:
    stage.write("a.jpg", "b.jpg")
    with pytest.raises(AirflowSensorTimeout, match="fewer than 3 new"):
        wait(stage.sensor(min_files=3, max_delay=60, timeout=1))
    assert wait(stage.sensor(min_files=3, max_delay=60), lambda: stage.write("c.jpg"))["files"] == 3
    moment = time.time() - 55
    os.utime(stage.folder / "a.jpg", (moment, moment))
    assert wait(stage.sensor(min_files=9, max_delay=60, poke_interval=30))["files"] == 3, "woken when a.jpg has waited"
    with_ledger = stage.sensor(min_files=9, max_delay=60, model_name=media.model, ledger=stage.table, settle=10**6)
    assert wait(with_ledger)["files"] == 3
    with pytest.raises(InvalidInputError, match="max_delay=0 is not a positive number"):
        wait(stage.sensor(max_delay=0))


def test_files_before_a_time_are_not_new(stage: Stage) -> None:
    stage.write("a.jpg")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(AirflowSensorTimeout, match="fewer than 1 new"):
        wait(stage.sensor(since=tomorrow, timeout=1))
    with pytest.raises(AirflowSkipException):
        wait(stage.sensor(since=tomorrow.isoformat(), timeout=1, soft_fail=True))
    assert wait(stage.sensor(since=timedelta(hours=1)))["files"] == 1


def test_files_that_the_ledger_has_are_not_new(stage: Stage, media: Any) -> None:
    stage.write("a.jpg", "b.jpg")
    sensor = stage.sensor(model_name=media.model, ledger=stage.table, timeout=2)
    assert wait(sensor)["files"] == 2, "no ledger yet: nothing is done"
    path = resolve_stage_path(stage.connection, stage.path, "stage_path")
    listed = list_stages(stage.connection, [StageSource("IMG", path)], directory=False, keep_unmatched=True)
    Ledger(stage.connection, stage.table).claim(
        listed.relation,
        owner=ClaimOwner("dag", "list", "run", -1, lambda dag_id, run_id: False),
        subject=resolve_subject(stage.connection, media.model, "V1", None)[1],
    )
    with pytest.raises(AirflowSensorTimeout):
        wait(sensor)
    stage.write("c.jpg")
    assert wait(sensor)["files"] == 1


@pytest.mark.parametrize("skew", [-7200.0, 7200.0], ids=["server behind", "server ahead"])
def test_the_servers_clock_decides_what_has_settled(stage: Stage, skew: float) -> None:
    """A worker whose clock is hours off: files have the server's times, and so has their age."""
    stage.write("a.jpg")
    moment = time.time() + skew - 20  # uploaded 20 seconds ago, by the server's clock
    os.utime(stage.folder / "a.jpg", (moment, moment))
    path = resolve_stage_path(stage.connection, stage.path, "stage_path")
    seen = new_files.count_by_time(stage.connection, path, None, window=Window(), clock=skew)
    assert seen.newest == seen.oldest == pytest.approx(20, abs=15)
    recent = Window(newest=timedelta(minutes=10))
    assert new_files.count_by_time(stage.connection, path, None, window=recent, clock=skew).count == 1
    assert new_files.server_clock(stage.connection) == pytest.approx(0, abs=5)

    async def snapshot() -> Snapshot:
        async with shared_connection("sensor_test") as shared:
            arguments = StageFilesTrigger(
                stage_path=stage.path, asset_name="skewed", snowflake_conn_id="sensor_test"
            ).serialize()[1]
            return await StageProducer(arguments)._poll(shared, skew)

    seen_by_watcher = asyncio.run(snapshot())
    (file,) = seen_by_watcher.files
    assert seen_by_watcher.now - file.modified == pytest.approx(20, abs=15)


def test_what_cannot_work(stage: Stage) -> None:
    with pytest.raises(InvalidInputError, match="shell pattern"):
        wait(stage.sensor(pattern="*.jpg"))
    sensor = stage.sensor()
    with pytest.raises(PollingFailedError, match="could not be read: gone"):
        sensor.execute_complete(context(sensor), {"error": "gone"})


class Store:
    """What the triggers ask of Airflow's asset state store, which only a triggerer has."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)


class Watcher(StageFilesTrigger):
    """The trigger, with its store at hand."""

    store = Store()

    def _store(self) -> Any:
        return self.store


def test_snapshots_become_events(stage: Stage) -> None:
    """The producer's snapshots through the filters of two watchers of one path, as the triggerer connects them."""
    arguments = {
        "stage_path": stage.path, "snowflake_conn_id": "sensor_test", "poll_interval": 0.5, "settle": 1, "max_delay": 60
    }  # fmt: skip
    images = Watcher(**arguments, asset_name="images", pattern=".*jpg")
    texts = Watcher(**arguments, asset_name="texts", pattern=".*txt")
    stage.write("a.jpg", "b.jpg")

    async def play() -> dict[str, list[Any]]:
        events: dict[str, list[Any]] = {"images": [], "texts": []}
        queues = {"images": asyncio.Queue[Snapshot](), "texts": asyncio.Queue[Snapshot]()}

        async def stream(name: str) -> Any:
            while True:
                yield await queues[name].get()

        async def consume(trigger: Watcher) -> None:
            async for event in trigger.filter_shared_stream(stream(trigger.asset_name)):
                events[trigger.asset_name].append(event.payload)

        tasks = [asyncio.create_task(consume(trigger)) for trigger in (images, texts)]
        await asyncio.sleep(0)
        started = time.monotonic()
        written = False
        snapshots: Any = StageProducer(images.serialize()[1]).open_stream()
        async for snapshot, _ in snapshots:
            for queue in queues.values():
                queue.put_nowait(snapshot)
            await asyncio.sleep(0.05)
            if events["images"] and not written:
                written = True
                stage.write("c.jpg", "note.txt")
            if (len(events["images"]) == 2 and events["texts"]) or time.monotonic() - started > 30:
                break
        for task in tasks:
            task.cancel()
        await snapshots.aclose()
        return events

    events = asyncio.run(play())
    assert [event["files"] for event in events["images"]] == [2, 1]
    assert [(event["files"], event["bytes"]) for event in events["texts"]] == [(1, 3)]
    assert events["images"][0]["to"] == events["images"][1]["from"]


def test_a_watcher_alone_makes_an_event_for_each_upload(stage: Stage) -> None:
    """As on Airflow 3.2, whose triggerer has no shared streams and no store: a restart begins with everything."""
    trigger = StageFilesTrigger(
        stage_path=stage.path, asset_name="alone", snowflake_conn_id="sensor_test", poll_interval=0.5, settle=0.5
    )
    stage.write("a.jpg", "b.jpg")

    async def two_events() -> list[Any]:
        found: list[Any] = []
        events: Any = trigger.run()
        async for event in events:
            found.append(event.payload)
            if len(found) == 2:
                break
            stage.write("c.jpg")
        await events.aclose()
        return found

    async def once() -> Any:
        return await asyncio.wait_for(_first(trigger), 20)

    first, second = asyncio.run(asyncio.wait_for(two_events(), 30))
    assert [first["files"], second["files"]] == [2, 1]
    assert first["to"] == second["from"]
    assert asyncio.run(once())["files"] == 3
    assert not any(oldest_watermarks.values())
