"""The connection to Snowflake: log in, run a statement, read a small answer, keep a transaction.

Everything that sends a statement goes through this module, so that a statement is run in one way. Each function takes
an open connection: a task logs in once. The connector is imported when a function is called.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError, NotAuthorizedError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

NETWORK_TIMEOUT = 60
"""Seconds after which the connector gives up on a request of a wait."""

_QUERY = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)

_FIRST_PAUSE, _LAST_PAUSE = 0.05, 2.0
_FIRST_LOCK_PAUSE, _LAST_LOCK_PAUSE = 0.2, 10.0


@contextmanager
def connected(snowflake_conn_id: str) -> Iterator[SnowflakeConnection]:
    """One login through Apache's connection.

    :raises NotAuthorizedError: in place of a connector's error that asks for a privilege; it names the GRANT.
    """
    from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

    with MediaBatchHook(snowflake_conn_id=snowflake_conn_id).connect() as connection, name_grant(connection):
        yield connection


@contextmanager
def name_grant(connection: SnowflakeConnection) -> Iterator[None]:
    """Name the GRANT that an error of this connection asks for.

    :raises NotAuthorizedError: in place of a connector's error that asks for a privilege; others pass.
    """
    from snowflake.connector.errors import DatabaseError

    try:
        yield
    except DatabaseError as error:
        grant = errors.missing_grant(error, role=connection.role)
        if grant is None:
            raise
        raise NotAuthorizedError(errors.error_text(error), grant, errors.errno(error)) from error


@contextmanager
def still_connected(snowflake_conn_id: str, connection: SnowflakeConnection | None) -> Iterator[SnowflakeConnection]:
    """The task's open connection while its session lives (a heartbeat, no statement), else one more login.

    :param connection: as it was before a wait that may have taken hours; None if there is none.
    """
    if connection is not None and connection.is_valid():
        yield connection
        return
    with connected(snowflake_conn_id) as opened:
        yield opened


def limit_retries(connection: SnowflakeConnection) -> None:
    """From now on let the connector give up a request after :data:`NETWORK_TIMEOUT`: by default it retries without end.

    For a wait, during which Snowflake may be away: the task then defers, or looks at its deadline. The connector takes
    the setting at a login only, and one more login takes longer than many a job. A user's own setting stays.
    """
    if connection.network_timeout is None:
        connection._network_timeout = NETWORK_TIMEOUT  # type: ignore[attr-defined]


@contextmanager
def explain_refused(what: str, hint: str = "") -> Iterator[None]:
    """Say which argument holds the SQL that Snowflake does not take.

    :param what: the task's argument and what is wrong with it.
    :param hint: what follows Snowflake's words.
    :raises InvalidInputError: for a statement that fails; a missing privilege passes, for :func:`connected`.
    """
    from snowflake.connector.errors import ProgrammingError

    try:
        yield
    except ProgrammingError as error:
        if errors.missing_grant(error) is not None:
            raise
        raise InvalidInputError(f"{what}: {errors.error_text(error)}{hint}") from None


@contextmanager
def explain_unreadable(what: str) -> Iterator[None]:
    """Say which argument names a table, or holds a query, that cannot be read.

    :param what: the task's argument with its value.
    :raises InvalidInputError: for a statement that fails.
    """
    from snowflake.connector.errors import ProgrammingError

    try:
        yield
    except ProgrammingError as error:
        missing = " It does not exist, or this role may not see it." if errors.is_missing(error) else ""
        raise InvalidInputError(f"{what} cannot be read.{missing} {errors.error_text(error)}") from None


def execute(connection: SnowflakeConnection, statement: str) -> int:
    """Run a statement.

    :return: how many rows it changed.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount or 0)


def execute_locking(connection: SnowflakeConnection, statement: str, *, seconds: float) -> int:
    """Run a statement that takes a table's lock, again with jitter while too many others wait for it.

    Snowflake aborts it with 000625 when the wait exceeds LOCK_TIMEOUT, and at once when more than 20 statements wait
    for the same lock. It has changed nothing then, and an open transaction stays open.

    :param seconds: after which the error is raised.
    :return: how many rows it changed.
    """
    from snowflake.connector.errors import DatabaseError

    started, pause = time.monotonic(), _FIRST_LOCK_PAUSE
    while True:
        try:
            return execute(connection, statement)
        except DatabaseError as error:
            over = time.monotonic() - started + pause > seconds
            if errors.errno(error) != errors.LOCK_NOT_GRANTED or over:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, _LAST_LOCK_PAUSE)


def rows(
    connection: SnowflakeConnection, statement: str, *, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Run a statement and return its rows, for answers of a few rows.

    Column names are as Snowflake gives them: lower case from SHOW, DESCRIBE, LIST and COPY, upper case from a SELECT
    whose aliases are not quoted.

    :param parameters: statement parameters for this one statement.
    """
    from snowflake.connector import DictCursor

    with connection.cursor(DictCursor) as cursor:
        cursor.execute(statement, _statement_params=dict(parameters) if parameters else None)
        return list(cursor.fetchall())


def rows_and_query_id(connection: SnowflakeConnection, statement: str) -> tuple[list[dict[str, Any]], str]:
    """As :func:`rows`, with the id by which a later statement of the same role can read the rows on the server."""
    from snowflake.connector import DictCursor

    with connection.cursor(DictCursor) as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()), str(cursor.sfqid)


def rows_or_none(
    connection: SnowflakeConnection, statement: str, *, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]] | None:
    """As :func:`rows`; None when the statement's object does not exist or this role may not see it."""
    from snowflake.connector.errors import ProgrammingError

    try:
        return rows(connection, statement, parameters=parameters)
    except ProgrammingError as error:
        if errors.is_missing(error):
            return None
        raise


def value(connection: SnowflakeConnection, statement: str) -> Any:
    """The first column of the first row; None without rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row: Any = cursor.fetchone()
        return row[0] if row else None


def server_time(connection: SnowflakeConnection) -> datetime:
    """The server's present."""
    moment: datetime = value(connection, "SELECT SYSDATE() AS MOMENT")
    return moment.replace(tzinfo=UTC)


def run_async(connection: SnowflakeConnection, statements: Sequence[str]) -> list[str]:
    """Run statements side by side and wait for all of them. Their rows stay on the server.

    A synchronous reply carries rows, an asynchronous one does not. That keeps a listing of millions of files out of the
    worker's memory.

    :return: the query ids, in order.
    :raises snowflake.connector.Error: the first failure.
    """
    ids = []
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute_async(statement)
            ids.append(str(cursor.sfqid))
    started = time.monotonic()
    for query_id in ids:
        while connection.is_still_running(connection.get_query_status_throw_if_error(query_id)):
            time.sleep(status_pause(time.monotonic() - started))
    return ids


def status_pause(elapsed: float) -> float:
    """Seconds until a running statement is asked for again: a small share of the time so far.

    A task is found waiting for half a pause on average when its statement ends. A tenth would be 5 % of a listing of
    many files.

    :param elapsed: seconds that it has run.
    """
    return min(max(_FIRST_PAUSE, 0.03 * elapsed), _LAST_PAUSE)


def result_columns(connection: SnowflakeConnection, query: str) -> dict[str, str]:
    """A query's columns with their SQL types. The query is described, not run."""
    with connection.cursor() as cursor:
        return {item.name: _type_name(item) for item in cursor.describe(query)}


def table_columns(connection: SnowflakeConnection, table: str) -> dict[str, str] | None:
    """A table's columns with their SQL types; None when it does not exist or this role may not see it.

    :param table: the qualified name as SQL.
    """
    from snowflake.connector.errors import ProgrammingError

    try:
        return result_columns(connection, f"SELECT * FROM {table}")
    except ProgrammingError as error:
        if errors.is_missing(error):
            return None
        raise


@contextmanager
def transaction(connection: SnowflakeConnection) -> Iterator[None]:
    """BEGIN, the caller's statements, COMMIT; a ROLLBACK after any failure."""
    from snowflake.connector.errors import Error

    execute(connection, "BEGIN")
    try:
        yield
        execute(connection, "COMMIT")
    except BaseException:
        # A lost connection has ended the transaction already. The first error is the one to raise.
        with suppress(Error):
            execute(connection, "ROLLBACK")
        raise


def qualified_name(connection: SnowflakeConnection, name: str, *, argument: str, kind: str) -> tuple[str, str, str]:
    """``(database, schema, name)`` of a name as a user writes it, completed from the connection.

    :param argument: the operator's argument that holds the name.
    :param kind: what the name is of, for the message: ``table``, ``model``.
    :raises InvalidInputError: when it is no name, or the connection has no database or schema to complete it with.
    """
    try:
        parts = sql.split(name)
    except ValueError as error:
        raise InvalidInputError(f"{argument}: {error}") from None
    full = (*(connection.database, connection.schema)[: max(0, 3 - len(parts))], *parts)
    if len(full) != 3 or not all(full):
        raise InvalidInputError(
            f"{argument}={name!r} does not name a {kind}: write DATABASE.SCHEMA.{kind.upper()}, "
            "or set database and schema on the connection"
        )
    database, schema, last = (str(part) for part in full)
    return database, schema, last


def table_or_query(connection: SnowflakeConnection, given: str, *, argument: str) -> str:
    """A FROM item of a table's name, or of a query, as a user writes either.

    :param argument: the operator's argument that holds it.
    :raises InvalidInputError: when it is neither.
    """
    if _QUERY.match(given):
        # The line's end is for a query that ends in a comment.
        return f"({given.strip().rstrip(';')}\n)"
    return sql.qualified(*qualified_name(connection, given, argument=argument, kind="table"))


def _type_name(column: Any) -> str:
    """A result column's SQL type, from the connector's description of it."""
    from snowflake.connector.constants import FIELD_ID_TO_NAME

    name = FIELD_ID_TO_NAME[column.type_code]
    if name == "FIXED":
        return f"NUMBER({column.precision},{column.scale})"
    if name.startswith("TIMESTAMP") or name == "TIME":
        return f"{name}({9 if column.scale is None else column.scale})"
    return {"TEXT": "VARCHAR", "REAL": "FLOAT"}.get(name, name)
