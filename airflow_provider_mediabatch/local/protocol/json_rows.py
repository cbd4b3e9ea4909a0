"""Rows as JSON, which a session asks for by ``PYTHON_CONNECTOR_QUERY_RESULT_FORMAT = JSON``: each value is text.

Source: the connector's ``converter.py``, which reads the text of each type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from airflow_provider_mediabatch.local.protocol.json_lines import indented
from airflow_provider_mediabatch.local.protocol.physical import offsets, scale_of, scaled
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn


def json_rows(result: Result, offset: int, rows: int) -> list[list[str | None]]:
    """Part of a result, row by row."""
    table = result.table.slice(offset, rows)
    columns = [_texts(column, values) for column, values in zip(result.columns, table.columns, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(table.num_rows)]


def _texts(column: ResultColumn, values: pa.ChunkedArray) -> list[str | None]:
    write: Callable[[Any], str] = str
    match column.type:
        case "variant" | "object" | "array":
            values = indented(values.cast(pa.string()))
        case "fixed" if scale := scale_of(column):
            values = values.cast(pa.decimal128(38, scale))
            write = "{:f}".format
        case "fixed" if pa.types.is_decimal(values.type):
            write = "{:.0f}".format
        case "boolean":
            write = _boolean
        case "binary":
            write = _hex
        case "date":
            values = values.cast(pa.date32()).cast(pa.int32())
        case "timestamp_tz":
            zones = offsets(values).to_pylist()
            return [m and f"{m} {z}" for m, z in zip(_moments(column, values), zones, strict=True)]
        case "time" | "timestamp_ntz" | "timestamp_ltz":
            return _moments(column, values)
    return [None if value is None else write(value) for value in values.to_pylist()]


def _hex(value: bytes) -> str:
    return value.hex().upper()


def _boolean(value: bool) -> str:
    return "1" if value else "0"


def _moments(column: ResultColumn, values: pa.ChunkedArray) -> list[str | None]:
    """Times as seconds with their fraction. Beyond microseconds the digits are zeros."""
    scale = scale_of(column)
    kept = min(scale, 6)
    written: list[str | None] = []
    for count in scaled(values, kept).to_pylist():
        if count is None:
            written.append(None)
            continue
        whole, fraction = divmod(abs(count), 10**kept)
        digits = f".{fraction:0{kept}d}{'0' * (scale - kept)}" if scale else ""
        written.append(f"{'-' if count < 0 else ''}{whole}{digits}")
    return written
