"""Streams on stages: who may read and make them, two sessions at once, a restart. The rest is in tests/conformance."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from snowflake.connector.errors import ProgrammingError

if TYPE_CHECKING:
    from conftest import RunningEngine


class Streamed:
    """A stage with a directory table and a stream on it, both of one name."""

    def __init__(self, connection: Any, folder: Path) -> None:
        self.connection, self.folder = connection, folder
        self.name = f"STREAMED_{uuid.uuid4().hex[:8]}".upper()
        self.sql(f"CREATE STAGE {self.name} DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        self.sql(f"CREATE STREAM {self.name} ON STAGE {self.name} COMMENT = 'arrivals'")

    def sql(self, text: str, connection: Any = None) -> list[Any]:
        with (connection or self.connection).cursor() as cursor:
            return list(cursor.execute(text).fetchall())

    def upload(self, *names: str) -> None:
        for name in names:
            (self.folder / name).write_text(name)
            self.sql(f"PUT 'file://{self.folder / name}' @{self.name} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        self.sql(f"ALTER STAGE {self.name} REFRESH")

    def count(self, connection: Any = None) -> int:
        return int(self.sql(f"SELECT COUNT(*) FROM {self.name}", connection)[0][0])


@pytest.fixture
def streamed(engine: RunningEngine, tmp_path: Path) -> Iterator[Streamed]:
    with engine.connect() as connection:
        yield Streamed(connection, tmp_path)


def role_of(streamed: Streamed, engine: RunningEngine) -> Any:
    """A connection whose role may use the schema alone."""
    role = f"R_{streamed.name}"
    for text in (
        f"CREATE ROLE {role}",
        f"GRANT ROLE {role} TO USER {streamed.connection.user}",
        f"GRANT USAGE ON DATABASE MEDIA TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA MEDIA.PUBLIC TO ROLE {role}",
        f"GRANT USAGE ON WAREHOUSE COMPUTE_WH TO ROLE {role}",
    ):
        streamed.sql(text)
    return engine.connect(role=role)


def test_a_reader_needs_select_on_the_stream_and_read_on_the_stage(engine: RunningEngine, streamed: Streamed) -> None:
    """Introduction to streams, Required access privileges."""
    streamed.upload("a.txt")
    name = streamed.name
    with role_of(streamed, engine) as other:
        with pytest.raises(ProgrammingError, match=f"Stream 'MEDIA.PUBLIC.{name}' does not exist or not authorized"):
            streamed.count(other)
        assert streamed.sql(f"SHOW STREAMS LIKE '{name}'", other) == []
        streamed.sql(f"GRANT SELECT ON STREAM {name} TO ROLE R_{name}")
        with pytest.raises(ProgrammingError, match=f"Stage 'MEDIA.PUBLIC.{name}' does not exist or not authorized"):
            streamed.count(other)
        (shown,) = streamed.sql(f"SHOW STREAMS LIKE '{name}'", other)
        assert "No privilege or table dropped" in shown
        streamed.sql(f"GRANT READ ON STAGE {name} TO ROLE R_{name}")
        assert streamed.count(other) == 1
        assert streamed.sql(f"SELECT SYSTEM$STREAM_HAS_DATA('MEDIA.PUBLIC.{name}')", other) == [(True,)]
        for text, kind in (
            (f"DROP STREAM {name}", "stream"),
            (f"CREATE STREAM {name}_2 ON STAGE {name}", "schema"),
            (f"ALTER STAGE {name} REFRESH", "stage"),
        ):
            with pytest.raises(ProgrammingError, match=f"Insufficient privileges to operate on {kind}"):
                streamed.sql(text, other)
        streamed.sql(f"GRANT WRITE ON STAGE {name} TO ROLE R_{name}")
        streamed.sql(f"ALTER STAGE {name} REFRESH", other)
        streamed.sql(f"GRANT CREATE STREAM ON SCHEMA MEDIA.PUBLIC TO ROLE R_{name}")
        streamed.sql(f"CREATE STREAM {name}_2 ON STAGE {name}", other)
        streamed.sql(f"DROP STREAM {name}_2", other)


def test_a_stream_needs_no_warehouse_until_its_rows_are_read(engine: RunningEngine, streamed: Streamed) -> None:
    streamed.upload("a.txt")
    with engine.connect(warehouse="NO_SUCH_WAREHOUSE") as other:
        assert streamed.sql(f"SELECT SYSTEM$STREAM_HAS_DATA('{streamed.name}')", other) == [(True,)]
        assert len(streamed.sql(f"SHOW STREAMS LIKE '{streamed.name}'", other)) == 1
        with pytest.raises(ProgrammingError, match="No active warehouse"):
            streamed.count(other)


def test_a_refresh_without_changes_gives_a_stream_nothing(streamed: Streamed) -> None:
    streamed.sql(f"ALTER STAGE {streamed.name} REFRESH")
    assert streamed.sql(f"SELECT SYSTEM$STREAM_HAS_DATA('{streamed.name}')") == [(False,)]


def test_what_comes_in_a_transaction_is_for_the_next(engine: RunningEngine, streamed: Streamed) -> None:
    """Introduction to streams, Repeatable read isolation: a stream ends where the transaction began."""
    streamed.upload("a.txt")
    with engine.connect() as other:
        streamed.sql("CREATE TEMPORARY TABLE SEEN (P VARCHAR)", other)
        streamed.sql("BEGIN", other)
        streamed.upload("b.txt", "c.txt")
        assert (streamed.count(other), streamed.count()) == (1, 3)
        streamed.sql(f"INSERT INTO SEEN SELECT RELATIVE_PATH FROM {streamed.name}", other)
        streamed.sql("COMMIT", other)
        assert streamed.sql("SELECT P FROM SEEN", other) == [("a.txt",)]
        left = streamed.sql(f"SELECT RELATIVE_PATH FROM {streamed.name} ORDER BY 1", other)
        assert left == [("b.txt",), ("c.txt",)]


def test_no_two_sessions_take_the_same_rows(engine: RunningEngine, streamed: Streamed) -> None:
    streamed.upload("a.txt")
    with engine.connect() as other:
        for connection in (streamed.connection, other):
            streamed.sql("CREATE TEMPORARY TABLE SEEN (P VARCHAR)", connection)
            streamed.sql("BEGIN", connection)
            streamed.sql(f"INSERT INTO SEEN SELECT RELATIVE_PATH FROM {streamed.name}", connection)
        streamed.sql("COMMIT")
        with pytest.raises(ProgrammingError, match="not supported by the local engine: transactions that consume"):
            streamed.sql("COMMIT", other)
        assert streamed.sql("SELECT P FROM SEEN") == [("a.txt",)]
        assert streamed.sql("SELECT P FROM SEEN", other) == []
        assert streamed.count() == 0


def test_a_failed_statement_moves_nothing(streamed: Streamed) -> None:
    streamed.upload("a.txt")
    streamed.sql("CREATE TEMPORARY TABLE NUMBERS (N NUMBER)")
    with pytest.raises(ProgrammingError):
        streamed.sql(f"INSERT INTO NUMBERS SELECT RELATIVE_PATH::NUMBER FROM {streamed.name}")
    assert streamed.count() == 1


def test_offsets_outlive_a_restart(own_engine: RunningEngine, tmp_path: Path) -> None:
    with own_engine.connect() as connection:
        streamed = Streamed(connection, tmp_path)
        streamed.upload("a.txt")
        streamed.sql(f"CREATE TEMPORARY TABLE SEEN AS SELECT * FROM {streamed.name}")
        streamed.upload("b.txt")
    own_engine.stop()
    own_engine.restart()
    with own_engine.connect() as connection:
        left = streamed.sql(f"SELECT RELATIVE_PATH, METADATA$ACTION FROM {streamed.name}", connection)
        assert left == [("b.txt", "INSERT")]
        streamed.sql(f"DROP STAGE {streamed.name}", connection)
        with pytest.raises(ProgrammingError, match="has become stale"):
            streamed.count(connection)
        (described,) = streamed.sql(f"DESCRIBE STREAM {streamed.name}", connection)
        assert "true" in described, "stale"
        streamed.sql(f"DROP STREAM {streamed.name}", connection)


def test_a_schema_takes_its_streams_along(streamed: Streamed) -> None:
    streamed.sql(f"CREATE SCHEMA S_{streamed.name}")
    streamed.sql("USE SCHEMA MEDIA.PUBLIC")
    streamed.sql(f'CREATE STREAM S_{streamed.name}."my stream" ON STAGE MEDIA.PUBLIC.{streamed.name}')
    streamed.upload("a.txt")
    has_data = f"SELECT SYSTEM$STREAM_HAS_DATA('MEDIA.S_{streamed.name}.\"my stream\"')"
    assert streamed.sql(has_data) == [(True,)]
    streamed.sql(f"DROP SCHEMA S_{streamed.name}")
    with pytest.raises(ProgrammingError, match="does not exist"):
        streamed.sql(has_data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CREATE STREAM X ON EXTERNAL TABLE T", "ON EXTERNAL, only ON STAGE"),
        ("CREATE STREAM X WITH TAG (A = 'b') ON STAGE {}", "TAG of a stream"),
        ("CREATE VIEW V AS SELECT * FROM {}", "a stream in a view"),
        ("ALTER STREAM {} SET COMMENT = 'x'", "ALTER"),
    ],
)
def test_what_is_refused(streamed: Streamed, text: str, words: str) -> None:
    with pytest.raises(ProgrammingError, match=f"not supported by the local engine: .*{words}"):
        streamed.sql(text.format(streamed.name))
