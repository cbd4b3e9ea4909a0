"""Triggers that look at a stage: one for assets (every upload, for ever), one for a sensor (once).

Looking happens in a thread, through the connection that all triggers of one triggerer share.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent
from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer

from airflow_provider_mediabatch.batch import job_polling
from airflow_provider_mediabatch.ledger import stage_watermark
from airflow_provider_mediabatch.ledger.stage_watermark import Watermark
from airflow_provider_mediabatch.triggers.deferral import wait_until_scheduler_knows
from airflow_provider_mediabatch.triggers.shared_connection import SharedConnection, shared_connection

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.ledger.stage_watch import File, Seen

log = logging.getLogger(__name__)

WATERMARK = "mediabatch_watermark"
"""The key in the asset's state store."""
_MISSING = (2003, 2043)
_MAX_BACKOFF = 60.0
"""Seconds until a failed look is repeated, at most: what is wrong, a missing stage say, may be mended meanwhile."""


@dataclass
class Snapshot:
    """One look at a stage, handed to every watcher of it.

    :param files: files at or after the oldest watermark of the watchers.
    :param now: the server's time, epoch seconds.
    :param prefix: what LIST puts before paths on this stage.
    :param seen: filled by the watchers that fire: asset name to its next watermark, stored once the event is.
    :param recheck: filled by the watchers that wait for an upload to settle: seconds until the next look.
    """

    files: list[File]
    now: float
    seen: dict[str, Watermark] = field(default_factory=dict)
    recheck: float | None = None

    def ask_again(self, seconds: float) -> None:
        """Have the next look no later than this."""
        self.recheck = seconds if self.recheck is None else min(self.recheck, seconds)


_oldest: dict[Hashable, dict[str, float]] = {}
"""For each shared stream, its watchers' watermarks: what a look may leave out. Asset name to epoch seconds."""


class StageFilesTrigger(BaseEventTrigger):
    """Fires when files were uploaded to a stage, for an :class:`~airflow.sdk.AssetWatcher`.

    At least once: the watermark is stored after Airflow has stored the event, so that an event is never lost and may be
    repeated. Triggers of one stage path and connection share one LIST an interval. Needs no warehouse.

    :param stage_path: ``@database.schema.stage/path``.
    :param asset_name: the asset that this watches for; it tells triggers of several assets on one path apart.
    :param pattern: a regular expression for the whole listed name, as in LIST.
    :param snowflake_conn_id: a connection of type ``snowflake``.
    :param poll_interval: seconds between two looks.
    :param settle: seconds without a newer file before an event, so that an upload in progress makes one.
    :param max_wait: seconds after which an upload that does not settle makes an event all the same.
    :param overlap: how many seconds older than the newest file a file may be that appears only now: the time of a
        multipart upload to Amazon S3 is that of its beginning.
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
        max_wait: float = 300.0,
        overlap: float = 3600.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stage_path = stage_path
        self.asset_name = asset_name
        self.pattern = pattern
        self.snowflake_conn_id = snowflake_conn_id
        self.poll_interval = poll_interval
        self.settle = settle
        self.max_wait = max_wait
        self.overlap = overlap

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments, for Airflow's database."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "stage_path": self.stage_path,
                "asset_name": self.asset_name,
                "pattern": self.pattern,
                "snowflake_conn_id": self.snowflake_conn_id,
                "poll_interval": self.poll_interval,
                "settle": self.settle,
                "max_wait": self.max_wait,
                "overlap": self.overlap,
            },
        )

    def shared_stream_key(self) -> Hashable | None:
        """One look for all watchers of a stage path through one connection."""
        return stream_key(self.serialize()[1])

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """The looking itself, with acknowledgement: see :class:`StageProducer`."""
        return StageProducer(kwargs)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Turn looks into events: new files that match and have settled."""
        matches = stage_watermark.matcher("", self.pattern)
        stored = await self._store().aget(WATERMARK)
        watermark = Watermark.from_json(stored)
        horizon = _oldest.setdefault(self.shared_stream_key(), {})
        horizon[self.asset_name] = watermark.since
        try:
            async for snapshot in shared_stream:
                verdict = stage_watermark.judge(
                    snapshot.files,
                    watermark,
                    matches,
                    now=snapshot.now,
                    settle=self.settle,
                    max_wait=self.max_wait,
                )
                if verdict.recheck is not None:
                    snapshot.ask_again(verdict.recheck)
                if verdict.fire:
                    start, watermark = watermark, watermark.after(verdict.files, overlap=self.overlap)
                    snapshot.seen[self.asset_name] = watermark
                    self.log.info("%d new files on %s", len(verdict.files), self.stage_path)
                    yield _event(
                        {
                            "stage_path": self.stage_path,
                            "pattern": self.pattern,
                            "from": _iso(start.modified),
                            "to": _iso(watermark.modified),
                            "files": len(verdict.files),
                            "bytes": verdict.size,
                        }
                    )
        finally:
            horizon.pop(self.asset_name, None)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Without a shared stream (an Airflow that has none): not used by Airflow 3.3."""
        raise NotImplementedError("StageFilesTrigger runs on Airflow's shared streams")
        yield  # makes this an asynchronous iterator

    def _store(self) -> Any:
        from airflow.sdk.execution_time.context import AssetStateStoreAccessor

        return AssetStateStoreAccessor(name=self.asset_name)


def stream_key(kwargs: dict[str, Any]) -> tuple[str, ...]:
    """What watchers must agree in to share one look."""
    return ("mediabatch", kwargs["snowflake_conn_id"], kwargs["stage_path"], str(kwargs["poll_interval"]))


class StageProducer(SharedStreamProducer):
    """Looks at a stage once an interval, for all its watchers. It never ends: errors are logged and tried again.

    :param kwargs: one of the triggers' arguments; only those in :func:`stream_key` are used.
    """

    def __init__(self, kwargs: dict[str, Any]) -> None:
        self._stage_path = str(kwargs["stage_path"])
        self._conn_id = str(kwargs["snowflake_conn_id"])
        self._interval = float(kwargs["poll_interval"])
        self._key = stream_key(kwargs)

    async def open_stream(self) -> AsyncIterator[tuple[Any, Any]]:
        """A snapshot an interval, sooner where a watcher waits for an upload to settle."""
        async with shared_connection(self._conn_id) as connection:
            clock: float | None = None
            failures = 0
            while True:
                try:
                    if clock is None:
                        clock = await connection.call(_clock)
                    snapshot = await self._look(connection, clock)
                except Exception as error:
                    failures += 1
                    await asyncio.sleep(self._failed(error, failures))
                    continue
                failures = 0
                looked = time.monotonic()
                yield snapshot, snapshot
                while (left := looked + self._pause(snapshot) - time.monotonic()) > 0:
                    await asyncio.sleep(min(left, 0.5))

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Airflow has stored the events of these looks: store how far their assets have been seen.

        A watermark that cannot be stored is no reason to stop looking: the event is then repeated after a restart.
        """
        from airflow.sdk.execution_time.context import AssetStateStoreAccessor

        for item in batch:
            if not item.outcome.is_clean:
                continue
            for asset_name, watermark in item.broker_payload.seen.items():
                try:
                    await AssetStateStoreAccessor(name=asset_name).aset(WATERMARK, watermark.to_json())
                except Exception:
                    log.exception("the watermark of asset %s could not be stored", asset_name)
                if asset_name in (horizon := _oldest.get(self._key, {})):
                    horizon[asset_name] = watermark.since

    def _pause(self, snapshot: Snapshot) -> float:
        return self._interval if snapshot.recheck is None else max(0.5, min(self._interval, snapshot.recheck))

    async def _look(self, connection: SharedConnection, clock: float) -> Snapshot:
        after = min(_oldest.get(self._key, {}).values(), default=0.0)
        stage_path = self._stage_path

        def look(open_: SnowflakeConnection) -> list[File]:
            from airflow_provider_mediabatch.files import listing
            from airflow_provider_mediabatch.ledger.stage_watch import files

            return list(files(open_, listing.stage_path(open_, stage_path), after=after))

        found = await connection.call(look)
        return Snapshot(found, time.time() + clock)

    def _failed(self, error: Exception, failures: int) -> float:
        """Log a failed look and say how long to wait. Nothing else can mend a watcher, so it goes on for ever."""
        from airflow_provider_mediabatch.client import jobs
        from airflow_provider_mediabatch.exceptions import InvalidInputError

        text, permanent = jobs.describe_error(error)
        permanent = permanent or isinstance(error, InvalidInputError) or jobs.errno(error) in _MISSING
        delay = _MAX_BACKOFF if permanent else min(_MAX_BACKOFF, job_polling.backoff(failures, self._interval))
        log.warning(
            "looking for new files on %s through %s failed, %d in a row%s; next look in %d s: %s",
            self._stage_path,
            self._conn_id,
            failures,
            "; this needs a person, waiting does not mend it" if permanent else "",
            delay,
            text,
        )
        return delay


def _clock(connection: SnowflakeConnection) -> float:
    from airflow_provider_mediabatch.ledger.stage_watch import server_clock

    return server_clock(connection)


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def _iso(epoch: float) -> str | None:
    return datetime.fromtimestamp(epoch, UTC).isoformat() if epoch else None


class StageReadyTrigger(BaseTrigger):
    """Waits until enough new files have settled on a stage: one event, for :class:`StageFilesSensor`.

    :param stage_path: as in the sensor.
    :param since: ISO 8601: files modified before are not new.
    :param newest_seconds: the same, as seconds before the server's present.
    :param subject: with a ledger: ``{"ledger", "model", "version", "function"}``, resolved.
    :param min_files: how many new files are enough.
    :param settle: seconds without a newer file.
    :param deadline: epoch seconds at which to give up with a ``timeout`` event.
    """

    def __init__(
        self,
        *,
        stage_path: str,
        pattern: str | None = None,
        since: str | None = None,
        newest_seconds: float | None = None,
        subject: dict[str, str] | None = None,
        min_files: int = 1,
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
        self.subject = subject
        self.min_files = min_files
        self.settle = settle
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.snowflake_conn_id = snowflake_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments, for Airflow's database."""
        names = (
            "stage_path",
            "pattern",
            "since",
            "newest_seconds",
            "subject",
            "min_files",
            "settle",
            "poll_interval",
            "deadline",
            "snowflake_conn_id",
        )
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        began = time.monotonic()
        found = await self._found()
        await wait_until_scheduler_knows(self, began)
        yield _event(found)

    async def _found(self) -> dict[str, Any]:
        """Look until there are enough settled files, the deadline is over, or an error that waiting cannot mend."""
        from airflow_provider_mediabatch.client.jobs import describe_error

        failures = 0
        async with shared_connection(self.snowflake_conn_id) as connection:
            while True:
                pause = self.poll_interval
                try:
                    seen = await connection.call(self.look)
                    failures = 0
                    if self.is_ready(seen):
                        return {"files": seen.files, "bytes": seen.size}
                    if seen.files >= self.min_files and seen.age is not None:
                        pause = max(0.5, min(pause, self.settle - seen.age))
                except Exception as error:
                    failures += 1
                    text, permanent = describe_error(error)
                    self.log.warning("looking at %s failed (%d in a row): %s", self.stage_path, failures, text)
                    if permanent or failures >= job_polling.MAX_FAILURES:
                        return {"error": text}
                    pause = job_polling.backoff(failures, self.poll_interval)
                if self.deadline is not None and time.time() + pause > self.deadline:
                    await asyncio.sleep(max(0.0, self.deadline - time.time()))
                    return {"timeout": True}
                await asyncio.sleep(pause)

    def is_ready(self, seen: Seen) -> bool:
        """Whether there are enough new files and none of them is younger than ``settle``."""
        return seen.files >= self.min_files and seen.age is not None and seen.age >= self.settle

    def look(self, connection: SnowflakeConnection) -> Seen:
        """Count the new files once (in a thread; the sensor's poke does the same in place)."""
        from airflow_provider_mediabatch.files import listing
        from airflow_provider_mediabatch.files.listing_sql import Source
        from airflow_provider_mediabatch.files.selection import Window
        from airflow_provider_mediabatch.ledger import stage_watch as looking
        from airflow_provider_mediabatch.ledger.ledger import Ledger

        path = listing.stage_path(connection, self.stage_path)
        window = Window(
            start=datetime.fromisoformat(self.since) if self.since else None,
            newest=None if self.newest_seconds is None else timedelta(seconds=self.newest_seconds),
        )
        if self.subject is None:
            clock = looking.server_clock(connection)
            return looking.look(connection, path, self.pattern, window=window, clock=clock)
        return looking.look_ledger(
            connection,
            Source("FILE_PATH", path, self.pattern),
            Ledger(connection, self.subject["ledger"]),
            model=self.subject["model"],
            version=self.subject["version"],
            function=self.subject["function"],
            window=window,
        )
