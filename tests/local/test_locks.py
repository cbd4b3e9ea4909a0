"""Transactions and table locks, as the claims of the ledger need them (Snowflake: transactions, resource locking)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError


@pytest.fixture
def connect(engine: Any) -> Iterator[Any]:
    """Opens connections in a schema of the test's own."""
    opened: list[SnowflakeConnection] = []
    schema = f"LOCKS_{time.time_ns()}"

    def connect(**options: Any) -> SnowflakeConnection:
        connection = engine.connect(**({"schema": schema} | options))
        opened.append(connection)
        return connection  # type: ignore[no-any-return]

    connect(schema="PUBLIC").cursor().execute(f"CREATE SCHEMA {schema}")
    yield connect
    opened[0].cursor().execute(f"DROP SCHEMA {schema}")
    for connection in opened:
        connection.close()


def one(connection: SnowflakeConnection, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchone()[0]  # type: ignore[index,union-attr]


def run(connection: SnowflakeConnection, *statements: str) -> None:
    for statement in statements:
        connection.cursor().execute(statement)


def code(connection: SnowflakeConnection, sql: str) -> int | None:
    with pytest.raises(DatabaseError) as caught:
        connection.cursor().execute(sql)
    return caught.value.errno


def test_update_waits_for_the_lock_and_gives_up_after_lock_timeout(connect: Any) -> None:
    first, second = connect(), connect()
    run(first, "CREATE TABLE T (A INT)", "INSERT INTO T VALUES (1)", "BEGIN", "UPDATE T SET A = 2")
    run(second, "ALTER SESSION SET LOCK_TIMEOUT = 1")
    started = time.monotonic()
    assert code(second, "UPDATE T SET A = 3") == 625
    assert 0.9 < time.monotonic() - started < 3
    assert code(second, "MERGE INTO T USING (SELECT 1 AS K) S ON T.A = S.K WHEN MATCHED THEN DELETE") == 625
    run(first, "COMMIT")
    run(second, "UPDATE T SET A = A + 1")
    assert one(second, "SELECT A FROM T") == 3


def test_insert_does_not_wait(connect: Any) -> None:
    first, second = connect(), connect()
    run(first, "CREATE TABLE T (A INT)", "INSERT INTO T VALUES (1)", "BEGIN", "UPDATE T SET A = 2")
    run(second, "ALTER SESSION SET LOCK_TIMEOUT = 0", "INSERT INTO T VALUES (5)")
    run(first, "COMMIT")
    assert one(second, "SELECT SUM(A) FROM T") == 7


def test_a_closed_session_gives_its_lock_back(connect: Any) -> None:
    first, second = connect(), connect()
    run(first, "CREATE TABLE T (A INT)", "INSERT INTO T VALUES (1)", "BEGIN", "UPDATE T SET A = 2")
    first.close()
    run(second, "ALTER SESSION SET LOCK_TIMEOUT = 5", "UPDATE T SET A = A + 10")
    assert one(second, "SELECT A FROM T") == 11


def test_a_session_that_ends_undoes_its_writes_before_it_gives_its_lock_back(connect: Any) -> None:
    """A waiter that got the lock sooner would meet the rows still being undone: 100132, "Conflict on update!"."""
    second = connect()
    run(second, "CREATE TABLE T (A INT)", "INSERT INTO T SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 1000000))")
    for _attempt in range(5):
        first = connect()
        run(first, "BEGIN", "UPDATE T SET A = A + 1")
        run(second, "BEGIN")
        cursor = second.cursor()
        cursor.execute_async("UPDATE T SET A = A + 1")
        deadline = time.monotonic() + 10
        while "WAITING" not in str(first.cursor().execute("SHOW LOCKS").fetchall()) and time.monotonic() < deadline:
            time.sleep(0.02)
        first.close()
        cursor.get_results_from_sfqid(cursor.sfqid)
        run(second, "ROLLBACK")


def test_a_merge_of_an_earlier_result_survives_commits_of_other_sessions(connect: Any) -> None:
    """The sequence of a claim of the ledger: another session commits to the ledger between the lock and the MERGE."""
    first, second = connect(), connect()
    run(first, "CREATE TABLE LOCK_ROW (N INT)", "INSERT INTO LOCK_ROW VALUES (0)", "CREATE TABLE T (K INT, V STRING)")
    run(first, "INSERT INTO T VALUES (1, 'old')")
    cursor = first.cursor()
    cursor.execute("SELECT 1 AS K, 'new' AS V UNION ALL SELECT 2, 'new'")
    merge = (
        f"MERGE INTO T USING (SELECT * FROM TABLE(RESULT_SCAN('{cursor.sfqid}'))) S ON T.K = S.K "
        "WHEN NOT MATCHED THEN INSERT (K, V) VALUES (S.K, S.V)"
    )
    run(first, "BEGIN", "UPDATE LOCK_ROW SET N = 1")
    run(second, "UPDATE T SET V = 'done'")
    run(first, merge)
    run(second, "INSERT INTO T VALUES (3, 'inserted')")
    assert one(first, "SELECT COUNT(*) FROM T") == 3
    run(first, "COMMIT")
    rows = second.cursor().execute("SELECT K, V FROM T ORDER BY K").fetchall()
    assert rows == [(1, "done"), (2, "new"), (3, "inserted")]


def test_the_twenty_first_waiter_is_aborted_at_once(connect: Any) -> None:
    first = connect()
    run(first, "CREATE TABLE T (A INT)", "INSERT INTO T VALUES (0)", "BEGIN", "UPDATE T SET A = 1")
    waiters = [connect() for _ in range(20)]
    waiting = []
    for waiter in waiters:
        cursor = waiter.cursor()
        cursor.execute_async("UPDATE T SET A = A + 1")
        waiting.append(cursor.sfqid)
    deadline = time.monotonic() + 10
    while len(first.cursor().execute("SHOW LOCKS").fetchall()) < 21 and time.monotonic() < deadline:
        time.sleep(0.05)
    late = connect()
    run(late, "ALTER SESSION SET LOCK_TIMEOUT = 5")
    started = time.monotonic()
    with pytest.raises(DatabaseError) as aborted:
        late.cursor().execute("UPDATE T SET A = 100")
    assert time.monotonic() - started < 3
    assert (aborted.value.errno, aborted.value.sqlstate) == (625, "57014")
    assert "has locked table 'T' in transaction" in str(aborted.value)
    assert "the number of waiters for this lock exceeds the 20 statements limit" in str(aborted.value)
    run(late, "INSERT INTO T VALUES (1000)")
    run(first, "COMMIT")
    for waiter, query in zip(waiters, waiting, strict=True):
        waiter.cursor().get_results_from_sfqid(query)
    assert one(late, "SELECT MIN(A) FROM T") == 21


def test_a_cancelled_wait_ends(connect: Any) -> None:
    first, second, third = connect(), connect(), connect()
    run(first, "CREATE TABLE T (A INT)", "INSERT INTO T VALUES (1)", "BEGIN", "UPDATE T SET A = 2")
    cursor = second.cursor()
    cursor.execute_async("UPDATE T SET A = 3")
    time.sleep(0.5)
    run(third, f"SELECT SYSTEM$CANCEL_QUERY('{cursor.sfqid}')")
    deadline = time.monotonic() + 10
    while second.is_still_running(second.get_query_status(cursor.sfqid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not second.is_still_running(second.get_query_status(cursor.sfqid))
    run(first, "COMMIT")
    assert one(third, "SELECT A FROM T") == 2


def test_a_statement_sees_what_was_committed_before_it_began(connect: Any) -> None:
    first, second = connect(), connect()
    run(first, "CREATE TABLE T (A INT)", "CREATE TABLE U (A INT)", "BEGIN", "INSERT INTO T VALUES (1)")
    assert one(first, "SELECT COUNT(*) FROM U") == 0
    run(second, "INSERT INTO U VALUES (1), (2)")
    assert one(first, "SELECT COUNT(*) FROM U") == 2
    assert one(first, "SELECT COUNT(*) FROM T") == 1
    assert one(second, "SELECT COUNT(*) FROM T") == 0
    run(second, "INSERT INTO U VALUES (3)")
    run(first, "INSERT INTO T SELECT A FROM U", "COMMIT")
    assert one(second, "SELECT COUNT(*) FROM T") == 4


def test_rollback_and_failed_statements(connect: Any) -> None:
    first = connect()
    run(first, "COMMIT", "ROLLBACK", "CREATE TABLE T (A INT NOT NULL)")
    run(first, "BEGIN", "INSERT INTO T VALUES (1)")
    assert code(first, "INSERT INTO T VALUES (NULL)") == 100072
    assert one(first, "SELECT COUNT(*) FROM T") == 1
    run(first, "INSERT INTO T VALUES (2)", "COMMIT")
    run(first, "BEGIN", "DELETE FROM T")
    assert one(first, "SELECT COUNT(*) FROM T") == 0
    run(first, "ROLLBACK")
    assert one(first, "SELECT COUNT(*) FROM T") == 2
    run(first, "BEGIN", "DELETE FROM T", "CREATE TABLE OTHER (A INT)", "ROLLBACK")
    assert one(first, "SELECT COUNT(*) FROM T") == 0


def test_autocommit_off(connect: Any) -> None:
    first, second = connect(autocommit=False), connect()
    run(second, "CREATE TABLE T (A INT)")
    run(first, "INSERT INTO T VALUES (1)")
    assert one(second, "SELECT COUNT(*) FROM T") == 0
    first.commit()
    assert one(second, "SELECT COUNT(*) FROM T") == 1
    run(first, "INSERT INTO T VALUES (1)")
    first.rollback()
    assert one(first, "SELECT COUNT(*) FROM T") == 1


def test_a_deadlock_has_a_victim(connect: Any) -> None:
    first, second = connect(), connect()
    run(first, "CREATE TABLE T (A INT)", "CREATE TABLE U (A INT)")
    run(first, "INSERT INTO T VALUES (1)", "INSERT INTO U VALUES (1)", "BEGIN", "UPDATE T SET A = 2")
    run(second, "BEGIN", "UPDATE U SET A = 3")
    outcome: list[object] = []

    def wait() -> None:
        try:
            run(first, "UPDATE U SET A = 4", "COMMIT")
            outcome.append("done")
        except DatabaseError as error:
            outcome.append(error.errno)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    assert code(second, "UPDATE T SET A = 5") == 57
    thread.join(10)
    assert outcome == ["done"]
    assert (one(second, "SELECT A FROM T"), one(second, "SELECT A FROM U")) == (2, 4)


def test_keys_are_accepted_and_not_enforced(connect: Any) -> None:
    first = connect()
    run(first, "CREATE TABLE T (A INT PRIMARY KEY, B INT UNIQUE, CONSTRAINT C UNIQUE (A, B))")
    run(first, "INSERT INTO T VALUES (1, 1), (1, 1)")
    assert one(first, "SELECT COUNT(*) FROM T") == 2


def _claim(parameters: dict[str, Any], worker: int, threads: int, rounds: int) -> int:
    """Claims in the ledger's way, in several threads; returns how many rows it claimed."""
    import snowflake.connector

    def claim(thread: int) -> int:
        claimed = 0
        with snowflake.connector.connect(**parameters) as connection:
            cursor = connection.cursor()
            cursor.execute("ALTER SESSION SET LOCK_TIMEOUT = 60")
            for number in range(rounds):
                cursor.execute("BEGIN")
                cursor.execute("UPDATE LOCK_ROW SET N = N + 1")
                cursor.execute(
                    "MERGE INTO LEDGER USING (SELECT 'f' || SEQ4() AS PATH FROM TABLE(GENERATOR(ROWCOUNT => 200))) S "
                    "ON LEDGER.PATH = S.PATH WHEN NOT MATCHED THEN INSERT (PATH, CLAIM) "
                    f"VALUES (S.PATH, '{worker}-{thread}-{number}')"
                )
                claimed += cursor.fetchone()[0]  # type: ignore[index]
                cursor.execute("COMMIT")
                cursor.execute("INSERT INTO LEDGER VALUES (%s, 'free')", (f"x{worker}-{thread}-{number}",))
        return claimed

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(claim, range(threads)))


def test_claims_from_several_processes_never_take_a_row_twice(connect: Any, engine: Any) -> None:
    first = connect()
    run(first, "CREATE TABLE LOCK_ROW (N INT)", "INSERT INTO LOCK_ROW VALUES (0)")
    run(first, "CREATE TABLE LEDGER (PATH STRING, CLAIM STRING)")
    parameters = engine.parameters | {"schema": first.schema}
    processes, threads, rounds = 3, 3, 4
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        claims = [pool.submit(_claim, parameters, worker, threads, rounds) for worker in range(processes)]
        assert sum(c.result(timeout=120) for c in claims) == 200
    assert one(first, "SELECT COUNT(DISTINCT PATH) FROM LEDGER WHERE CLAIM <> 'free'") == 200
    assert one(first, "SELECT COUNT(*) FROM LEDGER") == 200 + processes * threads * rounds
    assert one(first, "SELECT N FROM LOCK_ROW") == processes * threads * rounds


def test_temporary_objects_of_snowpark_do_not_end_a_transaction(engine: Any, connect: Any) -> None:
    """snowpark-python, test_dataframe_reader_suite.py (test_read_staged_file_no_commit)."""
    connection = connect()
    run(connection, "CREATE TABLE T (A INT)", "BEGIN", "INSERT INTO T VALUES (1)")
    cursor, keep = connection.cursor(), {"SNOWPARK_SKIP_TXN_COMMIT_IN_DDL": True}
    for sql in ("CREATE TEMPORARY FILE FORMAT F TYPE = CSV", "CREATE TEMPORARY TABLE U (A INT)"):
        cursor.execute(sql, _statement_params=keep)
    assert one(connection, "SELECT CURRENT_TRANSACTION()") is not None
    run(connection, "INSERT INTO U SELECT A + 1 FROM T")
    assert (one(connection, "SELECT A FROM T"), one(connection, "SELECT A FROM U")) == (1, 2)
    for sql in (
        "CREATE TEMPORARY TABLE V AS SELECT A FROM T",
        "DROP TABLE U",
        "CREATE OR REPLACE TEMPORARY TABLE U (B INT)",
    ):
        with pytest.raises(DatabaseError, match="inside a transaction with changes"):
            cursor.execute(sql, _statement_params=keep)
    run(connection, "ROLLBACK")
    assert one(connection, "SELECT (SELECT COUNT(*) FROM T) + (SELECT COUNT(*) FROM U)") == 0
