"""``source="stream"`` on the local engine: what makes an event, when the stream is moved, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger import stage_changes
from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark
from airflow_provider_mediabatch.triggers.stage_files import StageFilesTrigger

if TYPE_CHECKING:
    from conftest import RunningEngine

CONN_ID = "stream_test"


class Streamed:
    """A stage with a directory table, and a stream on it of the same name."""

    def __init__(self, engine: RunningEngine, connection: Any, folder: Path) -> None:
        self.engine, self.connection, self.folder = engine, connection, folder
        self.name = f"STREAMED_{uuid.uuid4().hex[:8]}".upper()
        self.full = f"MEDIA.PUBLIC.{self.name}"
        self.sql(f"CREATE STAGE {self.name} DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        self.create_stream()

    def sql(self, text: str) -> list[dict[str, Any]]:
        return rows(self.connection, text)

    def create_stream(self) -> None:
        self.sql(f"CREATE OR REPLACE STREAM {self.name} ON STAGE {self.name}")

    def upload(self, *names: str, refresh: bool = True) -> None:
        for name in names:
            file = self.folder / name.rpartition("/")[2]
            file.write_text(f"{name} {time.time()}")
            place = f"@{self.name}/{name.rpartition('/')[0]}"
            self.sql(f"PUT 'file://{file}' {place} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        if refresh:
            self.sql(f"ALTER STAGE {self.name} REFRESH")

    def has_data(self) -> bool:
        return stage_changes.has_data(self.connection, self.full)

    def statements(self, begin: str) -> int:
        """How many statements about this stage and stream begin so, by the engine's record."""
        with sqlite3.connect(f"file:{self.engine.state_dir}/catalog.sqlite?mode=ro", uri=True) as log:
            found = log.execute(
                "SELECT COUNT(*) FROM queries WHERE sql LIKE ? AND sql LIKE ?", (begin + "%", f"%{self.name}%")
            )
            return int(found.fetchone()[0])

    def trigger(self, asset: str = "asset", path: str = "", **arguments: Any) -> StageFilesTrigger:
        arguments = {"poll_interval": 0.4, "settle": 0.0, "source": "stream", "stream": self.name, **arguments}
        return StageFilesTrigger(
            stage_path=f"@{self.full}/{path}",
            asset_name=f"{asset} {self.name}",
            snowflake_conn_id=CONN_ID,
            **arguments,
        )


@pytest.fixture
def streamed(engine: RunningEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Streamed]:
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", engine.airflow_connection)
    with engine.connect() as connection:
        yield Streamed(engine, connection, tmp_path)


Next = Callable[[], Coroutine[Any, Any, dict[str, Any]]]


@asynccontextmanager
async def watching(trigger: StageFilesTrigger, watermark: StageWatermark | None = None) -> AsyncIterator[Next]:
    """The watcher at work, alone; gives what waits for its next event.

    :param watermark: how far the stage was seen before.
    """
    found: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def watch() -> None:
        if watermark is None:
            events: Any = trigger.run()
        else:
            producer = trigger.create_shared_stream_producer(trigger.serialize()[1])
            events = trigger._events(producer.unshared_snapshots(), watermark)  # type: ignore[attr-defined]
        async with aclosing(events):
            async for event in events:
                found.put_nowait(event.payload)

    async def next_event() -> dict[str, Any]:
        return await asyncio.wait_for(found.get(), 60)

    task = asyncio.create_task(watch())
    try:
        yield next_event
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


def test_one_list_and_then_the_stream(streamed: Streamed) -> None:
    """What was there before the stream makes an event too; after that no LIST is sent, whatever comes."""
    streamed.upload("a.jpg", "b.jpg", "c.txt", refresh=False)

    async def go() -> None:
        async with watching(streamed.trigger(pattern=".*[.]jpg")) as event:
            first = await event()
            assert (first["files"], first["from"], first["pattern"]) == (2, None, ".*[.]jpg")
            await asyncio.to_thread(streamed.upload, "d.jpg", "e.jpg", "f.jpg", "g.txt")
            second = await event()
            assert (second["files"], second["from"]) == (3, first["to"])
            await until(lambda: not streamed.has_data())
            await asyncio.sleep(1.1)  # times are whole seconds, as in LIST
            await asyncio.to_thread(streamed.upload, "d.jpg")
            assert (await event())["files"] == 1, "a file that was overwritten is new"
            await until(lambda: not streamed.has_data())

    asyncio.run(go())
    assert streamed.statements("LIST") == 1
    assert streamed.statements("CREATE TEMPORARY TABLE") == 2
    assert streamed.sql("SHOW TABLES LIKE 'MB_TAKEN%' IN SCHEMA MEDIA.PUBLIC") == []


def test_a_poll_that_finds_nothing_uses_no_warehouse(streamed: Streamed, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = json.loads(streamed.engine.airflow_connection)
    connection["extra"] |= {"warehouse": "NO_SUCH_WAREHOUSE"}
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(connection))
    streamed.upload("a.jpg", refresh=False)

    async def go() -> None:
        async with watching(streamed.trigger()) as event:
            assert (await event())["files"] == 1
            await until(lambda: streamed.statements("SELECT SYSTEM$STREAM_HAS_DATA") >= 4)

    asyncio.run(go())
    assert streamed.statements("SELECT RELATIVE_PATH") == 0


def test_what_no_watcher_wants_is_taken_from_the_stream(streamed: Streamed) -> None:
    """Or every poll would read it again, with a warehouse."""

    async def go() -> None:
        async with watching(streamed.trigger(path="in/", pattern=".*[.]jpg")) as event:
            await until(lambda: streamed.statements("LIST"))
            await asyncio.to_thread(streamed.upload, "in/a.txt", "out/b.jpg", "inner.jpg")
            await until(lambda: not streamed.has_data())
            await asyncio.to_thread(streamed.upload, "in/c.jpg")
            assert (await event())["files"] == 1

    asyncio.run(go())


def test_files_that_wait_are_kept_though_the_stream_is_taken(streamed: Streamed) -> None:
    """``min_files`` and ``max_delay`` are as with LIST; while files wait no poll needs a warehouse."""

    async def go() -> None:
        trigger = streamed.trigger(min_files=3, max_delay=600)
        async with watching(trigger) as event:
            await until(lambda: streamed.statements("LIST"))
            await asyncio.to_thread(streamed.upload, "a.jpg", "b.jpg")
            await until(lambda: not streamed.has_data())
            read = streamed.statements("SELECT RELATIVE_PATH")
            polls = streamed.statements("SELECT SYSTEM$STREAM_HAS_DATA")
            await until(lambda: streamed.statements("SELECT SYSTEM$STREAM_HAS_DATA") >= polls + 3)
            assert streamed.statements("SELECT RELATIVE_PATH") == read
            await asyncio.to_thread(streamed.upload, "c.jpg")
            assert (await event())["files"] == 3

    asyncio.run(go())


def test_files_that_wait_for_more_without_an_end_are_kept(streamed: Streamed) -> None:
    """``max_delay=None``: three that come one by one are three."""

    async def go() -> None:
        async with watching(streamed.trigger(min_files=3, max_delay=None)) as event:
            await until(lambda: streamed.statements("LIST"))
            for name in ("a.jpg", "b.jpg"):
                await asyncio.to_thread(streamed.upload, name)
                await until(lambda: not streamed.has_data())
            await asyncio.to_thread(streamed.upload, "c.jpg")
            assert (await event())["files"] == 3

    asyncio.run(go())


def test_a_watcher_that_dies_while_files_wait_loses_none(streamed: Streamed) -> None:
    """They are gone from the stream; the watermark, which has not moved, and the LIST of the next start find them."""

    async def go() -> None:
        async with watching(streamed.trigger(min_files=9, max_delay=600), StageWatermark()):
            await until(lambda: streamed.statements("LIST"))
            await asyncio.to_thread(streamed.upload, "a.jpg", "b.jpg")
            await until(lambda: not streamed.has_data())
        async with watching(streamed.trigger(), StageWatermark()) as event:
            assert (await event())["files"] == 2

    asyncio.run(go())


def test_a_stream_that_was_made_anew(streamed: Streamed) -> None:
    """It begins at its creation, so that the watcher lists what came before."""

    async def go() -> None:
        streamed.upload("a.jpg")
        async with watching(streamed.trigger()) as event:
            assert (await event())["files"] == 1
            await asyncio.to_thread(streamed.upload, "b.jpg", "c.jpg", refresh=False)
            anew = f"CREATE OR REPLACE STREAM {streamed.name} ON STAGE {streamed.name}"
            await asyncio.to_thread(streamed.sql, f"ALTER STAGE {streamed.name} REFRESH ->> {anew}")
            assert (await event())["files"] == 2

    asyncio.run(go())


def test_an_offset_that_could_not_be_moved(
    own_engine: RunningEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whether it was moved is not known then: one more LIST tells, the event is not repeated, and none is lost."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", own_engine.airflow_connection)
    rule = {"match": "^CREATE TEMPORARY TABLE", "nth": 1, "action": "error", "code": 603, "message": "no reason"}
    (own_engine.state_dir / "faults.json").write_text(json.dumps({"rules": [rule]}))
    with own_engine.connect() as connection:
        streamed = Streamed(own_engine, connection, tmp_path)

        async def go() -> None:
            async with watching(streamed.trigger()) as event:
                await until(lambda: streamed.statements("LIST"))
                await asyncio.to_thread(streamed.upload, "a.jpg")
                assert (await event())["files"] == 1
                await until(lambda: not streamed.has_data())
                await asyncio.to_thread(streamed.upload, "b.jpg", "c.jpg")
                assert (await event())["files"] == 2

        asyncio.run(go())
        assert streamed.statements("LIST") == 2


def test_the_watcher_refreshes_the_directory_table_when_it_is_told_to(streamed: Streamed) -> None:
    async def go() -> None:
        async with watching(streamed.trigger(refresh_directory=True)) as event:
            await until(lambda: streamed.statements("LIST"))
            await asyncio.to_thread(streamed.upload, "a.jpg", refresh=False)
            assert (await event())["files"] == 1

    asyncio.run(go())
    assert streamed.statements("LIST") == 1


def test_a_directory_table_that_nobody_refreshes_is_warned_of(
    streamed: Streamed, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        async with watching(streamed.trigger()):
            await until(lambda: streamed.statements("SELECT SYSTEM$STREAM_HAS_DATA") >= 2)

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    (said,) = [text for text in caplog.messages if "not refreshed automatically" in text]
    assert f"ALTER STAGE {streamed.full} REFRESH" in said
    assert "refresh_directory=True" in said


def test_a_stream_that_is_missing_is_said_and_asked_for_again(
    streamed: Streamed, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_mediabatch.triggers.stage_stream._MAX_BACKOFF", 0.5)
    streamed.upload("a.jpg")
    streamed.sql(f"DROP STREAM {streamed.name}")

    async def go() -> None:
        async with watching(streamed.trigger()) as event:
            await until(lambda: any("failed, 1 in a row" in text for text in caplog.messages))
            await asyncio.to_thread(streamed.create_stream)
            assert (await event())["files"] == 1

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    said = next(text for text in caplog.messages if "failed, 1 in a row" in text)
    assert (
        f"Stream {streamed.full} does not exist, or this role may not see it: CREATE STREAM {streamed.full} ON" in said
    )
    assert f"GRANT SELECT ON STREAM {streamed.full} TO ROLE" in said


def problem(streamed: Streamed, stage: str | None = None, connection: Any = None) -> str:
    """What is said of the stream, or of the stage."""
    connection = connection or streamed.connection
    place = StagePath.parse(f"@MEDIA.PUBLIC.{stage or streamed.name}")
    try:
        stage_changes.check_stream(connection, streamed.full, place)
        stage_changes.watched_stage(connection, place)
    except InvalidInputError as error:
        return str(error)
    return ""


def test_a_stream_on_another_stage(streamed: Streamed) -> None:
    streamed.sql(f"CREATE STAGE {streamed.name}_B DIRECTORY = (ENABLE = TRUE)")
    assert f"Stream {streamed.full} is on stage {streamed.full}, not on {streamed.full}_B" in problem(
        streamed, f"{streamed.name}_B"
    )


def test_a_stage_without_a_directory_table(streamed: Streamed) -> None:
    streamed.sql(f"ALTER STAGE {streamed.name} SET DIRECTORY = (ENABLE = FALSE)")
    text = problem(streamed)
    assert f"source='stream' needs the directory table of @{streamed.full}" in text
    assert f"ALTER STAGE {streamed.full} SET DIRECTORY = (ENABLE = TRUE)" in text


def test_a_stale_stream(streamed: Streamed) -> None:
    streamed.sql(f"CREATE OR REPLACE STAGE {streamed.name} DIRECTORY = (ENABLE = TRUE)")
    assert (
        f"Stream {streamed.full} is stale and returns nothing any more: CREATE OR REPLACE STREAM {streamed.full} ON "
        f"STAGE {streamed.full}"
    ) in problem(streamed)


def test_privileges_that_are_missing(streamed: Streamed, engine: RunningEngine) -> None:
    role = f"R_{streamed.name}"
    for text in (
        f"CREATE ROLE {role}",
        f"GRANT ROLE {role} TO USER {streamed.connection.user}",
        f"GRANT USAGE ON DATABASE MEDIA TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA MEDIA.PUBLIC TO ROLE {role}",
    ):
        streamed.sql(text)
    with engine.connect(role=role) as other:
        for text in (f"SELECT ON STREAM {streamed.full}", f"READ ON STAGE {streamed.full}"):
            assert f"GRANT {text} TO ROLE …" in problem(streamed, connection=other)
            streamed.sql(f"GRANT {text} TO ROLE {role}")
        place = StagePath.parse(f"@{streamed.full}")
        stage_changes.check_stream(other, streamed.full, place)
        assert stage_changes.watched_stage(other, place).name_prefix == f"{streamed.name.lower()}/"
        assert not stage_changes.has_data(other, streamed.full)


def test_watchers_of_one_stream_share_its_polls_and_it_is_moved_when_their_events_are_stored(
    streamed: Streamed,
) -> None:
    """Through Airflow's own manager of shared streams, as in a triggerer: two paths, and files on a third one."""
    shared = pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow 3.2 has no shared streams")
    triggers = {1: streamed.trigger("one", "one/"), 2: streamed.trigger("two", "two/", poll_interval=9.0)}
    keys = {trigger.shared_stream_key() for trigger in triggers.values()}
    assert len(keys) == 1
    (key,) = keys

    async def go() -> None:
        manager = shared.SharedStreamManager()
        found: asyncio.Queue[tuple[int, int | None, int]] = asyncio.Queue()

        async def watch(number: int) -> None:
            trigger = triggers[number]
            stream = manager.subscribe(trigger_id=number, trigger=trigger, key=key)
            async for event in trigger._events(stream, StageWatermark()):
                sequence = manager.bind_pending_event(trigger_id=number, key=key)
                found.put_nowait((number, sequence, event.payload["files"]))

        tasks = [asyncio.create_task(watch(number)) for number in triggers]
        try:
            await until(lambda: streamed.statements("SELECT SYSTEM$STREAM_HAS_DATA") >= 2)
            await asyncio.to_thread(streamed.upload, "one/a.jpg", "one/b.jpg", "two/c.jpg", "three/d.jpg")
            events = [await asyncio.wait_for(found.get(), 60) for _ in triggers]
            assert {(number, files) for number, _, files in events} == {(1, 2), (2, 1)}
            await asyncio.sleep(1.5)
            assert await asyncio.to_thread(streamed.has_data), "the events are not stored yet"
            manager.confirm_persisted([sequence for _, sequence, _ in events if sequence is not None])
            await until(lambda: not streamed.has_data())
            await asyncio.to_thread(streamed.upload, "two/e.jpg")
            number, sequence, files = await asyncio.wait_for(found.get(), 60)
            assert (number, files) == (2, 1)
            manager.confirm_persisted([sequence])
            await until(lambda: not streamed.has_data())
        finally:
            await manager.stop_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(go())
