"""Snowflake's wire format: replies as JSON with rows as Arrow, bindings decoded.

What the clients read is listed in the connector's own sources: ``cursor.py`` and ``result_batch.py`` for replies, the
Arrow converters in ``nanoarrow_cpp`` for the physical form of each logical type.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument
from airflow_provider_mediabatch.local.protocol.json_lines import indented
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.session import Session

# A reply carries up to this much itself; the rest is fetched in pieces of this size, several at a time.
INLINE_BYTES = 8 * 2**20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DML_TYPES = range(0x3000, 0x3600)
_INT64_DIGITS = 18  # what surely fits 64 bits
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def error_reply(error: SnowflakeError, query_id: str | None = None) -> dict[str, Any]:
    """A failed statement or request. Always sent with HTTP 200: other codes make the connector retry."""
    return {
        "success": False,
        "code": f"{error.code:06d}",
        "message": error.message,
        "data": {
            "queryId": query_id,
            "sqlState": error.sqlstate,
            "errorCode": f"{error.code:06d}",
            "internalError": False,
        },
    }


def session_fields(session: Session) -> dict[str, Any]:
    """Where the session stands after a statement; the client updates its own idea of it from these."""
    return {
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role,
        "parameters": parameter_list(session.parameters),
    }


def parameter_list(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Session parameters as replies carry them."""
    return [{"name": name, "value": value} for name, value in parameters.items()]


def row_type(columns: Sequence[ResultColumn]) -> list[dict[str, Any]]:
    """The description of a result's columns."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "nullable": column.nullable,
            "precision": column.precision,
            "scale": column.scale,
            "length": column.length,
            "byteLength": column.length,
            "database": "",
            "schema": "",
            "table": "",
            "collation": None,
        }
        for column in columns
    ]


def result_data(result: Result) -> dict[str, Any]:
    """A result as a reply's ``data``: DML counts as JSON, from which clients compute ``rowcount``; all else as Arrow.

    The caller adds ``chunks`` for the rows that :func:`pieces` leaves over.
    """
    data: dict[str, Any] = {
        "rowtype": row_type(result.columns),
        "statementTypeId": result.statement_type,
        "total": result.table.num_rows,
        "returned": result.table.num_rows,
        "version": 1,
    }
    if result.stats is not None:
        data["stats"] = asdict(result.stats)
    if result.statement_type in _DML_TYPES:
        rows = zip(*(column.to_pylist() for column in result.table.columns), strict=True)
        data["queryResultFormat"] = "json"
        data["rowset"] = [[None if value is None else str(value) for value in row] for row in rows]
    else:
        data["queryResultFormat"] = "arrow"
    return data


def pieces(table: pa.Table) -> list[tuple[int, int]]:
    """``(offset, rows)`` of the parts that a table is sent in, the first of them in the reply itself."""
    rows = table.num_rows
    if table.nbytes <= INLINE_BYTES or rows == 0:
        return [(0, rows)]
    step = max(1, rows * INLINE_BYTES // table.nbytes)
    return [(offset, min(step, rows - offset)) for offset in range(0, rows, step)]


def arrow_stream(result: Result, offset: int, rows: int) -> bytes:
    """Part of a result as an Arrow stream in Snowflake's physical form."""
    table = result.table.slice(offset, rows)
    fields, arrays = [], []
    for column, values in zip(result.columns, table.columns, strict=True):
        array = _physical(column, values)
        metadata = {
            "logicalType": column.type.upper(),
            "precision": str(column.precision or 38),
            "scale": str(_scale(column)),
            "charLength": str(column.length or 0),
            "byteLength": "16" if column.type == "timestamp_tz" else str(column.length or 0),
            "finalType": "T",
        }
        fields.append(pa.field(column.name, array.type, nullable=column.nullable, metadata=metadata))
        arrays.append(array)
    out = pa.BufferOutputStream()
    physical = pa.table(arrays, schema=pa.schema(fields)) if fields else pa.table({})
    with pa.ipc.new_stream(out, physical.schema) as writer:
        writer.write_table(physical)
    return bytes(out.getvalue())


def inline(result: Result, rows: int) -> str:
    """The first rows of a result, as text for the reply.

    Of no rows it is empty, because clients make no frame of a stream without batches.
    """
    return base64.b64encode(arrow_stream(result, 0, rows)).decode() if rows else ""


def _scale(column: ResultColumn) -> int:
    if column.scale is not None:
        return column.scale
    return 9 if column.type.startswith("time") else 0


def _physical(column: ResultColumn, values: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Values as the connector's converters expect them for the column's logical type."""
    match column.type:
        case "text":
            return values.cast(pa.string())
        case "variant" | "object" | "array":
            return indented(values.cast(pa.string()))
        case "fixed":
            return _fixed(column, values)
        case "real":
            return values.cast(pa.float64())
        case "boolean":
            return values.cast(pa.bool_())
        case "binary":
            return values.cast(pa.binary())
        case "date":
            return values.cast(pa.date32())
        case "time":
            return _scaled(values, _scale(column))
        case "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz":
            return _timestamp(column, values)
    raise TypeError(f"no wire format for a column of type {column.type}")


def _fixed(column: ResultColumn, values: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if _scale(column):
        decimals = values.cast(pa.decimal128(column.precision or 38, _scale(column)))
        return _unscaled(decimals) if (column.precision or 38) <= _INT64_DIGITS else decimals
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:  # beyond 64 bits
        return values.cast(pa.decimal128(38, 0))


def _unscaled(decimals: pa.ChunkedArray) -> pa.Array:
    """Decimals that fit 64 bits as whole numbers, which the client divides by the scale: into floats for pandas."""
    parts = []
    for chunk in decimals.chunks:
        words = np.frombuffer(chunk.buffers()[1] or b"", np.int64)[2 * chunk.offset :: 2][: len(chunk)]
        parts.append(pa.array(words, pa.int64(), mask=chunk.is_null().to_numpy(zero_copy_only=False)))
    return pa.concat_arrays(parts or [pa.array([], pa.int64())])


def _scaled(values: pa.ChunkedArray, scale: int) -> pa.ChunkedArray:
    """Times as whole numbers of 10**-scale seconds. Rounds down, for times before 1970 too."""
    unit = _NANOSECONDS[values.type.unit]
    integers = values.cast(pa.int32()).cast(pa.int64()) if values.type.bit_width == 32 else values.cast(pa.int64())
    wanted = 10 ** (9 - scale)
    if unit >= wanted:
        return pc.multiply_checked(integers, unit // wanted)
    return _floor_divide(integers, wanted // unit)


def _floor_divide(integers: pa.ChunkedArray, divisor: int) -> pa.ChunkedArray:
    quotient = pc.divide(integers, divisor)
    remainder = pc.subtract(integers, pc.multiply(quotient, divisor))
    return pc.if_else(pc.less(remainder, 0), pc.subtract(quotient, 1), quotient)


def _timestamp(column: ResultColumn, values: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    scale = _scale(column)
    if scale <= 6 and column.type != "timestamp_tz":
        return _scaled(values, scale)
    unit = _NANOSECONDS[values.type.unit]
    integers = pa.concat_arrays(values.cast(pa.int64()).chunks or [pa.array([], pa.int64())])
    seconds = _floor_divide(integers, 10**9 // unit)
    fraction = pc.multiply(pc.subtract(integers, pc.multiply(seconds, 10**9 // unit)), unit).cast(pa.int32())
    parts = {"epoch": seconds, "fraction": fraction}
    if column.type == "timestamp_tz":
        # DuckDB keeps the point in time only; the offset shown is UTC's, which Snowflake writes as 1440.
        parts["timezone"] = pa.array([1440] * len(integers), pa.int32())
    return pa.StructArray.from_arrays(list(parts.values()), list(parts), mask=integers.is_null())


def decode_bindings(bindings: Mapping[str, Any] | None) -> dict[int, object]:
    """Values of ``?`` by position. An array bind's value is a list.

    :raises SnowflakeError: for a type or a value that the engine does not know.
    """
    decoded: dict[int, object] = {}
    for position, binding in (bindings or {}).items():
        kind, value = str(binding.get("type", "TEXT")).upper(), binding.get("value")
        try:
            if isinstance(value, list):
                decoded[int(position)] = [_decode(kind, item) for item in value]
            else:
                decoded[int(position)] = _decode(kind, value)
        except (ValueError, ArithmeticError, TypeError) as wrong:
            raise invalid_argument(f"cannot read the value bound to parameter {position} as {kind}: {wrong}") from wrong
    lengths = {len(value) for value in decoded.values() if isinstance(value, list)}
    if len(lengths) > 1 or (lengths and any(not isinstance(value, list) for value in decoded.values())):
        raise invalid_argument("array bindings must all be arrays of one length")
    return decoded


def _decode(kind: str, value: str | None) -> object:
    if value is None:
        return None
    match kind:
        case "TEXT" | "ANY" | "VARIANT" | "OBJECT" | "ARRAY" | "JSON":
            return value
        case "FIXED":
            number = Decimal(value)
            return int(number) if number == number.to_integral_value() and "." not in value else number
        case "REAL":
            return float(value)
        case "BOOLEAN":
            return str(value).lower() in ("true", "1", "t")
        case "BINARY":
            return bytes.fromhex(value)
        case "DATE":
            return date(1970, 1, 1) + timedelta(milliseconds=int(value))
        case "TIME":
            return (_EPOCH + timedelta(microseconds=int(value) // 1000)).time()
        case "TIMESTAMP_NTZ" | "TIMESTAMP":
            return (_EPOCH + timedelta(microseconds=int(value) // 1000)).replace(tzinfo=None)
        case "TIMESTAMP_LTZ":
            return _EPOCH + timedelta(microseconds=int(value) // 1000)
        case "TIMESTAMP_TZ":
            nanoseconds, _, offset = value.partition(" ")
            zone = timezone(timedelta(minutes=int(offset or 1440) - 1440))
            return (_EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)).astimezone(zone)
    raise ValueError("unknown type")


def chunk_list(parts: Iterator[tuple[int, int]] | Sequence[tuple[int, int]], url: Any) -> list[dict[str, Any]]:
    """The pieces after the first, each with the address that it is fetched from."""
    return [
        {"url": url(offset, rows), "rowCount": rows, "uncompressedSize": INLINE_BYTES, "compressedSize": INLINE_BYTES}
        for offset, rows in list(parts)[1:]
    ]
