"""The wire protocol as the unmodified connector and Snowpark speak it."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from snowflake.connector import DictCursor
from snowflake.connector.constants import QueryStatus
from snowflake.connector.errors import DatabaseError, ProgrammingError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from tests.conftest import RunningEngine

UTC = dt.UTC


@pytest.fixture(scope="module")
def connection(engine: RunningEngine) -> SnowflakeConnection:
    return engine.connect()


def test_login_fills_the_session(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        assert (connection.database, connection.schema, connection.warehouse, connection.role) == (
            "MEDIA",
            "PUBLIC",
            "COMPUTE_WH",
            "ACCOUNTADMIN",
        )
        assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"password": " "}, {"user": "somebody"}])
def test_a_wrong_password_or_user_is_refused(engine: RunningEngine, wrong: dict[str, str]) -> None:
    with pytest.raises(DatabaseError, match="Incorrect username or password") as refused:
        engine.connect(**wrong)
    assert refused.value.errno == 390100


def test_an_unknown_role_is_refused_at_login(engine: RunningEngine) -> None:
    with pytest.raises(DatabaseError, match="Role 'NOBODY'") as refused:
        engine.connect(role="nobody")
    assert refused.value.errno == 390189


def test_what_does_not_exist_is_not_current(engine: RunningEngine) -> None:
    """As with Snowflake, the connect string may name what is not there; statements that need it then say so."""
    with engine.connect(database="nope", schema="nope", warehouse="nope") as connection:
        assert (connection.database, connection.schema, connection.warehouse) == (None, None, None)
        cursor = connection.cursor()
        assert cursor.execute("SELECT 1").fetchone() == (1,)
        cursor.execute("SHOW SCHEMAS IN DATABASE media")
        with pytest.raises(ProgrammingError, match="No active warehouse") as refused:
            cursor.execute("SELECT * FROM media.information_schema.tables")
        assert refused.value.errno == 606
        cursor.execute("USE WAREHOUSE compute_wh")
        with pytest.raises(ProgrammingError, match="does not have a current database"):
            cursor.execute("CREATE TABLE somewhere (a INT)")
        cursor.execute("USE SCHEMA media.public")
        assert (connection.database, connection.schema) == ("MEDIA", "PUBLIC")


def test_types_of_results(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "SELECT 'ä' AS t, 1 AS i, 1.25::NUMBER(10,2) AS d, 0.5::FLOAT AS r, TRUE AS b, '2024-02-29'::DATE AS day,"
        " '2024-02-29 12:34:56.789012'::TIMESTAMP_NTZ AS ntz, '1969-12-31 23:59:59.5'::TIMESTAMP_NTZ AS early,"
        " TO_BINARY('CAFE', 'HEX') AS bin, '12:34:56'::TIME AS tm, NULL::VARCHAR AS n"
    )
    row = cursor.fetchone()
    assert row == (
        "ä",
        1,
        Decimal("1.25"),
        0.5,
        True,
        dt.date(2024, 2, 29),
        dt.datetime(2024, 2, 29, 12, 34, 56, 789012),
        dt.datetime(1969, 12, 31, 23, 59, 59, 500000),
        b"\xca\xfe",
        dt.time(12, 34, 56),
        None,
    )
    assert [column.name for column in cursor.description] == [
        "T",
        "I",
        "D",
        "R",
        "B",
        "DAY",
        "NTZ",
        "EARLY",
        "BIN",
        "TM",
        "N",
    ]


def test_timestamps_with_a_zone(connection: SnowflakeConnection) -> None:
    row = (
        connection.cursor()
        .execute("SELECT '2024-02-29 12:00:00 +0000'::TIMESTAMP_LTZ, '2024-02-29 12:00:00 +0000'::TIMESTAMP_TZ")
        .fetchone()
    )
    assert [value.astimezone(UTC) for value in row] == [dt.datetime(2024, 2, 29, 12, tzinfo=UTC)] * 2


def test_pandas_and_arrow_results(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    frame = cursor.execute(
        "SELECT seq4() AS n, 'x' || seq4() AS s FROM TABLE(GENERATOR(ROWCOUNT => 5))"
    ).fetch_pandas_all()
    assert sorted(frame["N"].tolist()) == [0, 1, 2, 3, 4]
    assert cursor.execute("SELECT 1 AS a WHERE 1 = 0").fetchall() == []
    table = cursor.execute("SELECT 1 AS a").fetch_arrow_all()
    assert table is not None
    assert table.column("A").to_pylist() == [1]


def test_a_million_rows(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT seq8() AS n, 'images/' || seq8() || '.jpg' AS p FROM TABLE(GENERATOR(ROWCOUNT => 1000000))")
    assert cursor.rowcount == 1_000_000
    frame = cursor.fetch_pandas_all()
    assert len(frame) == 1_000_000
    assert frame["N"].sum() == 999_999 * 1_000_000 // 2
    assert frame["P"].iloc[-1] == f"images/{frame['N'].iloc[-1]}.jpg"


def test_bindings(engine: RunningEngine) -> None:
    with engine.connect(paramstyle="qmark") as connection:
        values = (
            "it's",
            7,
            Decimal("1.5"),
            0.25,
            True,
            dt.date(2020, 1, 2),
            dt.time(3, 4, 5),
            ("TIMESTAMP_NTZ", dt.datetime(2020, 1, 2, 3, 4, 5, 6)),
            b"\x00\xff",
            None,
        )
        row = connection.cursor().execute("SELECT " + ", ".join("?" * len(values)), values).fetchone()
        assert [v.replace(tzinfo=None) if isinstance(v, dt.datetime) else v for v in row] == [
            v[1] if isinstance(v, tuple) else v for v in values
        ]


def test_array_bindings_are_one_batch(engine: RunningEngine) -> None:
    with engine.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE array_binds (n NUMBER, s VARCHAR, d DATE)")
        rows = [(i, None if i % 7 == 0 else f"s{i}", dt.date(2024, 1, 1 + i % 28)) for i in range(70_000)]
        started = time.monotonic()
        cursor.executemany("INSERT INTO array_binds VALUES (?, ?, ?)", rows)
        assert cursor.rowcount == len(rows)
        assert time.monotonic() - started < 20
        assert cursor.execute("SELECT n, s, d FROM array_binds ORDER BY n").fetchall() == rows


def test_array_bindings_are_uploaded_to_a_stage(engine: RunningEngine) -> None:
    """snowflake-connector-python, test_bindings.py: test_binding, with bulk_array_optimization."""
    rows = [
        (
            number,
            Decimal("-1.25"),
            0.5,
            number % 2 == 0,
            dt.date(2020, 1, 2),
            dt.time(3, 4, 5, 6),
            dt.datetime(2020, 1, 2, 3, 4, 5, 6),
            ("TIMESTAMP_TZ", dt.datetime(2020, 1, 2, 3, 4, 5, 6, dt.UTC)),
            b"\x00\xff",
            text,
        )
        for number, text in enumerate(('a "quoted", text\n', "", None, "back\\slash"))
    ]
    columns = (
        "c0 INT, c1 NUMBER(10,2), c2 FLOAT, c3 BOOLEAN, c4 DATE, c5 TIME, c6 TIMESTAMP_NTZ, c7 TIMESTAMP_TZ, "
        "c8 BINARY, c9 VARCHAR"
    )
    threshold = {"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 1}
    with engine.connect(paramstyle="qmark", session_parameters=threshold) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE TEMPORARY TABLE staged_binds ({columns})")
        cursor.executemany(f"INSERT INTO staged_binds VALUES ({', '.join('?' * 10)})", rows)
        assert cursor.rowcount == len(rows)
        assert [row["name"] for row in connection.cursor(DictCursor).execute("SHOW STAGES LIKE 'SYSTEMBIND'")] == [
            "SYSTEMBIND"
        ]
        found = cursor.execute("SELECT * FROM staged_binds ORDER BY c0").fetchall()
    assert found == [tuple(value[1] if isinstance(value, tuple) else value for value in row) for row in rows]


@pytest.mark.parametrize("sql", ["PUT file:///etc/hostname @~", "GET @~ file:///tmp"])
def test_a_transfer_that_the_client_does_not_notice(connection: SnowflakeConnection, sql: str) -> None:
    """snowflake-connector-python, test_put_get_medium.py: test_put_get_with_hint; nothing would be transferred."""
    with pytest.raises(ProgrammingError, match="unsupported_requested_format:snowflake"):
        connection.cursor().execute(f"-- a comment\n{sql}")


def test_the_error_names_a_missing_table_as_it_is_written(connection: SnowflakeConnection) -> None:
    """snowflake-connector-python, test_multi_statement.py: test_async_error_multi."""
    with pytest.raises(ProgrammingError, match="Object 'NEVER_THERE' does not exist or not authorized"):
        connection.cursor().execute("SELECT * FROM never_there")


@pytest.mark.parametrize("threshold", [0, 1])
def test_array_bindings_of_nested_values(engine: RunningEngine, threshold: int) -> None:
    """snowflake-jdbc, PreparedStatement1IT.java: shouldUseVariantBindParametersSNOW1531307."""
    parameters = {"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": threshold}
    with engine.connect(paramstyle="qmark", session_parameters=parameters) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE nested_binds (n INT, v VARIANT)")
        insert = "INSERT INTO nested_binds SELECT COLUMN1, PARSE_JSON(COLUMN2) FROM VALUES (?, ?)"
        cursor.executemany(insert, [[1, '{"a": [1, 2]}'], [2, '"text"'], [3, None]])
        assert cursor.rowcount == 3
        found = cursor.execute("SELECT n, v:a[1]::INT, v::VARCHAR FROM nested_binds ORDER BY n").fetchall()
        assert found == [(1, 2, '{"a":[1,2]}'), (2, None, "text"), (3, None, None)]


def test_rowcount_of_dml(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE counted (a INT)")
    assert cursor.execute("INSERT INTO counted VALUES (1), (2), (3)").rowcount == 3
    assert cursor.execute("UPDATE counted SET a = a + 1 WHERE a > 1").rowcount == 2
    assert cursor.execute("DELETE FROM counted WHERE a = 1").rowcount == 1


def test_asynchronous_statement_is_read_from_another_connection(engine: RunningEngine) -> None:
    with engine.connect() as first:
        query_id = first.cursor().execute_async("SELECT 42 AS answer")["queryId"]
    with engine.connect() as second:
        deadline = time.monotonic() + 10
        while second.is_still_running(second.get_query_status(query_id)):
            assert time.monotonic() < deadline
        assert second.get_query_status_throw_if_error(query_id) is QueryStatus.SUCCESS
        cursor = second.cursor()
        cursor.get_results_from_sfqid(query_id)
        assert cursor.fetchall() == [(42,)]
        assert cursor.execute(f"SELECT * FROM TABLE(RESULT_SCAN('{query_id}'))").fetchall() == [(42,)]


def test_a_failed_asynchronous_statement_says_why(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        query_id = connection.cursor().execute_async("SELECT * FROM not_there_at_all")["queryId"]
        deadline = time.monotonic() + 10
        while connection.is_still_running(connection.get_query_status(query_id)):
            assert time.monotonic() < deadline
        with pytest.raises(ProgrammingError, match="does not exist or not authorized") as failed:
            connection.get_query_status_throw_if_error(query_id)
        assert failed.value.errno == 2003
        with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
            connection.cursor().execute(f"SELECT * FROM TABLE(RESULT_SCAN('{query_id}'))")


def test_an_unknown_query_has_no_status(connection: SnowflakeConnection) -> None:
    unknown = str(uuid.uuid4())
    assert connection.get_query_status(unknown) is QueryStatus.NO_DATA
    with pytest.raises(ProgrammingError, match="not found"):
        connection.cursor().execute(f"SELECT * FROM TABLE(RESULT_SCAN('{unknown}'))")


def test_a_slow_statement_is_awaited(connection: SnowflakeConnection) -> None:
    started = time.monotonic()
    connection.cursor().execute("CALL SYSTEM$WAIT(3)")
    assert 3 <= time.monotonic() - started < 6


def test_a_client_side_timeout_cancels(connection: SnowflakeConnection) -> None:
    started = time.monotonic()
    with pytest.raises(ProgrammingError, match=r"cancell?ed") as cancelled:
        connection.cursor().execute("CALL SYSTEM$WAIT(60)", timeout=1)
    assert cancelled.value.errno == 604
    assert time.monotonic() - started < 10


def test_a_running_query_is_cancelled_in_duckdb(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        cursor = connection.cursor()
        started = time.monotonic()
        with pytest.raises(ProgrammingError) as cancelled:
            cursor.execute(
                "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 300000)) a, TABLE(GENERATOR(ROWCOUNT => 300000)) b"
                " WHERE HASH(RANDOM()) = 1",
                timeout=1,
            )
        assert cancelled.value.errno == 604
        assert time.monotonic() - started < 15
        assert cursor.execute("SELECT 1").fetchone() == (1,)


def test_another_connection_cancels_by_query_id(engine: RunningEngine) -> None:
    with engine.connect() as first, engine.connect() as second:
        query_id = first.cursor().execute_async("CALL SYSTEM$WAIT(60)")["queryId"]
        assert first.get_query_status(query_id) is QueryStatus.RUNNING
        answer = second.cursor().execute(f"SELECT SYSTEM$CANCEL_QUERY('{query_id}')").fetchone()
        assert "terminated" in answer[0]
        deadline = time.monotonic() + 5
        while second.get_query_status(query_id) is QueryStatus.RUNNING:
            assert time.monotonic() < deadline
        assert second.get_query_status(query_id) is QueryStatus.FAILED_WITH_ERROR


def test_a_waiting_statement_leaves_its_session_free(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        waiting = threading.Thread(target=lambda: connection.cursor().execute("CALL SYSTEM$WAIT(2)"))
        waiting.start()
        time.sleep(0.3)
        started = time.monotonic()
        assert connection.cursor().execute("SELECT 1").fetchone() == (1,)
        assert time.monotonic() - started < 1
        waiting.join()


def test_describe_executes_nothing(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE described (a INT, b VARCHAR)")
    assert [column.name for column in cursor.describe("SELECT a, b FROM described")] == ["A", "B"]
    cursor.describe("INSERT INTO described VALUES (1, 'x')")
    assert cursor.execute("SELECT COUNT(*) FROM described").fetchone() == (0,)


def test_the_number_of_statements_in_one_request_is_checked(connection: SnowflakeConnection) -> None:
    for sql, count in (("SELECT 1; SELECT 2", None), ("SELECT 1; SELECT 2", 3), ("SELECT 1", 2)):
        with pytest.raises(ProgrammingError, match="did not match the desired statement count") as refused:
            connection.cursor().execute(sql, num_statements=count)
        assert refused.value.errno == 8
    assert connection.cursor().execute("SELECT 'a;b' ; ").fetchone() == ("a;b",)


def test_several_statements_in_one_request(engine: RunningEngine) -> None:
    with engine.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()
        sql = "CREATE TEMPORARY TABLE several (a INT); INSERT INTO several VALUES (?), (?); "
        cursor.execute(sql + "SELECT SUM(a) + ? FROM several;", (1, 2, 10), num_statements=3)
        assert "successfully created" in cursor.fetchone()[0]
        assert cursor.nextset() is cursor
        assert (cursor.fetchone(), cursor.rowcount) == ((2,), 2)
        assert cursor.nextset() is cursor
        assert cursor.fetchone() == (13,)
        assert cursor.nextset() is None
        connection.cursor().execute("ALTER SESSION SET MULTI_STATEMENT_COUNT = 0")
        with pytest.raises(ProgrammingError) as failed:
            cursor.execute("INSERT INTO several VALUES (3); SELECT NO_COLUMN FROM several; DROP TABLE several")
        assert failed.value.errno == 904
        assert cursor.execute("SELECT COUNT(*) FROM several").fetchone() == (3,)
        cursor.execute_async("SELECT 1; CALL SYSTEM$WAIT(1); SELECT 2")
        cursor.get_results_from_sfqid(cursor.sfqid)
        assert [cursor.fetchone()[0], cursor.nextset() and cursor.fetchone()[0][:6]] == [1, "waited"]
        assert cursor.nextset() is cursor
        assert cursor.fetchone() == (2,)


def test_the_same_request_is_executed_once(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE once (a INT)")
        request_id = uuid.uuid4()
        for _ in range(3):
            connection.cmd_query("INSERT INTO once VALUES (1)", 1, request_id)
        assert cursor.execute("SELECT COUNT(*) FROM once").fetchone() == (1,)


def test_a_session_token_is_renewed(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        before = connection.rest.token
        connection.rest._renew_session()
        assert connection.rest.token != before
        assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_a_closed_session_is_gone(engine: RunningEngine) -> None:
    connection = engine.connect()
    token = connection.rest.token
    connection.close()
    other = engine.connect()
    other.rest.update_tokens(token, other.rest.master_token)
    with pytest.raises(ProgrammingError, match="Session no longer exists"):
        other.cursor().execute("SELECT 1")


def test_heartbeat_and_query_tag(engine: RunningEngine) -> None:
    with engine.connect(session_parameters={"QUERY_TAG": "tagged"}, client_session_keep_alive=True) as connection:
        assert connection.rest._heartbeat()["success"]
        connection.cursor().execute("SELECT 1", _statement_params={"QUERY_TAG": "mine"})


def test_snowpark_session_opens_and_closes(engine: RunningEngine) -> None:
    session = engine.session()
    try:
        assert session.sql("SELECT 1 AS a").collect()[0]["A"] == 1
        assert session.get_current_database() == '"MEDIA"'
        assert session.create_dataframe([[1, "x"], [2, None]], schema=["a", "b"]).count() == 2
    finally:
        session.close()


def test_a_syntax_error_is_an_ordinary_failure(connection: SnowflakeConnection) -> None:
    started = time.monotonic()
    with pytest.raises(ProgrammingError):
        connection.cursor().execute("SELECT nonsense FROM (((")
    assert time.monotonic() - started < 2


def test_a_statement_ends_at_its_timeout(engine: RunningEngine) -> None:
    """STATEMENT_TIMEOUT_IN_SECONDS, of the session and of one statement: error 000630."""
    with engine.connect() as connection, engine.connect() as other:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE timed (a INT)")
        cursor.execute("INSERT INTO timed VALUES (1)")
        other.cursor().execute("BEGIN")
        other.cursor().execute("UPDATE timed SET a = 2")
        cursor.execute("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1")
        endless = (
            "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 3000000)) a, TABLE(GENERATOR(ROWCOUNT => 3000000)) b"
        )
        for sql in ("CALL SYSTEM$WAIT(20)", "UPDATE timed SET a = 3", endless):
            started = time.monotonic()
            with pytest.raises(ProgrammingError, match=r"timeout of 1 second\(s\) and was canceled") as ended:
                cursor.execute(sql)
            assert (ended.value.errno, ended.value.sqlstate) == (630, "57014")
            assert 0.9 < time.monotonic() - started < 10, sql
        other.cursor().execute("ROLLBACK")
        cursor.execute("ALTER SESSION UNSET STATEMENT_TIMEOUT_IN_SECONDS")
        assert cursor.execute("SELECT a FROM timed").fetchone() == (1,)
        cursor.execute("SELECT 1", _statement_params={"STATEMENT_TIMEOUT_IN_SECONDS": "0"})
        with pytest.raises(ProgrammingError) as ended:
            cursor.execute("CALL SYSTEM$WAIT(20)", _statement_params={"STATEMENT_TIMEOUT_IN_SECONDS": "1"})
        assert ended.value.errno == 630
