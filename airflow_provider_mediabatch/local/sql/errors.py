"""DuckDB's errors as Snowflake's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from airflow_provider_mediabatch.local.errors import (
    REFUSED,
    SnowflakeError,
    cancelled,
    does_not_exist,
    invalid_identifier,
    not_supported,
    syntax_error,
)

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

_FUNCTION = re.compile(
    r"(?:Scalar|Aggregate|Table|Macro|Window)?\s*Function with name \"?([\w$]+)\"? (?:does not exist|is not in)"
)
_TABLE = re.compile(r"Table with name \"?(.+?)\"? does not exist")
_COLUMN = re.compile(r"(?:Referenced column|column named|Values list \".*?\" does not have a column named) \"(.+?)\"")
_NOT_NULL = re.compile(r"NOT NULL constraint failed: .*?\.?\"?([^\".]+)\"?$", re.MULTILINE)
_OUT_OF_RANGE = re.compile(r'[Cc]ast(?:ing)?(?: decimal)? value "?(-?[\d.]+)"? to (?:type )?([A-Z]+\d*(?:\([\d,]+\))?)')
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")
_WORDED = {
    "Failed to cast variant value": (100071, "22000"),
    "Can't parse '": (100096, "22007"),
    "Boolean value '": (100037, "22018"),
}
"""Errors of the engine's own macros, by words of their text, which is Snowflake's."""
_TOO_LONG = re.compile(r"Text of (\d+) bytes is too long")
_LENGTH = re.compile(r'CHECK constraint failed.*length\("?(.+?)"?\) <= (\d+)')


@contextmanager
def translated(ctx: Context) -> Iterator[None]:
    """Raise what DuckDB raises inside as the error that Snowflake would give."""
    try:
        yield
    except duckdb.Error as error:
        raise convert(error, stopped=ctx.cancelled.is_set()) from error


def convert(error: duckdb.Error, *, stopped: bool = False) -> SnowflakeError:
    """The Snowflake error for a DuckDB error."""
    message = str(error)
    if isinstance(error, duckdb.InterruptException) or (stopped and "INTERRUPT" in message.upper()):
        return cancelled()
    return _by_text(message) or _by_class(error, message.split("\n", 1)[0])


def _by_text(message: str) -> SnowflakeError | None:
    """Errors that Snowflake has a number of its own for."""
    detail = message.split("\n", 1)[0].partition(": ")[2]
    if REFUSED in message:
        return not_supported(detail.partition(REFUSED)[2])
    if "division by zero" in message.lower():
        return SnowflakeError(100051, "22012", "Division by zero")
    if "MERGE INTO command cannot affect the same target row more than once" in message:
        return SnowflakeError(100090, "42P18", "Duplicate row detected during DML action")
    if "Malformed JSON" in message:
        return SnowflakeError(100069, "22P02", f"Error parsing JSON: {detail}")
    if "invalid UTF8" in message or "Invalid string encoding" in message:
        return SnowflakeError(100144, "22000", "Invalid UTF8 detected in string")
    for words, (code, state) in _WORDED.items():
        if words in message:
            return SnowflakeError(code, state, detail)
    if match := _TOO_LONG.search(message):
        return SnowflakeError(100078, "22000", f"String ({match[1]} bytes) is too long and would be truncated")
    if match := _FUNCTION.search(message):
        return not_supported(f"the function {match[1].upper()}")
    if match := _NOT_NULL.search(message):
        return SnowflakeError(
            100072, "22000", f"DML operation to table failed on column {match[1]}: NULL result in a non-nullable column"
        )
    if match := _LENGTH.search(message):
        return SnowflakeError(
            100078, "22000", f"String is too long and would be truncated: column {match[1]} takes {match[2]} characters"
        )
    return None


def _by_class(error: duckdb.Error, first: str) -> SnowflakeError:
    detail = first.partition(": ")[2]
    if isinstance(error, duckdb.CatalogException) and (match := _TABLE.search(first)):
        return does_not_exist("Object", match[1])
    if match := _COLUMN.search(first):
        return invalid_identifier(match[1])
    if isinstance(error, duckdb.ConversionException):
        return _conversion(first)
    if isinstance(error, duckdb.OutOfRangeException):
        return SnowflakeError(100058, "22003", f"Numeric value is out of range: {detail}")
    if isinstance(error, duckdb.NotImplementedException):
        return not_supported(detail)
    if isinstance(error, duckdb.BinderException | duckdb.ParserException | duckdb.CatalogException):
        return syntax_error(detail)
    return SnowflakeError(100132, "22000", detail or first)


def _conversion(first: str) -> SnowflakeError:
    value = re.search(r"""['"](.*?)['"]""", first)
    shown = value[1] if value else first
    if "timestamp" in first.lower():
        return SnowflakeError(100035, "22007", f"Timestamp '{shown}' is not recognized")
    if "date" in first.lower().split("when casting")[0]:
        return SnowflakeError(100040, "22007", f"Date '{shown}' is not recognized")
    if "BOOL" in first:
        return SnowflakeError(100037, "22018", f"Boolean value '{shown}' is not recognized")
    if match := _OUT_OF_RANGE.search(first):
        kind = match[2].replace("DECIMAL", "NUMBER")
        return SnowflakeError(100046, "22003", f"Number out of representable range: type {kind}, value {match[1]}")
    if _NUMBER.fullmatch(shown):
        return SnowflakeError(100039, "22003", f"Numeric value '{shown}' is out of range")
    return SnowflakeError(100038, "22018", f"Numeric value '{shown}' is not recognized: {first.partition(': ')[2]}")
