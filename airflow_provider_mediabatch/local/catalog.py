"""The engine's catalogue: one SQLite file for everything that is not table data.

SQLite in WAL mode, because the catalogue must be whole after ``kill -9`` and is read by many threads while one writes.
Every store (stages, models, jobs, queries, grants) creates its own tables in its constructor.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_mediabatch.local.errors import StateDamagedError, StateFormatError

log = logging.getLogger(__name__)

STATE_FORMAT = 3
"""Incremented whenever a store changes its tables; a state directory is opened only by the format that made it."""


@contextmanager
def unless_full(note: str) -> Iterator[None]:
    """Write what a statement can do without: on a full disk it is lost, and LIST, SELECT and REMOVE go on.

    :param note: what is written, for the log.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        log.warning("%s could not be written: %s", note, error)


class Catalog:
    """Connections to the catalogue's file.

    :param path: the SQLite file; created when it is not there.
    :raises StateFormatError: when another version of the engine made it.
    :raises StateDamagedError: when it is no catalogue.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        try:
            connection = self.connect()
            (found,) = connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            raise StateDamagedError(path, error) from error
        if found != STATE_FORMAT and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise StateFormatError(
                f"{path.parent} holds the state of another version of the local engine (format {found}, this one reads "
                f"{STATE_FORMAT}). Choose another --state-dir, or remove that directory with everything in it"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA user_version = {STATE_FORMAT}")

    def connect(self) -> sqlite3.Connection:
        """This thread's own connection: autocommit unless a statement says BEGIN, rows by column name."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=30)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA busy_timeout = 30000")
            # A committed transaction survives the process's death; only a power cut can lose the last ones.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several statements as one: takes the write lock at once, commits at the end, rolls back on an error."""
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")  # which a full disk may refuse
        except BaseException:
            if connection.in_transaction:  # SQLite itself has rolled back after some errors
                connection.execute("ROLLBACK")
            raise
