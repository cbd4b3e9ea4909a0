"""Parquet: what the options of a file format make of a file, and their defaults."""

from __future__ import annotations

from datetime import UTC, datetime, time

from conformance.table import Fails, Refused, Row

_SCANNER = "CREATE FILE FORMAT, TYPE = PARQUET, USE_VECTORIZED_SCANNER"
_BINARY = "CREATE FILE FORMAT, TYPE = PARQUET, BINARY_AS_TEXT"
_INFER = "INFER_SCHEMA, Output"
_METADATA = "Query metadata for staged files, Metadata columns"
_MOMENT = datetime(2023, 11, 14, 22, 13, 20)


def _format(options: str = "") -> tuple[str]:
    return (f"CREATE OR REPLACE TEMPORARY FILE FORMAT F TYPE = PARQUET {options}",)


def _read(columns: str, file: str = "values") -> str:
    return f"SELECT {columns} FROM @FILES/parquet/{file}.parquet (FILE_FORMAT => F)"


def _infer(column: str, file: str = "moments") -> str:
    source = f"TABLE(INFER_SCHEMA(LOCATION => '@FILES/parquet/{file}.parquet', FILE_FORMAT => 'F'))"
    return f"SELECT TYPE FROM {source} WHERE COLUMN_NAME = '{column}'"


_LOGICAL, _VECTORIZED = _format("USE_LOGICAL_TYPE = TRUE"), _format("USE_VECTORIZED_SCANNER = TRUE")
ROWS = [
    Row("nanoseconds are a number", _read("$1:NS", "moments"), [(1_700_000_000 * 10**9,)], _SCANNER, before=_format()),
    Row("nanoseconds with logical types", _read("$1:NS", "moments"), [(_MOMENT,)], _SCANNER, before=_LOGICAL),
    Row(
        "nanoseconds with the vectorized scanner", _read("$1:NS", "moments"), [(_MOMENT,)], _SCANNER, before=_VECTORIZED
    ),
    Row(
        "microseconds with a converted type are LTZ",
        _read("$1:US", "moments"),
        [(_MOMENT.replace(tzinfo=UTC),)],
        _SCANNER,
        before=_format(),
    ),
    Row("microseconds with logical types", _read("$1:US", "moments"), [(_MOMENT,)], _SCANNER, before=_LOGICAL),
    Row("UTC microseconds are NTZ", _read("$1:UTC", "moments"), [(_MOMENT,)], _SCANNER, before=_format()),
    Row(
        "UTC microseconds with logical types are LTZ",
        _read("$1:UTC", "moments"),
        [(_MOMENT.replace(tzinfo=UTC),)],
        _SCANNER,
        before=_LOGICAL,
    ),
    Row(
        "UTC nanoseconds are a number",
        _read("$1:UTC_NS", "moments"),
        [(1_700_000_000 * 10**9,)],
        _SCANNER,
        before=_format(),
    ),
    Row(
        "a time without a converted type is a number",
        _read("$1:CLOCK", "moments"),
        [(3600 * 10**6,)],
        _SCANNER,
        before=_format(),
    ),
    Row("a time with logical types", _read("$1:CLOCK", "moments"), [(time(1),)], _SCANNER, before=_LOGICAL),
    Row("INT96 is NTZ", _read("$1:OLD", "int96"), [(_MOMENT,)], _SCANNER, before=_format()),
    Row(
        "INT96 with the vectorized scanner is LTZ",
        _read("$1:OLD", "int96"),
        [(_MOMENT.replace(tzinfo=UTC),)],
        _SCANNER,
        before=_VECTORIZED,
    ),
    Row("bytes are text", _read("$1:WORD"), [("plain",)], _BINARY, before=_format()),
    Row("bytes that are no UTF-8 fail", _read("$1:RAW"), Fails(100144), _BINARY, before=_format(), confirmed=False),
    Row(
        "bytes stay bytes",
        _read("$1:RAW"),
        [(bytearray(b"\xff\xfe"),)],
        _BINARY,
        before=_format("BINARY_AS_TEXT = FALSE"),
    ),
    Row(
        "bytes with the vectorized scanner", _read("$1:RAW"), [(bytearray(b"\xff\xfe"),)], _SCANNER, before=_VECTORIZED
    ),
    Row(
        "invalid characters replaced",
        _read("$1:RAW"),
        Refused("REPLACE_INVALID_CHARACTERS"),
        "CREATE FILE FORMAT, TYPE = PARQUET, REPLACE_INVALID_CHARACTERS",
        before=_format("REPLACE_INVALID_CHARACTERS = TRUE"),
    ),
    Row(
        "missing items of a list are left out",
        _read("TO_JSON($1:ITEMS)"),
        [("[1,3]",)],
        _SCANNER,
        before=_format("BINARY_AS_TEXT = FALSE"),
    ),
    Row(
        "missing items with the vectorized scanner",
        _read("TO_JSON($1:ITEMS)"),
        [("[1,null,3]",)],
        _SCANNER,
        before=_VECTORIZED,
    ),
    Row(
        "missing values of a struct are left out",
        _read("TO_JSON($1:THING)"),
        [('{"A":1}',)],
        _SCANNER,
        before=_format("BINARY_AS_TEXT = FALSE"),
    ),
    Row(
        "missing values with the vectorized scanner",
        _read("TO_JSON($1:THING)"),
        [('{"A":1,"B":null}',)],
        _SCANNER,
        before=_VECTORIZED,
    ),
    Row(
        "a map is a list of pairs",
        _read("TO_JSON($1:PAIRS)"),
        [('{"key_value":[{"key":"k","value":1}]}',)],
        _SCANNER,
        before=_format("BINARY_AS_TEXT = FALSE"),
    ),
    Row("a map with the vectorized scanner", _read("TO_JSON($1:PAIRS)"), [('{"k":1}',)], _SCANNER, before=_VECTORIZED),
    Row(
        "a column that is not there is NULL",
        _read("$1:NOPE"),
        [(None,)],
        "GET_PATH , :, Usage notes",
        before=_format(),
    ),
    Row(
        "column names keep their case",
        _read('$1:"lower"::VARCHAR, $1:LOWER'),
        [("x", None)],
        "Querying Semi-structured Data, Traversing Semi-structured Data",
        before=_format(),
    ),
    Row(
        "METADATA$FILENAME",
        _read("METADATA$FILENAME"),
        [("parquet/values.parquet",)],
        _METADATA,
        before=_format(),
    ),
    Row(
        "METADATA$FILE_ROW_NUMBER begins with 1",
        _read("METADATA$FILE_ROW_NUMBER"),
        [(1,)],
        _METADATA,
        before=_format(),
    ),
    Row("inferred nanoseconds", _infer("NS"), [("NUMBER(38, 0)",)], _INFER, before=_format()),
    Row("inferred nanoseconds with logical types", _infer("NS"), [("TIMESTAMP_NTZ",)], _INFER, before=_LOGICAL),
    Row(
        "inferred UTC microseconds with logical types",
        _infer("UTC"),
        [("TIMESTAMP_LTZ",)],
        "CREATE FILE FORMAT, TYPE = PARQUET, USE_LOGICAL_TYPE; malloydata/malloy#2972",
        before=_LOGICAL,
    ),
    Row("inferred times with logical types", _infer("CLOCK"), [("TIME",)], _INFER, before=_LOGICAL),
    Row("inferred bytes", _infer("RAW", "values"), [("TEXT",)], _INFER, before=_format()),
    Row(
        "inferred bytes that stay bytes",
        _infer("RAW", "values"),
        [("BINARY",)],
        _INFER,
        before=_format("BINARY_AS_TEXT = FALSE"),
    ),
    Row(
        "inferred bytes with logical types",
        _infer("RAW", "values"),
        [("BINARY",)],
        "snowflake-connector-python, test/integ/pandas_it/test_pandas_tools.py: test_all_pandas_types",
        before=_LOGICAL,
    ),
    Row("inferred decimals", _infer("PRICE", "values"), [("NUMBER(4, 2)",)], _INFER, before=_format()),
    Row("inferred whole numbers", _infer("N", "values"), [("NUMBER(38, 0)",)], _INFER, before=_format()),
    Row(
        "staged files need a format",
        "SELECT $1 FROM @FILES/parquet/",
        Fails(words="FILE_FORMAT"),
        "Query data in staged files, File formats",
    ),
    Row(
        "an option that Parquet has not",
        "CREATE TEMPORARY FILE FORMAT G TYPE = PARQUET SKIP_HEADER = 1",
        Fails(words="SKIP_HEADER"),
        "CREATE FILE FORMAT, TYPE = PARQUET",
        confirmed=False,
    ),
    Row(
        "an option with a value that is none",
        "CREATE TEMPORARY FILE FORMAT G TYPE = PARQUET USE_LOGICAL_TYPE = MAYBE",
        Fails(words="USE_LOGICAL_TYPE"),
        "CREATE FILE FORMAT, TYPE = PARQUET",
        confirmed=False,
    ),
    Row(
        "a format that is not there",
        "SELECT $1 FROM @FILES (FILE_FORMAT => NO_SUCH_FORMAT)",
        Fails(2003),
        "error 2003 in jacopotagliabue/you-dont-need-a-bigger-boat#6",
    ),
]
