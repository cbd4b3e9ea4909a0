"""Triggers that poll a stage: one for assets (an event for every upload), one for a sensor (one event).

The polls run in a thread, through the connection that all triggers of one triggerer share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

from airflow_provider_mediabatch.batch import job_polling
from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files.start_rule import StartRule
from airflow_provider_mediabatch.ledger import stage_watermark
from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark
from airflow_provider_mediabatch.triggers.deferral import wait_until_scheduler_knows
from airflow_provider_mediabatch.triggers.shared_connection import shared_connection
from airflow_provider_mediabatch.triggers.shared_streams import SharedStreamProducer
from airflow_provider_mediabatch.triggers.stage_stream import (
    WATERMARK,
    StageProducer,
    stream_key,
    watched_stream,
    watching,
)

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.ledger.new_files import NewFiles
    from airflow_provider_mediabatch.ledger.stage_watermark import Evaluation
    from airflow_provider_mediabatch.triggers.stage_stream import Snapshot


class StageFilesTrigger(BaseEventTrigger):
    """Fires when files were uploaded to a stage, for an :class:`~airflow.sdk.AssetWatcher`.

    At least once: the watermark is stored after Airflow has stored the event, so that an event is never lost and may be
    repeated. Triggers of one stage path and connection share one LIST an interval. LIST needs no warehouse; a stream
    needs one for the polls that find something.

    :param stage_path: ``@database.schema.stage/path``.
    :param asset_name: the asset that this watches for; it tells triggers of several assets on one path apart.
    :param pattern: a regular expression for the whole listed name, as in LIST.
    :param snowflake_conn_id: a connection of type ``snowflake``.
    :param poll_interval: seconds between two polls.
    :param settle: seconds without a newer file before an event, so that an upload in progress makes one.
    :param min_files: how many new files are enough for an event.
    :param max_delay: seconds after which the oldest new file makes an event anyway, though there are fewer files or the
        upload does not settle.
    :param overlap: how many seconds older than the newest file a file may be that appears only now: the time of a
        multipart upload to Amazon S3 is that of its beginning.
    :param source: ``list``, or ``stream``: after one LIST at the beginning a stream on the stage's directory table is
        asked what has come.
    :param stream: the stream; database and schema default to the stage's. It is consumed, so it is for this alone.
    :param refresh_directory: with a stream: refresh the directory table before each poll, where nothing else does.
    :raises ValueError: for a source and a stream that do not go together.
    """

    def __init__(
        self,
        *,
        stage_path: str,
        asset_name: str,
        pattern: str | None = None,
        snowflake_conn_id: str = "snowflake_default",
        poll_interval: float = 30.0,
        settle: float = 5.0,
        min_files: int = 1,
        max_delay: float = 300.0,
        overlap: float = 3600.0,
        source: Literal["list", "stream"] = "list",
        stream: str | None = None,
        refresh_directory: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stage_path = stage_path
        self.asset_name = asset_name
        self.pattern = pattern
        self.snowflake_conn_id = snowflake_conn_id
        self.poll_interval = poll_interval
        self.settle = settle
        self.min_files = min_files
        self.max_delay = max_delay
        self.overlap = overlap
        self.source = source
        self.stream = watched_stream(source, stream, stage_path)
        self.refresh_directory = refresh_directory

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments, for Airflow's database."""
        names = (
            *("stage_path", "asset_name", "pattern", "snowflake_conn_id", "poll_interval", "settle", "min_files"),
            *("max_delay", "overlap", "source", "stream", "refresh_directory"),
        )
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    def shared_stream_key(self) -> Hashable | None:
        """One LIST for all watchers of a stage path through one connection, or the polls of one Snowflake stream."""
        return stream_key(self.serialize()[1])

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """The polls themselves, with acknowledgement: see :class:`~.stage_stream.StageProducer`."""
        return _producer(kwargs)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Turn snapshots into events: new files that match and wait no longer."""
        stored = await self._store().aget(WATERMARK)
        async with aclosing(self._events(shared_stream, StageWatermark.from_json(stored))) as events:
            async for event in events:
                yield event

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll alone, on Airflow 3.2, which has neither shared streams nor a store for the watermark.

        So each start of the triggerer makes an event for what is on the stage, and the ledger says what is new.
        """
        snapshots = _producer(self.serialize()[1]).unshared_snapshots()
        async with aclosing(snapshots), aclosing(self._events(snapshots, StageWatermark())) as events:
            async for event in events:
                yield event

    async def _events(self, snapshots: AsyncIterator[Any], watermark: StageWatermark) -> AsyncGenerator[TriggerEvent]:
        path = StagePath.parse(self.stage_path).path if self.source == "stream" else ""
        with watching(
            self.shared_stream_key(), self.asset_name, watermark.since, path, refreshes=self.refresh_directory
        ):
            async for snapshot in snapshots:
                # In a thread: a stage's first snapshot may have a million files, and other triggers wait meanwhile.
                evaluation, seen = await asyncio.to_thread(self._evaluated, snapshot, path, watermark)
                snapshot.waiting |= bool(evaluation.files) and not evaluation.fire
                if evaluation.recheck is not None:
                    snapshot.poll_within(evaluation.recheck)
                if evaluation.fire:
                    start, watermark = watermark, seen
                    snapshot.seen[self.asset_name] = watermark
                    self.log.info("%d new files on %s", len(evaluation.files), self.stage_path)
                    yield _event(
                        {
                            "stage_path": self.stage_path,
                            "pattern": self.pattern,
                            "from": _iso(start.modified),
                            "to": _iso(watermark.modified),
                            "files": len(evaluation.files),
                            "bytes": evaluation.size,
                        }
                    )

    def _evaluated(self, snapshot: Snapshot, path: str, watermark: StageWatermark) -> tuple[Evaluation, StageWatermark]:
        """The new files, and the watermark after an event for them."""
        rule = StartRule(self.min_files, self.max_delay, self.settle)
        matches = stage_watermark.name_matcher(snapshot.prefix + path, self.pattern)
        evaluation = stage_watermark.evaluate(snapshot.files, watermark, matches, now=snapshot.now, rule=rule)
        after = watermark.after(evaluation.files, overlap=self.overlap) if evaluation.fire else watermark
        return evaluation, after

    def _store(self) -> Any:
        from airflow.sdk.execution_time.context import AssetStateStoreAccessor

        return AssetStateStoreAccessor(name=self.asset_name)


def _producer(kwargs: dict[str, Any]) -> StageProducer:
    if kwargs["source"] != "stream":
        return StageProducer(kwargs)
    from airflow_provider_mediabatch.triggers.stage_changes import StageChangesProducer

    return StageChangesProducer(kwargs)


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def _iso(epoch: float) -> str | None:
    return datetime.fromtimestamp(epoch, UTC).isoformat() if epoch else None


class StageReadyTrigger(BaseTrigger):
    """Waits until the new files on a stage wait for no more: one event, for :class:`StageFilesSensor`.

    :param stage_path: as in the sensor.
    :param pattern: as in the sensor.
    :param since: ISO 8601: files modified before are not new.
    :param newest_seconds: the same, as seconds before the server's present.
    :param ledger: the table that says which files are not new; None: time alone decides.
    :param subject: with a ledger: the fields of a :class:`~airflow_provider_mediabatch.ledger.claims.LedgerSubject`.
    :param min_files: how many new files are enough.
    :param max_delay: seconds after which the oldest new file is enough; None: never.
    :param settle: seconds without a newer file.
    :param poll_interval: seconds between two polls.
    :param deadline: epoch seconds at which to give up with a ``timeout`` event; None: never.
    :param snowflake_conn_id: a connection of type ``snowflake``.
    """

    def __init__(
        self,
        *,
        stage_path: str,
        pattern: str | None = None,
        since: str | None = None,
        newest_seconds: float | None = None,
        ledger: str | None = None,
        subject: dict[str, str] | None = None,
        min_files: int = 1,
        max_delay: float | None = None,
        settle: float = 30.0,
        poll_interval: float = 60.0,
        deadline: float | None = None,
        snowflake_conn_id: str = "snowflake_default",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stage_path = stage_path
        self.pattern = pattern
        self.since = since
        self.newest_seconds = newest_seconds
        self.ledger = ledger
        self.subject = subject
        self.min_files = min_files
        self.max_delay = max_delay
        self.settle = settle
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.snowflake_conn_id = snowflake_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments, for Airflow's database."""
        names = (
            *("stage_path", "pattern", "since", "newest_seconds", "ledger", "subject", "min_files", "max_delay"),
            *("settle", "poll_interval", "deadline", "snowflake_conn_id"),
        )
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        began = time.monotonic()
        found = await self._found()
        await wait_until_scheduler_knows(self, began)
        yield _event(found)

    async def _found(self) -> dict[str, Any]:
        """Poll until the files wait no longer, the deadline is over, or an error that a wait does not fix."""
        failures = 0
        async with shared_connection(self.snowflake_conn_id) as connection:
            while True:
                pause = self.poll_interval
                try:
                    new = await connection.call(self.count_new_files)
                    failures = 0
                    left = self.seconds_left(new)
                    if left == 0:
                        return {"files": new.count, "bytes": new.size}
                    if left is not None:
                        pause = max(0.5, min(pause, left))
                except Exception as error:
                    failures += 1
                    text, permanent = errors.error_text(error), errors.is_permanent(error)
                    self.log.warning("Polling %s failed, %d in a row: %s", self.stage_path, failures, text)
                    if permanent or failures >= job_polling.MAX_FAILURES:
                        return {"error": text}
                    pause = job_polling.backoff(failures, self.poll_interval)
                if self.deadline is not None and time.time() + pause > self.deadline:
                    await asyncio.sleep(max(0.0, self.deadline - time.time()))
                    return {"timeout": True}
                await asyncio.sleep(pause)

    def seconds_left(self, new: NewFiles) -> float | None:
        """How long the new files wait if no more come: :meth:`.StartRule.seconds_left`."""
        rule = StartRule(self.min_files, self.max_delay, self.settle)
        return rule.seconds_left(new.count, newest=new.newest, oldest=new.oldest)

    def count_new_files(self, connection: SnowflakeConnection) -> NewFiles:
        """Count the new files once (in a thread; the sensor's poke does the same in place)."""
        from airflow_provider_mediabatch.client.stages import resolve_stage_path
        from airflow_provider_mediabatch.files.list_output import StageSource
        from airflow_provider_mediabatch.files.selection import Window
        from airflow_provider_mediabatch.ledger import new_files
        from airflow_provider_mediabatch.ledger.claims import LedgerSubject
        from airflow_provider_mediabatch.ledger.ledger import Ledger

        path = resolve_stage_path(connection, self.stage_path, "stage_path")
        window = Window(
            start=datetime.fromisoformat(self.since) if self.since else None,
            newest=None if self.newest_seconds is None else timedelta(seconds=self.newest_seconds),
        )
        if self.subject is None:
            clock = new_files.server_clock(connection)
            return new_files.count_by_time(connection, path, self.pattern, window=window, clock=clock)
        return new_files.count_by_ledger(
            connection,
            StageSource("FILE_PATH", path, self.pattern),
            Ledger(connection, str(self.ledger)),
            subject=LedgerSubject(**self.subject),
            window=window,
        )
