"""The physical form in Arrow of each logical type, as the connector's Arrow converters in ``nanoarrow_cpp`` read it."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_mediabatch.local.protocol.json_lines import indented
from airflow_provider_mediabatch.local.statement_result import ResultColumn

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_BY_BITS = ((7, pa.int8()), (15, pa.int16()), (31, pa.int32()), (63, pa.int64()))
# What is computed is as wide as its type: snowpark-python, test_df_to_pandas.py (test_to_pandas_cast_integer).
_BY_DIGITS = ((2, pa.int8()), (4, pa.int16()), (9, pa.int32()), (18, pa.int64()))


def scale_of(column: ResultColumn) -> int:
    """Digits after the point of a column's numbers or seconds."""
    if column.scale is not None:
        return column.scale
    return 9 if column.type.startswith("time") else 0


def physical(
    column: ResultColumn, values: pa.ChunkedArray, whole: pa.ChunkedArray | None = None
) -> pa.ChunkedArray | pa.Array:
    """Values as the connector's converters expect them for the column's logical type.

    :param whole: the column of the whole result, of which ``values`` are a part: all parts have one type.
    """
    match column.type:
        case "text":
            return values.cast(pa.string())
        case "variant" | "object" | "array":
            return indented(values.cast(pa.string()))
        case "fixed":
            return _fixed(column, values, values if whole is None else whole)
        case "real":
            return values.cast(pa.float64())
        case "boolean":
            return values.cast(pa.bool_())
        case "binary":
            return values.cast(pa.binary())
        case "date":
            return values.cast(pa.date32())
        case "time":
            return scaled(values, scale_of(column))
        case "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz":
            return _timestamp(column, values)
    raise TypeError(f"no wire format for a column of type {column.type}")


def _fixed(column: ResultColumn, values: pa.ChunkedArray, whole: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    scale, precision = scale_of(column), column.precision or 38
    if column.ranged:
        kind = _narrowest(whole, scale)
    else:
        kind = next((kind for digits, kind in _BY_DIGITS if precision <= digits), None)
        if kind is None and scale == 0 and _narrowest(whole, 0) is not None:
            kind = pa.int64()
    if kind is None:
        return values.cast(pa.decimal128(max(precision, scale), scale))
    if scale == 0:
        return values.cast(pa.int64()).cast(kind)
    return _unscaled(values.cast(pa.decimal128(38, scale))).cast(kind)


def _narrowest(whole: pa.ChunkedArray, scale: int) -> pa.DataType | None:
    """The narrowest whole numbers that hold a column's values times ``10 ** scale``; None beyond 64 bits.

    Source: public reports to the connector, where a table's column is int8, int16 or int64 by the values in it, and
    test_arrow_pandas.py (test_arrow_zero_rows: int64 without rows; test_scaled_bigint: floats of NUMBER(38,18)).
    """
    bounds = pc.min_max(whole).as_py()
    if bounds["min"] is None:
        return pa.int64()
    with localcontext(prec=80):
        low, high = (int(Decimal(bounds[side]).scaleb(scale)) for side in ("min", "max"))
    return next((kind for bits, kind in _BY_BITS if -(2**bits) <= low and high < 2**bits), None)


def _unscaled(decimals: pa.ChunkedArray) -> pa.Array:
    """Decimals that fit 64 bits as whole numbers, which the client divides by the scale: into floats for pandas."""
    parts = []
    for chunk in decimals.chunks:
        words = np.frombuffer(chunk.buffers()[1] or b"", np.int64)[2 * chunk.offset :: 2][: len(chunk)]
        parts.append(pa.array(words, pa.int64(), mask=chunk.is_null().to_numpy(zero_copy_only=False)))
    return pa.concat_arrays(parts or [pa.array([], pa.int64())])


def scaled(values: pa.ChunkedArray, scale: int) -> pa.ChunkedArray:
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


def short_zoned(column: ResultColumn) -> bool:
    """Whether a TIMESTAMP_TZ is sent as a count of its parts of a second, in 8 bytes, without a fraction beside it."""
    return column.type == "timestamp_tz" and scale_of(column) <= 3


def offsets(values: pa.ChunkedArray) -> pa.Array:
    """The offsets of points in time, in minutes plus 1440 as Snowflake writes them.

    DuckDB keeps the point in time only: they are those of the session's time zone.
    """
    whole = pa.concat_arrays(values.chunks or [pa.array([], values.type)])
    unit = 60 * 10**9 // _NANOSECONDS[values.type.unit]
    clock = pc.local_timestamp(whole).cast(pa.int64()) if values.type.tz else whole.cast(pa.int64())
    minutes = pc.divide(pc.subtract(clock, whole.cast(pa.int64())), unit)
    return pc.add(minutes, 1440).cast(pa.int32())


def _timestamp(column: ResultColumn, values: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    scale = scale_of(column)
    if scale <= 6 and column.type != "timestamp_tz":
        return scaled(values, scale)
    if short_zoned(column):
        epoch = pa.concat_arrays(scaled(values, scale).chunks or [pa.array([], pa.int64())])
        return pa.StructArray.from_arrays([epoch, offsets(values)], ["epoch", "timezone"], mask=epoch.is_null())
    unit = _NANOSECONDS[values.type.unit]
    integers = pa.concat_arrays(values.cast(pa.int64()).chunks or [pa.array([], pa.int64())])
    seconds = _floor_divide(integers, 10**9 // unit)
    fraction = pc.multiply(pc.subtract(integers, pc.multiply(seconds, 10**9 // unit)), unit).cast(pa.int32())
    parts = {"epoch": seconds, "fraction": fraction}
    if column.type == "timestamp_tz":
        parts["timezone"] = offsets(values)
    return pa.StructArray.from_arrays(list(parts.values()), list(parts), mask=integers.is_null())
