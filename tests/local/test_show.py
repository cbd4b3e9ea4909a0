"""SHOW statements: every one has the clauses that Snowflake documents for it, read in one way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from snowflake.connector.errors import ProgrammingError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from tests.conftest import RunningEngine

LIMITED = (
    *("TABLES", "VIEWS", "OBJECTS", "DATABASES", "SCHEMAS", "WAREHOUSES", "ROLES", "COMPUTE POOLS"),
    *("SERVICES", "JOB SERVICES"),
)
"""What Snowflake's reference gives STARTS WITH and LIMIT."""
UNLIMITED = ("STAGES", "FILE FORMATS", "MODELS", "COLUMNS", "PARAMETERS", "VARIABLES", "IMAGE REPOSITORIES")


@pytest.fixture(scope="module")
def connection(engine: RunningEngine) -> Iterator[SnowflakeConnection]:
    """A session in a schema of its own, with a few objects whose names are hard to match."""
    with engine.connect() as opened:
        cursor = opened.cursor()
        cursor.execute("CREATE OR REPLACE SCHEMA media.shown")
        for name in ("A_1", "AX1", "B1", '"a!b"', '"A%1"'):
            cursor.execute(f"CREATE TABLE {name} (id INT)")
            cursor.execute(f"CREATE STAGE {name}")
        for role in ("SHOWN_A", "SHOWNXA"):
            cursor.execute(f"CREATE ROLE {role}")
        for pool in ("SHOWN_1", "SHOWN_2"):
            cursor.execute(f"CREATE COMPUTE POOL {pool} MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_S")
        yield opened
        cursor.execute("DROP SCHEMA media.shown")
        for role in ("SHOWN_A", "SHOWNXA"):
            cursor.execute(f"DROP ROLE {role}")
        for pool in ("SHOWN_1", "SHOWN_2"):
            cursor.execute(f"DROP COMPUTE POOL {pool}")


def names(connection: SnowflakeConnection, statement: str) -> list[str]:
    """The objects' names that a SHOW returns."""
    cursor = connection.cursor()
    cursor.execute(statement)
    position = [column.name for column in cursor.description].index("name")
    return [str(row[position]) for row in cursor.fetchall()]  # type: ignore[index]


@pytest.mark.parametrize("kind", LIMITED)
def test_limit_is_taken_where_it_is_documented(connection: SnowflakeConnection, kind: str) -> None:
    everything = sorted(names(connection, f"SHOW {kind}"))
    assert names(connection, f"SHOW {kind} LIMIT 1") == everything[:1]
    if len(everything) > 1:
        assert names(connection, f"SHOW {kind} LIMIT 1 FROM '{everything[0]}'") == everything[1:2]


@pytest.mark.parametrize("kind", UNLIMITED)
def test_limit_is_a_syntax_error_where_it_is_not_documented(connection: SnowflakeConnection, kind: str) -> None:
    with pytest.raises(ProgrammingError, match="syntax error") as refused:
        connection.cursor().execute(f"SHOW {kind} LIMIT 1")
    assert refused.value.errno == 1003


@pytest.mark.parametrize("kind", ["TABLES", "STAGES"])
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a\\\\_1", ["A_1"]),
        ("A_1", ["A%1", "AX1", "A_1"]),
        ("a\\\\%1", ["A%1"]),
        ("A\\\\!B", ["a!b"]),
        ("%1", ["A%1", "AX1", "A_1", "B1"]),
    ],
)
def test_like(connection: SnowflakeConnection, kind: str, pattern: str, found: list[str]) -> None:
    assert sorted(names(connection, f"SHOW {kind} LIKE '{pattern}' IN SCHEMA media.shown")) == found


def test_like_is_the_same_for_roles(connection: SnowflakeConnection) -> None:
    assert names(connection, "SHOW ROLES LIKE 'shown\\\\_a'") == ["SHOWN_A"]
    assert sorted(names(connection, "SHOW ROLES LIKE 'shown_a'")) == ["SHOWNXA", "SHOWN_A"]


@pytest.mark.parametrize("kind", ["TABLES", "COMPUTE POOLS"])
def test_starts_with_and_limit(connection: SnowflakeConnection, kind: str) -> None:
    start = "A" if kind == "TABLES" else "SHOWN"
    found = names(connection, f"SHOW {kind} STARTS WITH '{start}'")
    assert len(found) > 1
    assert names(connection, f"SHOW {kind} STARTS WITH '{start}' LIMIT 1") == sorted(found)[:1]
    assert names(connection, f"SHOW {kind} STARTS WITH '{start.lower()}!'") == (["a!b"] if kind == "TABLES" else [])


@pytest.mark.parametrize("kind", ["TABLES", "STAGES", "FILE FORMATS", "MODELS", "SERVICES"])
def test_scopes(connection: SnowflakeConnection, kind: str) -> None:
    """IN is read alike for all objects of schemas."""
    for scope in ("ACCOUNT", "DATABASE", "DATABASE media", "SCHEMA", "SCHEMA shown", "media.shown", "media"):
        connection.cursor().execute(f"SHOW {kind} LIKE 'none' IN {scope}")
    for scope in ("SCHEMA media.absent", "DATABASE absent", "absent.shown"):
        with pytest.raises(ProgrammingError) as refused:
            connection.cursor().execute(f"SHOW {kind} IN {scope}")
        assert refused.value.errno == 2043


def test_columns_of_a_table_and_of_a_schema(connection: SnowflakeConnection) -> None:
    def rows(scope: str) -> list[Any]:
        return connection.cursor().execute(f"SHOW COLUMNS LIKE 'i_' IN {scope}").fetchall()  # type: ignore[union-attr]

    assert [row[0] for row in rows("TABLE B1")] == ["B1"]
    assert [row[0] for row in rows("media.shown.B1")] == ["B1"]
    assert len(rows("SCHEMA media.shown")) == 5
