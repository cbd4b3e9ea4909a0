"""Statements whose rows stay on the server: only their query ids, and their columns, reach the worker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
"""Pause between two requests for a statement's status, in seconds."""


def run_async(connection: SnowflakeConnection, statements: Sequence[str]) -> list[str]:
    """Run statements at once and wait for all, leaving their rows on the server.

    The reply to an asynchronous statement carries no rows, so a listing of millions never fills the worker's memory.

    :return: the query ids, in the order of the statements.
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
            # A tenth of the time so far: the wait ends soon after the statement does, with few requests for a slow one.
            time.sleep(min(max(_SHORTEST_PAUSE, 0.1 * (time.monotonic() - started)), _LONGEST_PAUSE))
    return ids


def result_columns(connection: SnowflakeConnection, query: str) -> dict[str, str]:
    """The columns that a query returns, as stored, with their SQL types. The query is not run."""
    with connection.cursor() as cursor:
        return {item.name: column_type(item) for item in cursor.describe(query)}


def column_type(column: Any) -> str:
    """A result column's SQL type, from the connector's description of it."""
    from snowflake.connector.constants import FIELD_ID_TO_NAME

    name = FIELD_ID_TO_NAME[column.type_code]
    if name == "FIXED":
        return f"NUMBER({column.precision},{column.scale})"
    if name.startswith("TIMESTAMP") or name == "TIME":
        return f"{name}({9 if column.scale is None else column.scale})"
    return {"TEXT": "VARCHAR", "REAL": "FLOAT"}.get(name, name)
