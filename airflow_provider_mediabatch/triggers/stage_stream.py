"""One LIST an interval for all watchers of a stage path, which :class:`.stage_files.StageFilesTrigger` share.

How a stream takes the place of LIST is in :mod:`.stage_changes`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Hashable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.batch import job_polling
from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark
from airflow_provider_mediabatch.triggers.shared_connection import SharedConnection, shared_connection
from airflow_provider_mediabatch.triggers.shared_streams import AdvanceItem, SharedStreamProducer

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.ledger.new_files import StageFile

log = logging.getLogger(__name__)

WATERMARK = "mediabatch_watermark"
"""The key in the asset's state store."""
_MAX_BACKOFF = 60.0
"""Most seconds until a failed poll is repeated: somebody may meanwhile fix the cause, a missing stage for example."""


@dataclass
class Snapshot:
    """A stage's files at one time, handed to every watcher of it.

    :param files: files at or after the oldest watermark of the watchers.
    :param now: the server's time, epoch seconds.
    :param seen: filled by the watchers that fire: asset name to its next watermark, stored once the event is.
    :param recheck: filled by the watchers that wait for more files or for an upload to settle: seconds until the next
        poll.
    :param waiting: filled by the watchers that wait for more files, for however long: the files are asked for again.
    :param prefix: what the names begin with before the path on the stage, where the files are those of the whole
        stage; "": they are those of the watchers' own path.
    :param from_stream: whether the Snowflake stream had rows, whose offset is moved when this was handled.
    """

    files: list[StageFile]
    now: float
    seen: dict[str, StageWatermark] = field(default_factory=dict)
    recheck: float | None = None
    waiting: bool = False
    prefix: str = ""
    from_stream: bool = False

    def poll_within(self, seconds: float) -> None:
        """Make the next poll no later than this."""
        self.recheck = seconds if self.recheck is None else min(self.recheck, seconds)


oldest_watermarks: dict[Hashable, dict[str, float]] = {}
"""For each shared stream, its watchers' watermarks: a poll may leave out what is older. Asset name to epoch seconds."""


@dataclass(eq=False)
class Watcher:
    """A watcher that has begun.

    :param path: the path on the stage that it watches.
    :param refreshes: whether the directory table is to be refreshed for it.
    """

    path: str
    refreshes: bool = False


joined: dict[Hashable, dict[str, Watcher]] = {}
"""For each shared stream, its watchers that no poll has listed for yet, by asset name."""


_open: dict[Hashable, Counter[str]] = {}
"""For each shared stream, how many watchers of an asset there are, by asset name."""


@contextmanager
def watching(
    key: Hashable, asset_name: str, since: float, path: str, *, refreshes: bool = False
) -> Iterator[dict[str, float]]:
    """Be among the watchers of a shared stream while the block runs.

    A changed asset is watched by a new trigger, which Airflow may start a moment before it ends the old one. What is
    noted under the asset's name stays until the last of them ends.

    :param key: :func:`stream_key`.
    :param since: files modified before are of no interest, epoch seconds.
    :param path: the path on the stage.
    :param refreshes: whether the stage's directory table is to be refreshed.
    """
    horizon, to_list = oldest_watermarks.setdefault(key, {}), joined.setdefault(key, {})
    watchers = _open.setdefault(key, Counter())
    watchers[asset_name] += 1
    horizon[asset_name] = since
    to_list[asset_name] = Watcher(path, refreshes)
    try:
        yield horizon
    finally:
        watchers[asset_name] -= 1
        if not watchers[asset_name]:
            horizon.pop(asset_name, None)
            to_list.pop(asset_name, None)


def watched_stream(source: str, stream: str | None, stage_path: str) -> str | None:
    """The full name of the stream that is watched, as SQL; None for LIST.

    :param source: ``list`` or ``stream``.
    :param stream: as a user writes it; database and schema that are missing are those of the stage.
    :param stage_path: ``@database.schema.stage/path``.
    :raises ValueError: for arguments that do not go together, and for what is no name.
    """
    if source not in ("list", "stream"):
        raise ValueError(f"source={source!r} is neither 'list' nor 'stream'")
    if source == "list":
        if stream is not None:
            raise ValueError(f"stream={stream!r} is read with source='stream' only")
        return None
    if not stream:
        raise ValueError("source='stream' needs stream=, the name of a stream ON STAGE of the stage of stage_path")
    stage, parts = StagePath.parse(stage_path), sql.split(stream)
    if len(parts) > 3:
        raise ValueError(f"stream={stream!r} has {len(parts)} parts; a stream has three: DATABASE.SCHEMA.STREAM")
    return sql.qualified(*(stage.database, stage.schema)[: 3 - len(parts)], *parts)


def stream_key(kwargs: dict[str, Any]) -> tuple[str, ...]:
    """What watchers must have in common to share one LIST, or the polls of one Snowflake stream.

    A Snowflake stream has one consumer, so all its watchers share the polls whatever their paths and intervals are.
    """
    if kwargs["source"] == "stream":
        stage = StagePath.parse(kwargs["stage_path"]).root.full
        return ("mediabatch stream", kwargs["snowflake_conn_id"], stage, kwargs["stream"])
    return ("mediabatch", kwargs["snowflake_conn_id"], kwargs["stage_path"], str(kwargs["poll_interval"]))


class StageProducer(SharedStreamProducer):
    """Lists a stage once an interval, for all its watchers. It never ends: errors are logged, and the poll is retried.

    :param kwargs: one of the triggers' arguments; only those in :func:`stream_key` are used.
    """

    def __init__(self, kwargs: dict[str, Any]) -> None:
        self._stage_path = str(kwargs["stage_path"])
        self._conn_id = str(kwargs["snowflake_conn_id"])
        self._interval = float(kwargs["poll_interval"])
        self._key = stream_key(kwargs)

    async def open_stream(self) -> AsyncGenerator[tuple[Any, Any]]:
        """A snapshot an interval, sooner where a watcher waits for an upload to settle."""
        async with shared_connection(self._conn_id) as connection:
            clock: float | None = None
            failures = 0
            while True:
                try:
                    if clock is None:
                        clock = await connection.call(_clock)
                    snapshot = await self._poll(connection, clock)
                except Exception as error:
                    failures += 1
                    await asyncio.sleep(self._log_failure(error, failures))
                    continue
                failures = 0
                polled = time.monotonic()
                yield snapshot, snapshot
                while (left := polled + self._pause(snapshot) - time.monotonic()) > 0:
                    await asyncio.sleep(min(left, 0.5))

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Airflow has stored the events of these snapshots: store the watermarks of their assets.

        The watch goes on when a watermark cannot be stored: the event is then repeated after a restart.
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
            await self.handled(item.broker_payload)

    async def unshared_snapshots(self) -> AsyncGenerator[Snapshot]:
        """The snapshots for one watcher alone, which has used each when it asks for the next."""
        async with aclosing(self.open_stream()) as stream:
            async for snapshot, _ in stream:
                yield snapshot
                await self.handled(snapshot)

    async def handled(self, snapshot: Snapshot) -> None:
        """All watchers have used a snapshot: begin the next poll at the watermarks of those that fired."""
        horizon = oldest_watermarks.get(self._key, {})
        horizon |= {name: watermark.since for name, watermark in snapshot.seen.items() if name in horizon}

    def _pause(self, snapshot: Snapshot) -> float:
        return self._interval if snapshot.recheck is None else max(0.5, min(self._interval, snapshot.recheck))

    async def _poll(self, connection: SharedConnection, clock: float) -> Snapshot:
        after = min(oldest_watermarks.get(self._key, {}).values(), default=0.0)
        stage_path = self._stage_path

        def list_files(open_: SnowflakeConnection) -> list[StageFile]:
            from airflow_provider_mediabatch.client.stages import resolve_stage_path
            from airflow_provider_mediabatch.ledger.new_files import stage_files

            return list(stage_files(open_, resolve_stage_path(open_, stage_path, "stage_path"), after=after))

        found = await connection.call(list_files)
        return Snapshot(found, time.time() + clock)

    def _log_failure(self, error: Exception, failures: int) -> float:
        """Log a failed poll and return how many seconds to wait. A watcher is never restarted, so it never gives up."""
        from airflow_provider_mediabatch.exceptions import InvalidInputError

        text, permanent = errors.error_text(error), errors.is_permanent(error)
        if grant := errors.missing_grant(error):
            text += f" ({grant})"
        permanent = permanent or isinstance(error, InvalidInputError) or errors.is_missing(error)
        delay = _MAX_BACKOFF if permanent else min(_MAX_BACKOFF, job_polling.backoff(failures, self._interval))
        log.warning(
            "Polling %s through %s failed, %d in a row%s; next poll in %d s: %s",
            self._stage_path,
            self._conn_id,
            failures,
            "; this error does not go away by itself" if permanent else "",
            delay,
            text,
        )
        return delay


def _clock(connection: SnowflakeConnection) -> float:
    from airflow_provider_mediabatch.ledger.new_files import server_clock

    return server_clock(connection)
