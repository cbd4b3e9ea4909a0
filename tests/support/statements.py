"""Statements sent through the connector: their rows, and their refusals."""

from __future__ import annotations

from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError


def rows(connection: SnowflakeConnection, sql: str, *binds: Any) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    return connection.cursor().execute(sql, binds or None).fetchall()  # type: ignore[union-attr,return-value]


def refusal(connection: SnowflakeConnection, sql: str) -> DatabaseError:
    """The error of a statement that has to fail."""
    with pytest.raises(DatabaseError) as caught:
        connection.cursor().execute(sql)
    return caught.value
