"""One poll of a stream an interval for all watchers of it: what ``source="stream"`` does in place of a LIST.

A watcher that begins gets what is on the stage from one LIST, as with ``source="list"``. After that the stream says
what has come. Its offset is moved only when Airflow has stored the events of what was read. What watchers still wait
for (``settle``, ``min_files``) is kept in memory meanwhile, so that no poll reads it again, with a warehouse. When the
triggerer dies then, the LIST of the next start finds it, because no watermark has moved: nothing is lost.
"""

from __future__ import annotations

import asyncio
import logging
import os.path
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.triggers.shared_connection import SharedConnection, shared_connection
from airflow_provider_mediabatch.triggers.stage_stream import (
    Snapshot,
    StageProducer,
    Watcher,
    joined,
    oldest_watermarks,
)

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.stage_path import StagePath
    from airflow_provider_mediabatch.ledger.new_files import StageFile

log = logging.getLogger(__name__)

_SOON = 1.0
"""Seconds until the next poll while no watcher has said yet from when on it wants files."""
_NOT_REFRESHED = (
    "the directory table of @%s is not refreshed automatically: after an upload something has to ALTER STAGE %s "
    "REFRESH, or nothing is seen. Set AUTO_REFRESH = TRUE in the stage's DIRECTORY where Snowflake has it, or let the "
    "watcher refresh it with refresh_directory=True"
)


class StageChangesProducer(StageProducer):
    """Asks a stream once an interval, for all its watchers.

    :param kwargs: one of the triggers' arguments, as for :class:`.StageProducer`.
    """

    def __init__(self, kwargs: dict[str, Any]) -> None:
        super().__init__(kwargs)
        self._stream = str(kwargs["stream"])
        self._refreshes = bool(kwargs["refresh_directory"])  # or any later watcher's
        self._created: str | None = None
        self._prefix = ""
        self._paths: dict[str, str] = {}
        self._pending: dict[str, StageFile] = {}
        self._has_rows = False
        # A poll and the handling of an earlier one may meet.
        self._busy = asyncio.Lock()

    async def handled(self, snapshot: Snapshot) -> None:
        """Forget what was announced, and move the stream's offset over what was read."""
        await super().handled(snapshot)
        async with self._busy:
            if not snapshot.waiting:
                for file in snapshot.files:
                    if self._pending.get(file.name) == file:
                        del self._pending[file.name]
            if not (snapshot.from_stream and self._has_rows):
                return
            try:
                async with shared_connection(self._conn_id) as connection:
                    await connection.call(lambda open_: self._take(open_, snapshot))
            except Exception as error:
                self._created = None  # whether it was moved is not known: a LIST tells what there is
                self._log_failure(error, 1)

    async def _poll(self, connection: SharedConnection, clock: float) -> Snapshot:
        if not oldest_watermarks.get(self._key):
            snapshot = Snapshot([], time.time() + clock)
            snapshot.poll_within(_SOON)
            return snapshot
        new = dict(joined.get(self._key, {}))
        self._refreshes |= any(watcher.refreshes for watcher in new.values())
        async with self._busy:
            await connection.call(lambda open_: self._look(open_, new))
            waiting = joined.get(self._key, {})
            for name in [name for name, watcher in new.items() if waiting.get(name) is watcher]:
                del waiting[name]
            files = list(self._pending.values())
            return Snapshot(files, time.time() + clock, prefix=self._prefix, from_stream=self._has_rows)

    def _look(self, connection: SnowflakeConnection, new: dict[str, Watcher]) -> None:
        """Add to the pending files what has come (in a thread).

        :param new: the watchers that no poll has listed for yet.
        """
        from airflow_provider_mediabatch.client.stages import resolve_stage_path
        from airflow_provider_mediabatch.ledger import stage_changes

        stage = resolve_stage_path(connection, self._stage_path, "stage_path").root
        created = stage_changes.check_stream(connection, self._stream, stage)
        if created != self._created or new:
            self._list(connection, stage, created, new)
        if self._refreshes:
            stage_changes.refresh(connection, stage)
        if stage_changes.has_data(connection, self._stream):
            self._add(stage_changes.changed_files(connection, self._stream, self._prefix))
            self._has_rows = True

    def _list(self, connection: SnowflakeConnection, stage: StagePath, created: str, new: dict[str, Watcher]) -> None:
        """List for the new watchers; for all of them when the stream is another one than before."""
        from airflow_provider_mediabatch.ledger import new_files, stage_changes

        known = stage_changes.watched_stage(connection, stage)
        if created != self._created and not known.refreshed and not self._refreshes:
            log.warning(_NOT_REFRESHED, stage.stage_name, stage.stage_name)
        paths = {name: watcher.path for name, watcher in new.items()}
        self._paths |= paths
        listed = list((paths if created == self._created else self._paths).values())
        below = os.path.commonprefix(listed)  # noqa: RUF071  (a stage path is a prefix, character by character)
        self._prefix = known.name_prefix
        self._add(new_files.stage_files(connection, stage / below if below else stage))
        self._created = created

    def _take(self, connection: SnowflakeConnection, snapshot: Snapshot) -> None:
        """Move the offset (in a thread). What has come since the last poll waits for the next."""
        from airflow_provider_mediabatch.ledger import stage_changes

        seen = set(snapshot.files)
        taken = stage_changes.take(connection, self._stream, self._prefix)
        self._add(file for file in taken if file not in seen)
        self._has_rows = False

    def _add(self, files: Iterable[StageFile]) -> None:
        """Keep the files that are new to some watcher."""
        after = min(oldest_watermarks.get(self._key, {}).values(), default=0.0)
        self._pending |= {file.name: file for file in files if file.modified >= after}
