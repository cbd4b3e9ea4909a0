"""A client that is killed inside a transaction, and the sessions that wait for its locks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from snowflake.connector.errors import DatabaseError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from tests.conftest import RunningEngine

CLIENT = """
import json, sys, time, snowflake.connector
connection = snowflake.connector.connect(**json.loads(sys.argv[1]))
cursor = connection.cursor()
cursor.execute("BEGIN")
cursor.execute("UPDATE T SET A = A + 1")
cursor.execute("INSERT INTO U VALUES (1)")
print("holding", flush=True)
time.sleep(600)
"""


@pytest.fixture
def quick(own_engine: RunningEngine) -> RunningEngine:
    """An engine that aborts a blocking transaction after 2 s without a statement, with the tables T and U."""
    with own_engine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("ALTER ACCOUNT SET MEDIABATCH_IDLE_TRANSACTION_SECONDS = 2")
        cursor.execute("CREATE TABLE T (A INT)")
        cursor.execute("INSERT INTO T VALUES (0)")
        cursor.execute("CREATE TABLE U (A INT)")
    return own_engine


def one(connection: SnowflakeConnection, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchone()[0]  # type: ignore[index,union-attr]


def test_a_killed_client_holds_its_locks_for_the_idle_time_only(quick: RunningEngine) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, json.dumps(quick.parameters)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "holding\n"
    client.kill()
    client.wait()
    client.stdout.close()
    with quick.connect() as second:
        second.cursor().execute("ALTER SESSION SET LOCK_TIMEOUT = 30")
        started = time.monotonic()
        second.cursor().execute("UPDATE T SET A = A + 10")
        assert time.monotonic() - started < 15
        assert (one(second, "SELECT A FROM T"), one(second, "SELECT COUNT(*) FROM U")) == (10, 0)
        assert second.cursor().execute("SHOW LOCKS").fetchall() == []


def test_the_next_statement_of_an_aborted_transaction_says_so(quick: RunningEngine) -> None:
    with quick.connect() as first, quick.connect() as second:
        for sql in ("BEGIN", "UPDATE T SET A = 1", "INSERT INTO U VALUES (1)"):
            first.cursor().execute(sql)
        second.cursor().execute("UPDATE T SET A = A + 10")
        with pytest.raises(DatabaseError, match="was aborted") as aborted:
            first.cursor().execute("COMMIT")
        assert (aborted.value.errno, aborted.value.sqlstate) == (615, "57014")
        assert (one(first, "SELECT A FROM T"), one(first, "SELECT COUNT(*) FROM U")) == (10, 0)
        first.cursor().execute("UPDATE T SET A = 5")
        assert one(second, "SELECT A FROM T") == 5


def test_a_transaction_that_works_or_blocks_nobody_is_not_aborted(quick: RunningEngine) -> None:
    with quick.connect() as first, quick.connect() as second:
        first.cursor().execute("BEGIN")
        first.cursor().execute("UPDATE T SET A = 1")
        time.sleep(3)  # idle, and nobody waits
        first.cursor().execute("UPDATE T SET A = A + 1")
        waiter = threading.Thread(target=second.cursor().execute, args=("UPDATE T SET A = A + 10",))
        waiter.start()
        first.cursor().execute("CALL SYSTEM$WAIT(3)")  # somebody waits, and it is at work
        first.cursor().execute("COMMIT")
        waiter.join(15)
        assert one(second, "SELECT A FROM T") == 12


@pytest.mark.slow
def test_the_idle_time_is_a_setting_that_stays(quick: RunningEngine) -> None:
    quick.stop()
    quick.restart()
    with quick.connect() as first, quick.connect() as second:
        first.cursor().execute("BEGIN")
        first.cursor().execute("UPDATE T SET A = 1")
        second.cursor().execute("ALTER SESSION SET LOCK_TIMEOUT = 30")
        second.cursor().execute("UPDATE T SET A = A + 10")
        first.cursor().execute("ROLLBACK")  # succeeds, as nothing of the transaction is left
        second.cursor().execute("ALTER ACCOUNT UNSET MEDIABATCH_IDLE_TRANSACTION_SECONDS")
        first.cursor().execute("BEGIN")
        first.cursor().execute("UPDATE T SET A = 1")
        second.cursor().execute("ALTER SESSION SET LOCK_TIMEOUT = 4")
        with pytest.raises(DatabaseError, match="LOCK_TIMEOUT"):
            second.cursor().execute("UPDATE T SET A = A + 10")
        first.cursor().execute("ROLLBACK")
