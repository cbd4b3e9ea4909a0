"""Snowflake's wire format: replies as JSON with rows as Arrow, bindings decoded.

What the clients read is listed in the connector's own sources: ``cursor.py`` and ``result_batch.py`` for replies, the
Arrow converters in ``nanoarrow_cpp`` for the physical form of each logical type.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument, not_supported
from airflow_provider_mediabatch.local.protocol.json_rows import json_rows
from airflow_provider_mediabatch.local.protocol.physical import physical, scale_of, short_zoned
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.session import Session

# A reply carries up to this much itself, as Snowflake's do; the rest is fetched in larger pieces, several at a time.
INLINE_BYTES = 256 * 2**10
PIECE_BYTES = 4 * 2**20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DML_TYPES = range(0x3000, 0x3600)


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


def is_json(result: Result, parameters: Mapping[str, Any]) -> bool:
    """Whether a result goes out as JSON: all but those of queries, and these where the session asks for it.

    Source: snowpark-python, test_df_to_pandas.py (test_to_pandas_non_select), where the frames of SHOW and DDL are made
    of rows; the connector's ``cursor.py``, which computes ``rowcount`` from the rows of DML.

    :param parameters: of the session that asks.
    """
    wanted = str(parameters.get("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "")).upper()
    return wanted == "JSON" or result.statement_type in _DML_TYPES or (result.as_json and wanted != "ARROW_FORCE")


def result_data(result: Result, *, as_json: bool, url: Callable[[int, int], str]) -> dict[str, Any]:
    """A result as a reply's ``data``: its first rows, and the addresses of the others.

    :param as_json: the rows as JSON rather than Arrow.
    :param url: gives the address of the part with an offset and a number of rows.
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
    parts = pieces(result.table)
    first = parts[0][1]
    if as_json:
        data["queryResultFormat"] = "json"
        data["rowset"] = json_rows(result, 0, first)
    else:
        data["queryResultFormat"] = "arrow"
        # Of no rows it is empty, because clients make no frame of a stream without batches.
        data["rowsetBase64"] = base64.b64encode(arrow_stream(result, 0, first)).decode() if first else ""
    if len(parts) > 1:
        sizes = {"uncompressedSize": PIECE_BYTES, "compressedSize": PIECE_BYTES}
        data["chunks"] = [{"url": url(offset, rows), "rowCount": rows, **sizes} for offset, rows in parts[1:]]
        data["chunkHeaders"] = {}
    return data


def pieces(table: pa.Table) -> list[tuple[int, int]]:
    """``(offset, rows)`` of the parts that a table is sent in, the first of them in the reply itself."""
    rows = table.num_rows
    if table.nbytes <= INLINE_BYTES or rows == 0:
        return [(0, rows)]
    first, step = (max(1, rows * size // table.nbytes) for size in (INLINE_BYTES, PIECE_BYTES))
    return [(0, first), *((offset, min(step, rows - offset)) for offset in range(first, rows, step))]


def arrow_stream(result: Result, offset: int, rows: int) -> bytes:
    """Part of a result as an Arrow stream in Snowflake's physical form."""
    table = result.table.slice(offset, rows)
    fields, arrays = [], []
    for column, values, whole in zip(result.columns, table.columns, result.table.columns, strict=True):
        array = physical(column, values, whole)
        metadata = {
            "logicalType": column.type.upper(),
            "precision": str(column.precision or 38),
            "scale": str(scale_of(column)),
            "charLength": str(column.length or 0),
            "byteLength": _byte_length(column),
            "finalType": "T",
        }
        fields.append(pa.field(column.name, array.type, nullable=column.nullable, metadata=metadata))
        arrays.append(array)
    out = pa.BufferOutputStream()
    sent = pa.table(arrays, schema=pa.schema(fields)) if fields else pa.table({})
    with pa.ipc.new_stream(out, sent.schema) as writer:
        writer.write_table(sent)
    return bytes(out.getvalue())


def _byte_length(column: ResultColumn) -> str:
    if column.type == "timestamp_tz":
        return "8" if short_zoned(column) else "16"
    return str(column.length or 0)


def json_piece(result: Result, offset: int, rows: int) -> bytes:
    """Part of a result as JSON: rows with commas between them, around which clients put the brackets."""
    return json.dumps(json_rows(result, offset, rows))[1:-1].encode()


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
    raise not_supported(f"a bound value of the type {kind}")
