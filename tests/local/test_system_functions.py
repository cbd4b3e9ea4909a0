"""System functions answer alike, alone and within a longer SELECT; the server has one version."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.ml._internal.utils.snowflake_env import get_current_snowflake_version
from snowflake.snowpark import Session

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from tests.conftest import RunningEngine


@pytest.fixture
def connection(engine: RunningEngine) -> Iterator[SnowflakeConnection]:
    """A session of its own."""
    with engine.connect() as opened:
        yield opened


def value(connection: SnowflakeConnection, statement: str) -> Any:
    """The last column of the first row."""
    return connection.cursor().execute(statement).fetchone()[-1]  # type: ignore[union-attr,index]


@pytest.mark.parametrize(
    "call",
    [
        "SYSTEM$CANCEL_ALL_QUERIES(1)",
        "SYSTEM$CANCEL_ALL_QUERIES(None)",
        "SYSTEM$CANCEL_QUERY('none')",
        "SYSTEM$WAIT(1, 'MILLISECONDS')",
        "SYSTEM$ML_PLATFORM_CAPABILITIES()",
    ],
)
def test_alone_and_within_a_select(connection: SnowflakeConnection, call: str) -> None:
    assert value(connection, f"SELECT {call}") == value(connection, f"SELECT 1, {call}")
    assert value(connection, f"CALL {call}") == value(connection, f"SELECT {call} AS x")


def test_columns_are_named_as_in_any_statement(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    for statement, names in (
        ("SELECT system$wait(0)", ["SYSTEM$WAIT(0)"]),
        ("SELECT system$wait(0) AS waited", ["WAITED"]),
        ("SELECT 1 AS one, system$wait(0)", ["ONE", "SYSTEM$WAIT(0)"]),
        ("CALL system$wait(0)", ["SYSTEM$WAIT"]),
    ):
        cursor.execute(statement)
        assert [column.name for column in cursor.description] == names


@pytest.mark.parametrize("statement", ["SELECT {}", "SELECT 1, {}"])
def test_cancelling(connection: SnowflakeConnection, statement: str) -> None:
    for function in ("SYSTEM$CANCEL_ALL_QUERIES(0)", "SYSTEM$CANCEL_QUERY('{}')"):
        query_id = str(connection.cursor().execute_async("CALL SYSTEM$WAIT(60)")["queryId"])
        value(connection, statement.format(function.format(query_id)))
        deadline = time.monotonic() + 10
        while connection.is_still_running(connection.get_query_status(query_id)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(ProgrammingError, match="cancel"):
            connection.get_query_status_throw_if_error(query_id)


@pytest.mark.parametrize("statement", ["SELECT SYSTEM$WAIT(60)", "SELECT 1, SYSTEM$WAIT(60)"])
def test_a_wait_is_cancelled(connection: SnowflakeConnection, statement: str) -> None:
    cursor = connection.cursor()
    threading.Timer(0.5, lambda: connection.cursor().execute("SELECT SYSTEM$CANCEL_ALL_QUERIES(0)")).start()
    started = time.monotonic()
    with pytest.raises(ProgrammingError, match="cancel"):
        cursor.execute(statement)
    assert time.monotonic() - started < 30


def test_one_version(engine: RunningEngine, connection: SnowflakeConnection) -> None:
    """The version at login is the one of CURRENT_VERSION, and snowflake-ml can read it."""
    status = engine.status
    body = {"data": {"LOGIN_NAME": status.parameters["user"], "PASSWORD": status.password}}
    request = urllib.request.Request(
        f"http://127.0.0.1:{status.port}/session/v1/login-request",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        at_login = json.load(reply)["data"]["serverVersion"]
    assert value(connection, "SELECT CURRENT_VERSION()") == at_login
    session = Session.builder.configs({"connection": connection}).create()
    assert str(get_current_snowflake_version(session)) == at_login.replace(" ", "+")
