"""What a Parquet file format's options make of a file's columns: their types in SQL, and the values read from them.

Source of the options, their defaults and the table of times: Snowflake's reference, page "CREATE FILE FORMAT", section
"TYPE = PARQUET".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported
from airflow_provider_mediabatch.local.statements import options
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    import duckdb
    from duckdb.sqltypes import DuckDBPyType

_DEFAULTS = {
    "SNAPPY_COMPRESSION": True,
    "BINARY_AS_TEXT": True,
    "TRIM_SPACE": False,
    "USE_LOGICAL_TYPE": False,
    "USE_VECTORIZED_SCANNER": False,
    "REPLACE_INVALID_CHARACTERS": False,
}
_OTHER = ("TYPE", "COMPRESSION", "NULL_IF", "COMMENT")
_TIMES = ("TIME", "TIME_NS", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
_UNITS = ("MILLIS", "MICROS", "NANOS")


def check(given: Mapping[str, Any]) -> None:
    """Refuse options that Parquet does not have, and values that they do not take.

    :raises SnowflakeError: by name, also for what the engine does not carry out.
    """
    for name, value in given.items():
        if name in _DEFAULTS:
            options.boolean(name, value)
        elif name not in _OTHER:
            raise invalid_argument(f"invalid property '{name}' for 'PARQUET'")
    if options.boolean("TRIM_SPACE", given.get("TRIM_SPACE", False)):
        raise not_supported("TRIM_SPACE = TRUE of Parquet files")
    if given.get("NULL_IF") not in (None, [], ["\\N"], "\\N"):
        raise not_supported("NULL_IF of Parquet files")


@dataclass(frozen=True)
class TimeColumn:
    """A time in a Parquet file, as its footer describes it.

    :param is_time: a time of day; otherwise a moment.
    :param unit: ``MILLIS``, ``MICROS`` or ``NANOS``; empty for INT96.
    :param utc: ``isAdjustedToUTC``; a ``ConvertedType`` without a logical type means it (Parquet's LogicalTypes.md).
    :param converted: whether the older ``ConvertedType`` stands beside the logical type, or alone.
    :param aware: DuckDB reads it with a time zone.
    """

    is_time: bool
    unit: str
    utc: bool
    converted: bool
    aware: bool

    def sql_type(self, *, logical: bool, vectorized: bool) -> str:
        """Snowflake's type of it, by the documented table."""
        if not self.unit:
            return "TIMESTAMP_LTZ" if vectorized else "TIMESTAMP_NTZ"
        if logical or vectorized:
            return "TIME" if self.is_time else "TIMESTAMP_LTZ" if self.utc else "TIMESTAMP_NTZ"
        if self.unit == "NANOS" or not (self.converted or self.utc):
            return "NUMBER(38, 0)"
        if self.is_time:
            return "TIME" if self.converted else "NUMBER(38, 0)"
        return "TIMESTAMP_NTZ" if self.utc else "TIMESTAMP_LTZ"


@dataclass(frozen=True)
class Reading:
    """How Parquet is read.

    :param logical: USE_LOGICAL_TYPE.
    :param text: BINARY_AS_TEXT: bytes without a logical type are UTF-8.
    :param vectorized: USE_VECTORIZED_SCANNER, which stands above both when rows are read, not when types are inferred.
    :param replace: REPLACE_INVALID_CHARACTERS.
    """

    logical: bool
    text: bool
    vectorized: bool
    replace: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Reading:
        """The options of a file format, with Snowflake's defaults for those that it does not name."""
        check(given)
        names = ("USE_LOGICAL_TYPE", "BINARY_AS_TEXT", "USE_VECTORIZED_SCANNER", "REPLACE_INVALID_CHARACTERS")
        return cls(*(options.boolean(name, given.get(name, _DEFAULTS[name])) for name in names))

    def inferred(self, time: TimeColumn) -> str:
        """The type that INFER_SCHEMA gives a time."""
        return time.sql_type(logical=self.logical, vectorized=False)

    def value(self, column: str, kind: DuckDBPyType, time: TimeColumn | None) -> str:
        """DuckDB SQL for a column's values.

        :param column: the column as SQL.
        :param kind: DuckDB's type of it.
        :param time: what it is, if it is a time.
        """
        if time is not None:
            return self._time(column, time)
        if kind.id == "blob" and self.text and not self.vectorized:
            if self.replace:
                raise not_supported("REPLACE_INVALID_CHARACTERS = TRUE of binary columns")
            return f"decode({column})"
        if kind.id in ("list", "map", "struct"):
            return f"mb_sorted({f'to_json({column})' if self.vectorized else _without_nulls(column, kind)})"
        return column

    def _time(self, column: str, time: TimeColumn) -> str:
        kind = time.sql_type(logical=self.logical, vectorized=self.vectorized)
        if kind == "TIME":
            return f"CAST({column} AS TIME)"
        if kind.startswith("NUMBER"):
            return f"epoch_{'ms' if time.unit == 'MILLIS' else 'us' if time.unit == 'MICROS' else 'ns'}({column})"
        if kind == "TIMESTAMP_NTZ":
            return f"timezone('UTC', {column})::TIMESTAMP" if time.aware else f"CAST({column} AS TIMESTAMP)"
        return f"{column}::TIMESTAMPTZ" if time.aware else f"timezone('UTC', CAST({column} AS TIMESTAMP))"


def _without_nulls(value: str, kind: DuckDBPyType, depth: int = 0) -> str:
    """A nested value as the scanner that is not vectorized shows it: without NULLs, and maps as lists of pairs."""
    item = f"mb_item_{depth}"
    children: Any = kind.children if kind.id in ("list", "map", "struct") else ()
    if kind.id == "list":
        inner = _without_nulls(item, children[0][1], depth + 1)
        kept = f"list_filter({value}, lambda {item}: {item} IS NOT NULL)"
        made = f"to_json(list_transform({kept}, lambda {item}: {inner}))"
    elif kind.id == "map":
        inner = _without_nulls(f"{item}.value", children[1][1], depth + 1)
        pair = f"json_merge_patch('{{}}', json_object('key', {item}.key, 'value', {inner}))"
        made = f"json_object('key_value', list_transform(map_entries({value}), lambda {item}: {pair}))"
    elif kind.id == "struct":
        pairs = ", ".join(
            f"{text_literal(name)}, {_without_nulls(f'{value}.{quoted(name)}', child, depth)}"
            for name, child in children
        )
        made = f"json_merge_patch('{{}}', json_object({pairs}))"
    else:
        return f"to_json({value})"
    return f"CASE WHEN {value} IS NOT NULL THEN {made} END"


def times(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> dict[str, TimeColumn]:
    """The times among the files' top-level columns, by name.

    :param files: paths.
    :raises SnowflakeError: by name, when files hold one column as time in two ways.
    """
    listed = ", ".join(text_literal(file) for file in files)
    rows = connection.execute(
        f"SELECT name, type, num_children, converted_type, logical_type FROM parquet_schema([{listed}])"
    ).fetchall()
    found: dict[str, TimeColumn] = {}
    for name, physical, converted, logical in _top_level(iter(rows)):
        is_time, is_moment = (str(logical).startswith(prefix) for prefix in ("TimeType", "TimestampType"))
        kind, _, unit = str(converted).partition("_")
        if not logical and kind in ("TIME", "TIMESTAMP"):  # before logical types, times were those of UTC
            column = TimeColumn(kind == "TIME", unit, utc=True, converted=True, aware=False)
        elif is_time or is_moment or physical == "INT96":
            unit = next((unit for unit in _UNITS if f"{unit}=<null>" not in str(logical)), "") if logical else ""
            utc = "isAdjustedToUTC=1" in str(logical)
            column = TimeColumn(is_time, unit, utc, converted is not None, aware=utc)
        else:
            continue
        if found.setdefault(name, column) != column:
            raise not_supported(f"Parquet files that hold times of column {name} in two ways")
    return found


def is_time(kind: str) -> bool:
    """Whether a type of DuckDB's is a time, so that the files' own description of it matters."""
    return kind in _TIMES


def _top_level(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[str, Any, Any, Any]]:
    """The columns right below each file's root, out of the depth-first list of all."""
    for _, _, children, *_ in rows:
        for _ in range(children or 0):
            name, physical, inner, converted, logical = next(rows)
            yield str(name), physical, converted, logical
            _skip(rows, inner or 0)


def _skip(rows: Iterator[tuple[Any, ...]], count: int) -> None:
    for _ in range(count):
        _skip(rows, next(rows)[2] or 0)
