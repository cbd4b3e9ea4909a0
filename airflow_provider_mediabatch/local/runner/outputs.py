"""What a model's method returns, as Arrow columns of its signature's types, or as JSON.

A value becomes the signature's type without a loss, or the job fails with an error that names the output. What becomes
of it does not depend on the other rows of its batch. Floats are rounded, as floats are, and timestamps are cut to the
engine's microseconds.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_mediabatch.local.runner.conversion import scalar_type

_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_TEXT_IN_JSON = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64, uuid.UUID)
"""Values without a type of their own in JSON, of which the text is meant."""


def check_frame(signature: Any, predictions: Any, rows: int | None = None) -> None:
    """What a method returns must be a DataFrame with the signature's outputs, each once.

    :param rows: how many rows it must have; None: as many as it likes.
    :raises TypeError: saying what was returned and what is expected; the job fails with it.
    """
    outputs = [feature.name for feature in signature.outputs]
    expected = f"expected is a pandas DataFrame with the columns {outputs}"
    if not isinstance(predictions, pd.DataFrame):
        keys = f" with the keys {list(predictions)[:20]}" if isinstance(predictions, dict) else ""
        what = "None" if predictions is None else f"a {type(predictions).__name__}{keys}"
        raise TypeError(f"the model returned {what}; {expected}")
    found = list(predictions.columns)
    if missing := [name for name in outputs if name not in found]:
        raise TypeError(f"the model returned columns {found}; output {missing[0]!r} is missing; {expected}")
    if twice := [name for name in outputs if found.count(name) > 1]:
        raise TypeError(f"the model returned columns {found}, and {twice[0]!r} more than once; {expected}")
    if rows is not None and len(predictions) != rows:
        raise TypeError(f"the model returned {len(predictions)} rows for {rows} input rows")


def output_columns(signature: Any, predictions: pd.DataFrame) -> dict[str, pa.Array]:
    """The method's result as Arrow columns, one for each output of the signature; nested outputs as JSON text.

    :param predictions: what :func:`check_frame` let pass.
    :raises TypeError: for a value that the signature's type cannot hold; the job fails with it.
    """
    columns = {}
    for feature in signature.outputs:
        values = predictions[feature.name]
        expected = scalar_type(feature)
        kind = feature._dtype.name if expected is not None else "JSON"
        try:
            columns[feature.name] = _json_column(values) if expected is None else _array(values, expected)
        except (ValueError, TypeError, ArithmeticError, NotImplementedError) as error:
            raise TypeError(f"output {feature.name!r} is not {kind}: {error}") from error
    return columns


def _json_column(values: pd.Series[Any]) -> pa.Array:
    return pa.array([None if _is_missing(value) else _json(value) for value in values], pa.string())


def _array(values: pd.Series[Any], expected: pa.DataType) -> pa.Array:
    """A column without a type of its own is read value by value, each by itself; a typed one is cast."""
    if values.dtype == object:
        read = _READERS.get(expected)
        if pd.api.types.infer_dtype(values, skipna=True) in _PLAIN[expected]:
            return pa.array(values, expected, from_pandas=True)
        if read is not None:
            return pa.array([_read(value, read, expected) for value in values], expected)
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
    if values.dtype.kind == "c":
        raise TypeError(f"its values are {values.dtype}")
    array = pa.array(values.astype(float) if values.dtype == np.longdouble else values, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    array = array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
    if not _may_become(array.type, expected):
        raise TypeError(f"its values are {array.type}")
    # Whole numbers in floats are rounded where they have to be; timestamps are cut.
    exact = not (pa.types.is_floating(expected) or pa.types.is_timestamp(expected))
    found = array.cast(expected, safe=exact)
    if pa.types.is_float32(expected) and pa.types.is_floating(array.type):
        lost = array.filter(pc.and_(pc.is_inf(found), pc.is_finite(array)))
        if len(lost):
            raise TypeError(f"{lost[0].as_py()!r} is larger than its numbers can be")
    return found


def _read(value: Any, read: Callable[[Any, pa.DataType], Any], expected: pa.DataType) -> Any:
    value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    return None if _is_missing(value) else read(value, expected)


def _may_become(found: pa.DataType, expected: pa.DataType) -> bool:
    """Times do not become numbers, and numbers do not become times. Arrow would count them from 1970."""
    if isinstance(found, pa.BaseExtensionType):  # pandas' periods and intervals
        return False
    if pa.types.is_timestamp(expected):
        return pa.types.is_timestamp(found) or pa.types.is_date(found) or pa.types.is_null(found) or _is_text(found)
    return not pa.types.is_temporal(found) or _is_text(expected)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _whole(value: Any, expected: pa.DataType) -> Any:
    """A whole number. A float or a decimal is one without a fraction; so is a text of digits."""
    if isinstance(value, bool | np.bool_ | int | np.integer):
        found = int(value)
    elif isinstance(value, float | np.floating | decimal.Decimal | str):
        found = int(value)
        if not isinstance(value, str) and found != value:
            raise TypeError(f"{value!r} is no whole number")
    else:
        raise _unknown(value)
    low, high = _limits(expected)
    if not low <= found <= high:
        raise TypeError(f"{value!r} is not between {low} and {high}")
    return found


def _limits(expected: pa.DataType) -> tuple[int, int]:
    bits = int(expected.bit_width)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if pa.types.is_signed_integer(expected) else (0, 2**bits - 1)


def _floating(value: Any, expected: pa.DataType) -> Any:
    if not isinstance(value, bool | np.bool_ | int | np.integer | float | np.floating | decimal.Decimal | str):
        raise _unknown(value)
    found = float(value)
    if pa.types.is_float32(expected) and math.isfinite(found) and abs(found) > _LARGEST_FLOAT:
        raise TypeError(f"{value!r} is larger than its numbers can be")
    return None if math.isnan(found) else found


def _truth(value: Any, expected: pa.DataType) -> Any:
    """A truth value, or a number as Snowflake reads it: all but 0 are true."""
    if isinstance(value, bool | np.bool_ | int | np.integer | float | np.floating):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _unknown(value)


def _text(value: Any, expected: pa.DataType) -> Any:
    """Text; numbers, truth values and times as Snowflake casts them to text; bytes that are text."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, (int, float, np.number, decimal.Decimal, *_TEXT_IN_JSON)):
        return str(value)
    raise _unknown(value)


def _moment(value: Any, expected: pa.DataType) -> Any:
    """A timestamp; of one with a time zone, the time in UTC."""
    if not isinstance(value, datetime.date | np.datetime64 | str):
        raise _unknown(value)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if not isinstance(value, datetime.datetime) or isinstance(value, pd.Timestamp):
        value = pd.Timestamp(value).to_pydatetime(warn=False)
    return value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value


def _unknown(value: Any) -> TypeError:
    text = repr(value)
    return TypeError(f"{text if len(text) < 100 else text[:100] + '…'} is {type(value).__name__}")


_INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
_FLOATS = [pa.float32(), pa.float64()]
_READERS: dict[pa.DataType, Callable[[Any, pa.DataType], Any]] = {
    **dict.fromkeys(_INTEGERS, _whole),
    **dict.fromkeys(_FLOATS, _floating),
    pa.bool_(): _truth,
    pa.string(): _text,
    pa.timestamp("us"): _moment,
}
_PLAIN: dict[pa.DataType, tuple[str, ...]] = {
    **dict.fromkeys(_INTEGERS, ("integer", "empty")),
    pa.float32(): ("empty",),
    pa.float64(): ("floating", "empty"),
    pa.bool_(): ("boolean", "empty"),
    pa.string(): ("string", "empty"),
    pa.binary(): ("bytes", "string", "empty"),
    pa.timestamp("us"): ("empty",),
}
"""What Arrow itself reads so, and fast: pandas' words for what a column without a type holds."""


def json_rows(predictions: pd.DataFrame) -> pa.Array:
    """The method's rows as Snowflake has them in SQL: an OBJECT for each, by the names of the method's columns.

    What is missing is null, as in the function that snowflake-ml generates.

    :raises TypeError: for a value that JSON has no form for.
    """
    rows = predictions.astype(object).where(predictions.notna(), None).to_dict("records")
    return pa.array([_json(row) for row in rows], pa.string())


def _json(value: Any) -> str:
    """JSON text. An infinite number is text, and what is missing or no number is null."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError:  # a number that is infinite, or none
        return json.dumps(_finite(json.loads(json.dumps(value, default=_plain))), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Values that json does not know, as their nearest JSON.

    :raises TypeError: for those that have none, such as sets and complex numbers.
    """
    if _is_missing(value):
        return None
    if isinstance(value, np.complexfloating):
        raise _unknown(value)
    if isinstance(value, _TEXT_IN_JSON):
        return str(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "mM":  # its tolist() would be nanoseconds
        return list(value)
    if isinstance(value, np.ndarray | np.generic | pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return value.tolist()
    if isinstance(value, decimal.Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    raise _unknown(value)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (np.isscalar(value) and bool(pd.isna(value)))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
