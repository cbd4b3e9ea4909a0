"""Streams on the directory tables of stages: how far each has been consumed.

The offset of a stream is the directory table as it was: a hard link to its Parquet file. A refresh that changes
something writes a new file, so what a stream has is the difference between two files, and whether it has anything is
whether they are two. Source: Snowflake's user guide, page "Introduction to streams".
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import SnowflakeError, already_exists, does_not_exist, not_supported
from airflow_provider_mediabatch.local.stores.stages import directory

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage
    from airflow_provider_mediabatch.local.stores.stages.store import StageStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (
    id TEXT PRIMARY KEY, database TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, stage TEXT NOT NULL,
    comment TEXT NOT NULL, owner TEXT NOT NULL, created_on REAL NOT NULL, UNIQUE (database, schema, name)
);
"""


@dataclass(frozen=True)
class Stream:
    """One stream.

    :param id: the engine's own id, the name of the file that is its offset.
    :param stage: the id of the stage whose directory table it follows; another stage of the same name is not that one.
    """

    id: str
    database: str
    schema: str
    name: str
    stage: str
    comment: str
    owner: str
    created_on: float

    @property
    def full_name(self) -> str:
        """``DB.SCHEMA.NAME``, quoted where SQL needs it."""
        return qualified(self.database, self.schema, self.name)


class Streams:
    """All streams of an engine.

    :param stages: the stages that they are on.
    :ivar lock: held while a statement that consumes a stream is run or committed: no two consume the same rows.
    """

    def __init__(self, stages: StageStore) -> None:
        self.stages = stages
        self.lock = threading.RLock()
        self._folder = stages.state_dir / "directories" / "streams"
        self._folder.mkdir(parents=True, exist_ok=True)
        stages.catalog.connect().executescript(_SCHEMA)
        for left in (*self._folder.glob("*.end"), *self._folder.glob("*.part")):  # of sessions of a killed engine
            left.unlink()

    # --- objects

    def find(self, name: tuple[str, str, str]) -> Stream | None:
        """The stream of that name, or None."""
        row = (
            self.stages.catalog.connect()
            .execute("SELECT * FROM streams WHERE database = ? AND schema = ? AND name = ?", name)
            .fetchone()
        )
        return Stream(**row) if row is not None else None

    def get(self, name: tuple[str, str, str]) -> Stream:
        """The stream of that name. :raises SnowflakeError: 002003 when there is none."""
        found = self.find(name)
        if found is None:
            raise does_not_exist("Stream", qualified(*name))
        return found

    def all(self) -> list[Stream]:
        """Every stream, by name."""
        rows = self.stages.catalog.connect().execute("SELECT * FROM streams ORDER BY database, schema, name")
        return [Stream(**row) for row in rows]

    def create(self, name: tuple[str, str, str], stage: Stage, comment: str, owner: str, *, replace: bool) -> None:
        """Make a stream that begins at the directory table as it is.

        :raises SnowflakeError: 002002 where the name is taken; where the stage has no directory table.
        """
        identity, existing = secrets.token_hex(8), self.find(name)
        if existing is not None and not replace:
            raise already_exists("Object", existing.full_name)
        _link(directory.file(self.stages, stage), self._offset(identity))
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        try:
            self.stages.catalog.connect().execute(
                f"{verb} INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (identity, *name, stage.id, comment, owner, time.time()),
            )
        except sqlite3.IntegrityError:
            self._offset(identity).unlink()
            raise already_exists("Object", qualified(*name)) from None
        if existing is not None:
            self._offset(existing.id).unlink(missing_ok=True)

    def drop(self, stream: Stream) -> None:
        """Drop a stream."""
        self.stages.catalog.connect().execute("DELETE FROM streams WHERE id = ?", (stream.id,))
        self._offset(stream.id).unlink(missing_ok=True)

    def drop_schema(self, database: str, schema: str) -> None:
        """Drop all streams of a schema that is itself being dropped."""
        for stream in self.all():
            if (stream.database, stream.schema) == (database, schema):
                self.drop(stream)

    # --- what a stream has

    def source(self, stream: Stream) -> Stage | None:
        """The stage that a stream is on; None when that was dropped, or replaced by another one of its name."""
        try:
            return self.stages.by_id(stream.stage)
        except SnowflakeError:
            return None

    def readable_source(self, stream: Stream) -> Stage:
        """The stage that a stream is on.

        :raises SnowflakeError: when the stream is stale.
        """
        stage = self.source(stream)
        if stage is None:
            raise SnowflakeError(
                91901,
                "55000",
                f"SQL compilation error:\nStream '{stream.full_name}' has become stale: the stage that it was created "
                "on was dropped or replaced. Recreate the stream with CREATE OR REPLACE STREAM.",
            )
        return stage

    def has_data(self, stream: Stream) -> bool:
        """Whether the directory table has changed since the offset, though it may have changed back."""
        return not _same(self._offset(stream.id), directory.file(self.stages, self.readable_source(stream)))

    def pin(self, stream: Stream) -> tuple[Path, Path]:
        """The offset and the present as files of their own, which stay as they are until :meth:`unpin`.

        :raises SnowflakeError: when the stream is stale, or was dropped or replaced meanwhile.
        """
        token = secrets.token_hex(8)
        begin, end = (self._folder / f"{stream.id}-{token}-{which}.end" for which in ("from", "to"))
        present = directory.file(self.stages, self.readable_source(stream))
        try:
            _link(self._offset(stream.id), begin)
            _link(present, end)
        except FileNotFoundError:
            self.unpin((begin, end))
            raise does_not_exist("Stream", stream.full_name) from None
        return begin, end

    def unpin(self, pinned: tuple[Path, Path]) -> None:
        """Let go of what :meth:`pin` gave."""
        for path in pinned:
            path.unlink(missing_ok=True)

    def check_unmoved(self, stream: str, pinned: tuple[Path, Path]) -> None:
        """Check that nobody has consumed a stream since it was pinned.

        :param stream: its id.
        :raises SnowflakeError: 000002 where somebody has. Snowflake lets the second one wait.
        """
        offset = self._offset(stream)
        if not offset.exists() or not _same(offset, pinned[0]):
            raise not_supported("transactions that consume one stream at the same time")

    def advance(self, stream: str, pinned: tuple[Path, Path]) -> None:
        """Move a stream's offset to the end of what was read."""
        _link(pinned[1], self._offset(stream))

    def _offset(self, identity: str) -> Path:
        return self._folder / f"{identity}.parquet"


def _same(one: Path, other: Path) -> bool:
    """Whether two files are links to one, or one is the copy of the other that :func:`_link` makes."""
    first, second = one.stat(), other.stat()
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)


def _link(source: Path, target: Path) -> None:
    """Make ``target`` the file that ``source`` is now; a copy where the file system has no hard links."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.link(source, part)
    except OSError:
        shutil.copy2(source, part)
    os.replace(part, target)
    part.unlink(missing_ok=True)  # renaming a file to a link of itself does nothing
