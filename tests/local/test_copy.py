"""COPY INTO both ways, with what Snowflake's options really mean, through the unmodified connector."""

from __future__ import annotations

import datetime
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import ProgrammingError

Rows = list[tuple[Any, ...]]
Query = Callable[[str], Rows]
PARQUET = "FILE_FORMAT = (TYPE = PARQUET)"


@pytest.fixture(scope="module")
def query(engine: Any) -> Iterator[Query]:
    """Run one statement in a schema of this module's own, which has a stage S and a table FRUIT."""
    with engine.connect() as connection:
        cursor = connection.cursor()

        def run(sql: str) -> Rows:
            return cursor.execute(sql).fetchall()

        run("CREATE SCHEMA MEDIA.COPY_TEST")
        run("USE SCHEMA MEDIA.COPY_TEST")
        run("CREATE STAGE S")
        run("CREATE TABLE FRUIT (NAME VARCHAR, N INT, PICKED TIMESTAMP_NTZ)")
        run("INSERT INTO FRUIT VALUES ('apple', 1, '2026-01-02 03:04:05'), ('pear', 2, NULL), ('fig', 3, NULL)")
        yield run


def failure(query: Query, sql: str) -> ProgrammingError:
    with pytest.raises(ProgrammingError) as caught:
        query(sql)
    return caught.value


def names(query: Query, path: str) -> list[str]:
    return [row[0].removeprefix("s/") for row in query(f"LIST {path}")]


def read(query: Query, path: str, folder: Path) -> pa.Table:
    query(f"GET {path} 'file://{folder}'")
    return pa.concat_tables(pq.read_table(file) for file in sorted(folder.iterdir()))


def test_unload_a_table_with_names_and_types(query: Query, tmp_path: Path) -> None:
    assert query(f"COPY INTO @S/plain/ FROM FRUIT {PARQUET} HEADER = TRUE")[0][0] == 3
    assert names(query, "@S/plain/") == ["plain/data_0_0_0.snappy.parquet"]
    table = read(query, "@S/plain/", tmp_path)
    assert table.column_names == ["NAME", "N", "PICKED"]
    assert table.schema.field("N").type == pa.int64()
    assert table["PICKED"].to_pylist()[0] == datetime.datetime(2026, 1, 2, 3, 4, 5)


def test_without_header_columns_are_numbered(query: Query, tmp_path: Path) -> None:
    query(f"COPY INTO @S/numbered/ FROM (SELECT NAME, N FROM FRUIT) {PARQUET}")
    assert read(query, "@S/numbered/", tmp_path).column_names == ["_COL_0", "_COL_1"]


def test_existing_name_is_an_error_and_overwrite_replaces_that_name_only(query: Query, tmp_path: Path) -> None:
    query(f"COPY INTO @S/again/ FROM FRUIT {PARQUET} HEADER = TRUE")
    query(f"COPY INTO @S/again/other FROM FRUIT {PARQUET} HEADER = TRUE")
    error = failure(query, f"COPY INTO @S/again/ FROM FRUIT {PARQUET}")
    assert "Files already existing at the unload destination" in str(error)
    query(f"COPY INTO @S/again/ FROM (SELECT * FROM FRUIT LIMIT 1) {PARQUET} HEADER = TRUE OVERWRITE = TRUE")
    assert names(query, "@S/again/") == ["again/data_0_0_0.snappy.parquet", "again/other_0_0_0.snappy.parquet"]
    assert read(query, "@S/again/", tmp_path).num_rows == 4


def test_no_rows_no_file(query: Query) -> None:
    assert query(f"COPY INTO @S/empty/ FROM (SELECT * FROM FRUIT WHERE N > 9) {PARQUET}") == [(0, 0, 0)]
    assert names(query, "@S/empty/") == []


def test_query_id_in_names(query: Query, engine: Any) -> None:
    with engine.connect(schema="COPY_TEST") as connection:
        cursor = connection.cursor()
        cursor.execute(f"COPY INTO @S/ids/ FROM FRUIT {PARQUET} INCLUDE_QUERY_ID = TRUE")
        assert names(query, "@S/ids/") == [f"ids/data_{cursor.sfqid}_0_0_0.snappy.parquet"]
    query(f"COPY INTO @S/ids/ FROM FRUIT {PARQUET} INCLUDE_QUERY_ID = TRUE")
    assert len(names(query, "@S/ids/")) == 2


@pytest.mark.parametrize(
    "options",
    [
        "INCLUDE_QUERY_ID = TRUE OVERWRITE = TRUE",
        "INCLUDE_QUERY_ID = TRUE SINGLE = TRUE",
    ],
)
def test_options_that_exclude_one_another(query: Query, options: str) -> None:
    assert "cannot be used with" in str(failure(query, f"COPY INTO @S/no/ FROM FRUIT {PARQUET} {options}"))
    partitioned = f"COPY INTO @S/no/ FROM FRUIT PARTITION BY (NAME) {PARQUET} OVERWRITE = TRUE"
    assert "PARTITION BY" in str(failure(query, partitioned))


def test_partition_by(query: Query) -> None:
    query("INSERT INTO FRUIT VALUES (NULL, 4, NULL)")
    rows = query(
        f"COPY INTO @S/parts FROM (SELECT NAME, N FROM FRUIT) PARTITION BY ('letter=' || LEFT(NAME, 1) || '/x y') "
        f"{PARQUET} HEADER = TRUE DETAILED_OUTPUT = TRUE"
    )
    query("DELETE FROM FRUIT WHERE N = 4")
    assert [row[2] for row in rows] == [1, 1, 1, 1]
    found = [re.sub(r"[0-9a-f-]{36}", "ID", name) for name in names(query, "@S/parts")]
    assert sorted(found) == [
        "parts/_NULL_/data_ID_0_0_0.snappy.parquet",
        "parts/letter=a/x y/data_ID_0_0_0.snappy.parquet",
        "parts/letter=f/x y/data_ID_0_0_0.snappy.parquet",
        "parts/letter=p/x y/data_ID_0_0_0.snappy.parquet",
    ]


@pytest.mark.parametrize("kind", ["TIMESTAMP_TZ", "TIMESTAMP_LTZ"])
def test_time_zones_cannot_be_unloaded(query: Query, kind: str) -> None:
    error = failure(query, f"COPY INTO @S/tz/ FROM (SELECT PICKED::{kind} AS T FROM FRUIT) {PARQUET}")
    assert "TIMESTAMP_NTZ" in str(error)
    assert names(query, "@S/tz/") == []


def test_values_that_parquet_has_no_type_for(query: Query, tmp_path: Path) -> None:
    query(
        "COPY INTO @S/one.parquet FROM (SELECT PARSE_JSON('{\"a\": [1, 2]}') AS V, "
        "12345678901234567890123::NUMBER(38, 0) AS BIG, 1.50::NUMBER(10, 2) AS D, TO_BINARY('ff00', 'HEX') AS B) "
        f"{PARQUET} HEADER = TRUE SINGLE = TRUE"
    )
    row = read(query, "@S/one.parquet", tmp_path).to_pylist()[0]
    assert row["V"].replace(" ", "") == '{"a":[1,2]}'
    assert (int(row["BIG"]), float(row["D"]), row["B"]) == (12345678901234567890123, 1.5, b"\xff\x00")


def test_bound_values_in_the_query(engine: Any) -> None:
    with engine.connect(schema="COPY_TEST", paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute(f"COPY INTO @S/bound/ FROM (SELECT * FROM FRUIT WHERE N = ?) {PARQUET}", (2,))
        assert cursor.fetchall()[0][0] == 1


@pytest.mark.parametrize("options", ["FILE_FORMAT = (TYPE = XML)", f"{PARQUET} VALIDATION_MODE = RETURN_ROWS"])
def test_what_is_not_done_is_refused_by_name(query: Query, options: str) -> None:
    assert "not supported by the local engine" in str(failure(query, f"COPY INTO @S/refused/ FROM FRUIT {options}"))


def test_a_failing_query_leaves_nothing(query: Query, engine: Any) -> None:
    before = set((engine.state_dir / "unload").iterdir())  # other tests leave their own
    failure(query, f"COPY INTO @S/failing/ FROM (SELECT 1 / (N - 2) AS X FROM FRUIT) {PARQUET}")
    assert names(query, "@S/failing/") == []
    assert set((engine.state_dir / "unload").iterdir()) == before


def test_a_million_rows_in_seconds_and_in_several_files(query: Query) -> None:
    started = time.monotonic()
    rows = query(
        "COPY INTO @S/million/ FROM (SELECT '@MEDIA.PUBLIC.S/' || UUID_STRING() || '.jpg' AS P, SEQ4() AS N "
        f"FROM TABLE(GENERATOR(ROWCOUNT => 1000000))) {PARQUET} HEADER = TRUE"
    )
    assert rows[0][0] == 1_000_000
    assert len(names(query, "@S/million/")) > 1
    counted = (
        query("SELECT COUNT(*), SUM($1:N::INT) FROM @S/million/ (FILE_FORMAT => 'PQ')")
        if query("CREATE FILE FORMAT IF NOT EXISTS PQ TYPE = PARQUET")
        else []
    )
    assert counted == [(1_000_000, 499_999_500_000)]
    assert time.monotonic() - started < 30


def test_load_matches_columns_and_loads_each_file_once(query: Query) -> None:
    query(f"COPY INTO @S/load/ FROM FRUIT {PARQUET} HEADER = TRUE")
    query("CREATE TABLE LOADED (N INT, NAME VARCHAR, EXTRA INT)")
    copy = f"COPY INTO LOADED FROM @S/load/ {PARQUET} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    assert query(copy)[0][1:4] == ("LOADED", 3, 3)
    assert query(copy) == [("Copy executed with 0 files processed.",)]
    assert query("SELECT N, NAME, EXTRA FROM LOADED ORDER BY N") == [
        (1, "apple", None),
        (2, "pear", None),
        (3, "fig", None),
    ]
    query(f"{copy} FORCE = TRUE")
    assert query("SELECT COUNT(*) FROM LOADED") == [(6,)]
    query("TRUNCATE TABLE LOADED")
    assert query(copy)[0][1] == "LOADED"
    query("CREATE OR REPLACE TABLE LOADED (N INT, NAME VARCHAR)")
    assert query(copy)[0][1] == "LOADED"


def test_load_by_query_into_variant_and_purge(query: Query) -> None:
    query(f"COPY INTO @S/more/ FROM FRUIT {PARQUET} HEADER = TRUE")
    query("CREATE TABLE CHOSEN (A VARCHAR, B INT)")
    query(f'COPY INTO CHOSEN (B, A) FROM (SELECT $1:N * 10, $1:"NAME"::VARCHAR FROM @S/more/) {PARQUET}')
    assert query("SELECT A, B FROM CHOSEN ORDER BY B") == [("apple", 10), ("pear", 20), ("fig", 30)]
    query("CREATE TABLE PARTS (V VARIANT, B VARIANT, N INT)")
    query(f'COPY INTO PARTS FROM (SELECT $1:"NAME", $1:N, LENGTH($1:"NAME") FROM @S/more/) {PARQUET}')
    assert query("SELECT V, TYPEOF(V), B, N FROM PARTS ORDER BY N LIMIT 1") == [('"fig"', "VARCHAR", "3", 3)]
    query("CREATE TABLE ONE (V VARIANT)")
    query(f"COPY INTO ONE FROM @S/more/ {PARQUET} PURGE = TRUE")
    assert query("SELECT V:NAME::VARCHAR, V:N::INT FROM ONE ORDER BY 2")[0] == ("apple", 1)
    assert names(query, "@S/more/") == []


def test_load_errors(query: Query, tmp_path: Path) -> None:
    query(f"COPY INTO @S/errors/ FROM FRUIT {PARQUET} HEADER = TRUE")
    query("CREATE TABLE TWO (A INT, B INT)")
    assert "one and only one column" in str(failure(query, f"COPY INTO TWO FROM @S/errors/ {PARQUET}"))
    copy = f"COPY INTO TWO FROM @S/errors/ {PARQUET} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    assert "no column" in str(failure(query, copy))
    assert failure(query, f"COPY INTO NOTABLE FROM @S/errors/ {PARQUET}").errno == 2003
    assert "not found" in str(failure(query, f"{copy} FILES = ('no.parquet')"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 this is not Parquet")
    query(f"PUT 'file://{tmp_path}/bad.parquet' @S/bad AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE")
    assert "bad.parquet" in str(failure(query, f"COPY INTO FRUIT FROM @S/bad/ {PARQUET}"))
    assert "ON_ERROR" in str(failure(query, f"{copy} ON_ERROR = SKIP_FILE_2"))
    casts = f'COPY INTO TWO FROM (SELECT $1:N, $1:"NAME"::INT FROM @S/errors/) {PARQUET}'
    failure(query, casts)
    assert query("SELECT COUNT(*) FROM TWO") == [(0,)]


def test_unload_sees_the_sessions_open_transaction(query: Query) -> None:
    query("CREATE TABLE OPEN_T (N INT)")
    query("BEGIN")
    query("INSERT INTO OPEN_T VALUES (1), (2)")
    assert query(f"COPY INTO @S/open/ FROM OPEN_T {PARQUET}")[0][0] == 2
    query("ROLLBACK")
    assert query("SELECT COUNT(*) FROM OPEN_T") == [(0,)]


def test_a_file_is_whole_when_it_is_there(engine: Any, query: Query) -> None:
    """Files are written beside the stage and renamed into it: the state directory is one file system."""
    assert os.stat(engine.state_dir / "unload").st_dev == os.stat(engine.state_dir / "stages").st_dev
