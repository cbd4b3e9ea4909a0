"""Staged Parquet as a relation: SELECT $1, METADATA$ columns, INFER_SCHEMA, Snowpark's reader, write_pandas."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import ProgrammingError

Rows = list[tuple[Any, ...]]
Query = Callable[[str], Rows]
DAY = datetime.date(2026, 11, 2)
NOON = datetime.datetime(2026, 11, 2, 12, 0, 0, 123456)


@pytest.fixture(scope="module")
def query(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    folder = tmp_path_factory.mktemp("parquet")
    first = pa.table(
        {
            "ID": pa.array([1, 2], pa.int64()),
            "lower": ["a", None],
            "DAY": pa.array([DAY, None], pa.date32()),
            "AT": pa.array([NOON, None], pa.timestamp("us")),
            "PRICE": pa.array([1.5, 2.5], pa.float64()),
            "OK": [True, False],
            "NEST": [{"text": "hi", "tags": ["x", "y"]}, None],
            "TAGS": [["p"], []],
            "RAW": pa.array([b"\xff\x00", b""], pa.binary()),
        }
    )
    pq.write_table(first, folder / "one.parquet")
    pq.write_table(pa.table({"ID": [3], "NEW": ["n"]}), folder / "two.parquet")
    with engine.connect() as connection:
        cursor = connection.cursor()

        def run(sql: str) -> Rows:
            return cursor.execute(sql).fetchall()

        run("CREATE SCHEMA MEDIA.PARQUET_TEST")
        run("USE SCHEMA MEDIA.PARQUET_TEST")
        run("CREATE STAGE P")
        run("CREATE FILE FORMAT PQ TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE")
        run(f"PUT 'file://{folder}/*' '@P/in put/' AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE")
        run("COPY FILES INTO @P/plain/ FROM '@P/in put/'")
        yield run


def test_columns_of_files_that_differ(query: Query) -> None:
    rows = query(
        'SELECT $1:ID::INT AS ID, $1:"lower"::TEXT, $1:NEW::TEXT, $1:NONE::TEXT '
        "FROM '@P/in put/' (FILE_FORMAT => PQ) ORDER BY 1"
    )
    assert rows == [(1, "a", None, None), (2, None, None, None), (3, None, "n", None)]


def test_types_are_kept(query: Query) -> None:
    select = "SELECT $1:DAY::DATE, $1:AT::TIMESTAMP_NTZ, $1:PRICE::FLOAT, $1:OK::BOOLEAN, $1:RAW::BINARY"
    rows = query(f"{select} FROM '@P/in put/one.parquet' (FILE_FORMAT => 'PQ') LIMIT 1")
    assert rows[0][:4] == (DAY, NOON, 1.5, True)
    assert bytes(rows[0][4]) == b"\xff\x00"


def test_nested_columns_are_semi_structured(query: Query) -> None:
    rows = query(
        "SELECT $1:NEST.text::TEXT, $1:NEST.tags[1]::TEXT, $1:TAGS[0]::TEXT "
        "FROM '@P/in put/one.parquet' (FILE_FORMAT => PQ)"
    )
    assert rows[0] == ("hi", "y", "p")


def test_metadata_columns(query: Query) -> None:
    rows = query(
        "SELECT METADATA$FILENAME, METADATA$FILE_ROW_NUMBER FROM '@P/in put/' "
        "(FILE_FORMAT => PQ, PATTERN => '.*one[.]parquet') ORDER BY 2"
    )
    assert rows == [("in put/one.parquet", 1), ("in put/one.parquet", 2)]


def test_whole_row_and_joins(query: Query) -> None:
    assert query("SELECT $1:ID FROM @P/nothing/ (FILE_FORMAT => PQ)") == []
    rows = query("SELECT COUNT(*) FROM '@P/in put/' (FILE_FORMAT => PQ) a JOIN (SELECT 3 AS K) b ON a.$1:ID::INT = b.K")
    assert rows == [(1,)]
    assert '"ID":3' in query("SELECT $1 FROM '@P/in put/two.parquet' (FILE_FORMAT => PQ)")[0][0].replace(" ", "")


def test_without_a_format_files_are_csv(query: Query) -> None:
    with pytest.raises(ProgrammingError, match="FILE_FORMAT"):
        query("SELECT $1 FROM '@P/in put/'")


def test_infer_schema(query: Query) -> None:
    rows = query(
        "SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@P/in put/one.parquet', FILE_FORMAT => 'PQ')) ORDER BY ORDER_ID"
    )
    assert {row[0]: row[1] for row in rows} == {
        "ID": "NUMBER(38, 0)",
        "lower": "TEXT",
        "DAY": "DATE",
        "AT": "TIMESTAMP_NTZ",
        "PRICE": "REAL",
        "OK": "BOOLEAN",
        "NEST": "VARIANT",
        "TAGS": "VARIANT",
        "RAW": "BINARY",
    }
    listed = "FILES => ('p/in put/two.parquet')"
    rows = query(
        f"SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@P', FILE_FORMAT => 'PQ', {listed})) ORDER BY ORDER_ID"
    )
    assert [(row[0], row[4]) for row in rows] == [("ID", "in put/two.parquet"), ("NEW", "in put/two.parquet")]


def test_file_formats(query: Query) -> None:
    query("CREATE TEMPORARY FILE FORMAT FF TYPE = PARQUET COMMENT = 'mine'")
    assert query("SHOW FILE FORMATS LIKE 'FF'")[0][4] == "PARQUET"
    with pytest.raises(ProgrammingError, match="already exists"):
        query("CREATE TEMPORARY FILE FORMAT FF TYPE = PARQUET")
    query("DROP FILE FORMAT FF")
    query("DROP FILE FORMAT IF EXISTS FF")
    with pytest.raises(ProgrammingError, match="does not exist"):
        query("SELECT $1 FROM @P (FILE_FORMAT => FF)")


def test_snowpark_reads_parquet(engine: Any, query: Query) -> None:
    session = engine.session(schema="PARQUET_TEST")
    try:
        reader = session.read.option("BINARY_AS_TEXT", False).option("USE_LOGICAL_TYPE", True)
        frame = reader.option("PATTERN", ".*one[.]parquet").parquet("@P/plain/")
        rows = sorted(frame.select("ID", '"lower"', "DAY", "AT").collect())
        assert tuple(rows[0]) == (1, "a", DAY, NOON)
        assert session.read.option("BINARY_AS_TEXT", False).parquet("@P/plain/").count() == 3
        assert len(session.read.parquet("@P/plain/two.parquet").to_pandas()) == 1
    finally:
        session.close()


def test_write_pandas(engine: Any, query: Query) -> None:
    import pandas as pd
    from snowflake.connector.pandas_tools import write_pandas

    frame = pd.DataFrame(
        {
            "N": [1, 2, 3],
            "low er": ["x", "ü", None],
            "AT": pd.to_datetime([NOON] * 3),
            "B": [b"\xff"] * 3,
            "F": [1.5, None, 2],
        }
    )
    with engine.connect(schema="PARQUET_TEST") as connection:
        without_bytes = frame.drop(columns="B")
        for given, options, chunks in (
            (frame, {"auto_create_table": True}, 1),
            (without_bytes, {"chunk_size": 2}, 2),
            (frame, {"overwrite": True}, 1),
            (frame[["N"]], {}, 1),
        ):
            done = write_pandas(connection, given, "FRAME", use_logical_type=True, **options)
            assert done[:3] == (True, chunks, 3)
    rows = query('SELECT N, "low er", AT, F FROM FRAME ORDER BY N, AT')
    assert len(rows) == 6
    assert (1, "x", NOON, 1.5) in rows


def test_a_listing_of_many_files_is_quick_the_second_time(engine: Any, query: Query, tmp_path: Path) -> None:
    query("CREATE STAGE MANY DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    (tmp_path / "seed").write_bytes(b"x")
    query(f"PUT 'file://{tmp_path}/seed' @MANY/f AUTO_COMPRESS = FALSE")
    folder = max((engine.state_dir / "stages").iterdir(), key=lambda path: path.stat().st_mtime) / "f"
    for number in range(5_000):
        (folder / f"{number}.jpg").write_bytes(str(number).encode())
    assert len(query("LIST @MANY")) == 5_001
    started = datetime.datetime.now()
    assert len(query("LIST @MANY")) == 5_001
    query("ALTER STAGE MANY REFRESH")
    assert query("SELECT COUNT(*), COUNT(DISTINCT MD5) FROM DIRECTORY(@MANY)") == [(5_001, 5_001)]
    assert (datetime.datetime.now() - started).total_seconds() < 5


def test_times_of_files_that_are_older_than_logical_types(query: Query, tmp_path: Path) -> None:
    """snowpark-python, test_dataframe_reader_suite.py (test_read_parquet_all_data_types_with_no_schema)."""
    column = pa.array([NOON.replace(tzinfo=datetime.UTC)], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"AT": column}), tmp_path / "new.parquet", store_schema=False)
    content, logical = (tmp_path / "new.parquet").read_bytes(), bytes.fromhex("4c8c111c2c00000000")  # as Thrift has it
    assert content.count(logical) == 1
    footer = int.from_bytes(content[-8:-4], "little") - len(logical)
    old = content.replace(logical, b"")[:-8] + footer.to_bytes(4, "little") + content[-4:]
    (tmp_path / "old.parquet").write_bytes(old)
    query(f"PUT 'file://{tmp_path}/old.parquet' @P/old/ AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE")
    query("CREATE FILE FORMAT PLAIN TYPE = PARQUET")
    query("ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'")
    inferred = "SELECT TYPE FROM TABLE(INFER_SCHEMA(LOCATION => '@P/old/', FILE_FORMAT => '{}'))"
    try:
        assert (query(inferred.format("PLAIN")), query(inferred.format("PQ"))) == (
            [("TIMESTAMP_NTZ",)],
            [("TIMESTAMP_LTZ",)],
        )
        assert query("SELECT $1:AT::TIMESTAMP_NTZ FROM @P/old/ (FILE_FORMAT => PLAIN)") == [(NOON,)]
        (moment,) = query("SELECT $1:AT::TIMESTAMP_LTZ FROM @P/old/ (FILE_FORMAT => PQ)")[0]
        assert moment == NOON.replace(tzinfo=datetime.UTC)
    finally:
        query("ALTER SESSION UNSET TIMEZONE")
