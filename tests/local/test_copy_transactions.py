"""COPY INTO a table as a part of transactions: rows, load history and PURGE go together.

Source: Snowflake's user guide, page "Transactions": COPY INTO a table is DML.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from snowflake.connector import SnowflakeConnection

if TYPE_CHECKING:
    from conftest import RunningEngine

PARQUET = "FILE_FORMAT = (TYPE = PARQUET)"
COPY = f"COPY INTO T FROM @S {PARQUET} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
NOTHING = [("Copy executed with 0 files processed.",)]


class Sessions:
    """Sessions in a schema of the test's own, which has a stage S with one file of three rows, and a table T."""

    def __init__(self, engine: RunningEngine) -> None:
        self.engine = engine
        self.schema = f"COPIES_{uuid.uuid4().hex[:8]}".upper()
        self.opened: list[SnowflakeConnection] = []
        self.first = self.open(schema="PUBLIC")
        run(self.first, f"CREATE SCHEMA {self.schema}", "CREATE STAGE S", "CREATE TABLE T (N INT)")
        run(self.first, f"COPY INTO @S FROM (SELECT COLUMN1 AS N FROM VALUES (1), (2), (3)) {PARQUET} HEADER = TRUE")

    def open(self, **options: Any) -> SnowflakeConnection:
        self.opened.append(self.engine.connect(**{"schema": self.schema, **options}))
        return self.opened[-1]


def run(connection: SnowflakeConnection, *statements: str) -> list[Any]:
    """The rows of the last statement."""
    rows: list[Any] = []
    for statement in statements:
        rows = connection.cursor().execute(statement).fetchall()  # type: ignore[union-attr]
    return rows


def count(connection: SnowflakeConnection, table: str = "T") -> int:
    return int(run(connection, f"SELECT COUNT(*) FROM {table}")[0][0])


@pytest.fixture
def sessions(engine: RunningEngine) -> Iterator[Sessions]:
    made = Sessions(engine)
    yield made
    for connection in made.opened:
        connection.close()


@pytest.mark.parametrize("purge", ["", " PURGE = TRUE"])
def test_a_copy_that_is_rolled_back_was_never_made(sessions: Sessions, purge: str) -> None:
    session = sessions.first
    assert run(session, "BEGIN", COPY + purge)[0][1] == "LOADED"
    assert run(session, COPY + purge) == NOTHING
    assert (count(session), len(run(session, "LIST @S"))) == (3, 1)
    run(session, "ROLLBACK")
    assert (count(session), len(run(session, "LIST @S"))) == (0, 1)
    assert run(session, COPY + purge)[0][1] == "LOADED"
    assert (count(session), len(run(session, "LIST @S"))) == (3, 0 if purge else 1)


def test_files_are_purged_by_the_commit_unless_they_were_replaced(sessions: Sessions) -> None:
    session = sessions.first
    run(session, f"COPY INTO @S/other FROM (SELECT 4 AS N) {PARQUET} HEADER = TRUE")
    run(session, "BEGIN", f"{COPY} PURGE = TRUE")
    assert len(run(session, "LIST @S")) == 2
    other = f"COPY INTO @S/other FROM (SELECT 5 AS N, 6 AS M) {PARQUET} HEADER = TRUE OVERWRITE = TRUE"
    run(sessions.open(), other)
    run(session, "COMMIT")
    assert [name for name, *_ in run(session, "LIST @S")] == ["s/other_0_0_0.snappy.parquet"]
    assert run(session, COPY)[0][1] == "LOADED"
    assert run(session, "SELECT N FROM T ORDER BY N") == [(1,), (2,), (3,), (4,), (5,)]


def test_a_truncate_that_is_rolled_back_forgets_nothing(sessions: Sessions) -> None:
    session = sessions.first
    run(session, COPY, "BEGIN", "TRUNCATE TABLE T", "ROLLBACK")
    assert (run(session, COPY), count(session)) == (NOTHING, 3)
    assert run(session, "BEGIN", "TRUNCATE TABLE T", COPY)[0][1] == "LOADED"
    run(session, "COMMIT")
    assert (run(session, COPY), count(session)) == (NOTHING, 3)


def test_a_temporary_table_has_a_history_of_its_own(sessions: Sessions) -> None:
    session = sessions.first
    run(session, COPY, "CREATE TEMPORARY TABLE T (N INT)")
    assert (run(session, COPY)[0][1], run(session, COPY)) == ("LOADED", NOTHING)
    run(session, "TRUNCATE TABLE T", "DROP TABLE T")
    assert (run(session, COPY), count(session)) == (NOTHING, 3)


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_second_copy_waits_for_the_end_of_the_first(sessions: Sessions, end: str) -> None:
    first, second, third = sessions.first, sessions.open(), sessions.open()
    run(first, "BEGIN", COPY)
    cursor = second.cursor()
    cursor.execute_async(COPY)
    waiting = ("WAITING", f"MEDIA.{sessions.schema}.T")
    _until(lambda: waiting in [(row[3], row[0]) for row in run(third, "SHOW LOCKS")])
    run(third, "INSERT INTO T VALUES (9)", "UPDATE T SET N = 10 WHERE N = 9", "DELETE FROM T")  # these wait for no COPY
    run(first, end)
    cursor.get_results_from_sfqid(str(cursor.sfqid))
    rows = cursor.fetchall()
    assert (rows == NOTHING) is (end == "COMMIT")
    assert count(third) == 3
    assert run(third, "SHOW LOCKS") == []


def test_a_kill_after_the_commit_loads_nothing_twice(own_engine: RunningEngine) -> None:
    """The catalogue is locked while the rows are committed, so that the engine gets no further."""
    sessions = Sessions(own_engine)
    state = own_engine.state_dir
    log = state / "tables.duckdb.wal"
    digests = sqlite3.connect(state / "digests.sqlite", isolation_level=None)
    catalog = sqlite3.connect(state / "catalog.sqlite", isolation_level=None)
    digests.execute("BEGIN IMMEDIATE")  # the COPY waits here, where it keeps the digest of the new file
    cursor = sessions.first.cursor()
    cursor.execute_async(COPY)
    _until(lambda: ("RUNNING",) in catalog.execute("SELECT status FROM queries").fetchall())
    catalog.execute("BEGIN IMMEDIATE")
    before = _size(log)
    digests.execute("ROLLBACK")
    _until(lambda: _size(log) > before)
    os.kill(own_engine.status.pid, signal.SIGKILL)
    catalog.close()
    digests.close()
    own_engine.restart()
    with own_engine.connect(schema=sessions.schema) as again:
        run(again, COPY)
        assert count(again) == 3
    sessions.first.close()


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
