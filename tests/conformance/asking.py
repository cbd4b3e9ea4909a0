"""Asks a server the rows of the table: the local engine in the tests, an account in ``tests/system/first_run.py``."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from conformance.table import Fails, Refused, Row
from snowflake.connector.errors import DatabaseError

SUBJECTS = (
    *("session_and_transactions", "numbers_and_time", "text_and_patterns", "semi_structured", "tables"),
    *("stages_and_files", "streams", "parquet", "show_and_describe", "jobs_and_models", "limits", "options", "clients"),
)
ROWS: list[Row] = [row for subject in SUBJECTS for row in importlib.import_module(f"conformance.{subject}").ROWS]
DATABASE, SCHEMA = "MEDIA", "CONFORMANCE"
"""Where the rows are asked; the database may be another one."""
_ENGINE_REFUSES = "not supported by the local engine"


def write_files(folder: Path) -> None:
    """The files that rows on stages and Parquet read."""
    (folder / "a.txt").write_bytes(b"one")
    (folder / "b.txt").write_bytes(b"three")
    day = 1_700_000_000
    moments = {
        "NS": pa.array([day * 10**9], pa.timestamp("ns")),
        "US": pa.array([day * 10**6], pa.timestamp("us")),
        "UTC": pa.array([day * 10**6], pa.timestamp("us", "UTC")),
        "UTC_NS": pa.array([day * 10**9], pa.timestamp("ns", "UTC")),
        "CLOCK": pa.array([3600 * 10**6], pa.time64("us")),
    }
    pq.write_table(pa.table(moments), folder / "moments.parquet")
    old = pa.table({"OLD": pa.array([day * 10**6], pa.timestamp("us"))})
    pq.write_table(old, folder / "int96.parquet", use_deprecated_int96_timestamps=True)
    values = {
        "RAW": [b"\xff\xfe"],
        "WORD": pa.array([b"plain"], pa.binary()),
        "ITEMS": [[1, None, 3]],
        "THING": [{"A": 1, "B": None}],
        "PAIRS": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        "PRICE": pa.array([1], pa.decimal128(4, 2)),
        "N": [7],
        "lower": ["x"],
    }
    pq.write_table(pa.table(values), folder / "values.parquet")


def set_up(cursor: Any, folder: Path, database: str = DATABASE) -> None:
    """Make the schema that the rows are asked in, with its stages, files and table.

    :param cursor: of a connection with a warehouse.
    :param folder: takes the files that are uploaded.
    :param database: where the schema is made; there must be none of its name.
    """
    write_files(folder)
    for statement in (
        f"CREATE SCHEMA {database}.{SCHEMA}",
        f"USE SCHEMA {database}.{SCHEMA}",
        "CREATE STAGE FILES DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
        "CREATE STAGE OUT_FILES",
        f"PUT 'file://{folder}/*.txt' @FILES/in/ AUTO_COMPRESS = FALSE",
        f"PUT 'file://{folder}/*.parquet' @FILES/parquet/ AUTO_COMPRESS = FALSE",
        "CREATE TABLE FRUIT (N NUMBER(38,0), NAME VARCHAR(10), PRICE NUMBER(10,2))",
        "INSERT INTO FRUIT VALUES (1, 'apple', 1.50), (2, 'pear', 2.25)",
    ):
        cursor.execute(statement)


def difference(cursor: Any, row: Row) -> str | None:
    """Ask for one row; what was answered instead of what the table says, or None where both agree."""
    for statement in row.before:
        cursor.execute(statement)
    try:
        cursor.execute(row.sql, tuple(row.binds) or None)
        found = cursor.fetchall()
        if row.columns:
            names = [column.name for column in cursor.description]
            found = [tuple(line[names.index(name)] for name in row.columns) for line in found]
    except DatabaseError as error:
        return _other_error(row, error)
    finally:
        for statement in row.after:
            cursor.execute(statement)
    return None if found == row.answer else f"{found}"


def _other_error(row: Row, error: DatabaseError) -> str | None:
    text, refused = str(error), _ENGINE_REFUSES in str(error)
    if isinstance(row.answer, Fails):
        agrees = (
            row.answer.code in (None, error.errno) and row.answer.words in text and (row.answer.code or not refused)
        )
    else:
        agrees = isinstance(row.answer, Refused) and refused and row.answer.words in text
    return None if agrees else f"error {error.errno}: {text}"
