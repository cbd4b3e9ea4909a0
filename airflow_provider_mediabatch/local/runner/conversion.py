"""From Arrow rows to the DataFrames of a model's signature (:mod:`.outputs` has the way back).

It is the way of the function that snowflake-ml generates for a logged model (columns named and typed as
the signature says). BYTES columns are the exception: ``astype(numpy.bytes_)`` would pad every file to the longest one
and cut trailing zero bytes, so they stay the ``bytes`` objects that were read.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pyarrow as pa
from snowflake.ml.model import model_signature

from airflow_provider_mediabatch.local.runner.files import InputError
from airflow_provider_mediabatch.local.runner.reader import Batch

_ARROW_TYPES = {
    "INT8": pa.int8(),
    "INT16": pa.int16(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "UINT8": pa.uint8(),
    "UINT16": pa.uint16(),
    "UINT32": pa.uint32(),
    "UINT64": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BOOL": pa.bool_(),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "TIMESTAMP_NTZ": pa.timestamp("us"),
}


_NULLABLE: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}


def match_column(names: list[str], columns: list[str]) -> str | None:
    """The input column that one of these spellings of a name refers to, the first spelling that is there winning."""
    return next((name for name in names if name in columns), None)


def match_input(sql_name: str, feature_name: str, columns: list[str]) -> str | None:
    """The column that feeds an input: its name as SQL or Python spells it, else the one that differs in case only.

    Jobs match without regard to case, whether the method was logged as case-sensitive or not; so snowflake-ml's own
    tests of EXECUTE INFERENCE JOB SERVICE expect it (``…_case_sensitivity_test.py``).

    :raises InputError: when several columns differ in case only, which no document decides.
    """
    exact = match_column([sql_name, feature_name, feature_name.upper()], columns)
    if exact is not None:
        return exact
    names = {sql_name.lower(), feature_name.lower()}
    similar = [column for column in columns if column.lower() in names]
    if len(similar) > 1:
        raise InputError(f"several input columns differ from the model's input {sql_name!r} in case only: {similar}")
    return similar[0] if similar else None


def scalar_type(feature: Any) -> pa.DataType | None:
    """The Arrow type of a scalar feature; None for tensors, groups and objects, which travel as JSON text."""
    if not isinstance(feature, model_signature.FeatureSpec) or feature._shape:
        return None
    return _ARROW_TYPES.get(feature._dtype.name)


class InputFrames:
    """Makes the method's DataFrame from a batch.

    :param signature: the method's signature.
    :param sql_names: SQL names of its inputs, in its order.
    :param columns: the input's columns.
    :param in_sql: the rows are arguments of a call in SQL. There a whole number beyond the range of the input's type
        wraps around where the column can be NULL, and is an error otherwise. In a job it is an error.
    """

    def __init__(self, signature: Any, sql_names: list[str], columns: list[str], in_sql: bool = False) -> None:
        self.in_sql = in_sql
        self.features: list[tuple[Any, str]] = []
        missing = []
        for feature, sql_name in zip(signature.inputs, sql_names, strict=True):
            column = match_input(sql_name, feature.name, columns)
            if column is None:
                missing.append(sql_name)
            else:
                self.features.append((feature, column))
        if missing:
            raise InputError(
                f"the model's inputs {missing} are not among the input columns {columns}: rename the columns"
            )

    def frame(self, batch: Batch) -> pd.DataFrame:
        """One column for each input of the signature, by its name and with its type."""
        series = {}
        for feature, column in self.features:
            if column in batch.files:
                series[feature.name] = self._of_files(feature, column, batch.files[column])
            else:
                nullable = batch.rows.schema.field(column).nullable
                series[feature.name] = self._of_column(feature, column, batch.rows.column(column), nullable)
        # The index counts the rows of a method that takes no input, too.
        return pd.DataFrame(series, index=pd.RangeIndex(batch.rows.num_rows), copy=False)

    @staticmethod
    def _of_files(feature: Any, column: str, values: list[bytes | str | None]) -> pd.Series[Any]:
        expected = scalar_type(feature)
        kind = next((type(value) for value in values if value is not None), None)
        if kind is bytes and expected == pa.string():
            raise InputError(
                f"input {feature.name!r} is STRING but column {column!r} is converted to raw_bytes: use base64"
            )
        if kind is str and expected == pa.binary():
            raise InputError(
                f"input {feature.name!r} is BYTES but column {column!r} is converted to text: use raw_bytes"
            )
        data = pd.Series(values, dtype=object)
        return data if expected != pa.string() else data.astype(feature.as_dtype())

    def _of_column(self, feature: Any, column: str, values: pa.ChunkedArray, nullable: bool) -> pd.Series[Any]:
        expected = scalar_type(feature)
        try:
            if expected is None:  # arrays and objects leave tables for Parquet as JSON text
                items = values.to_pylist()
                return pd.Series([json.loads(i) if isinstance(i, str) else i for i in items], dtype=object)
            if expected == pa.binary():
                return pd.Series(values.to_pylist(), dtype=object)
            whole = pa.types.is_integer(expected) and _is_whole(values.type)
            if whole and self.in_sql:
                return _argument(values, expected, nullable).astype(feature.as_dtype())
            if whole or pa.types.is_decimal(values.type) or pa.types.is_null(values.type):
                values = values.cast(expected)
            # By way of the nullable types: through floats, whole numbers beyond 2^53 would change beside a NULL.
            return values.to_pandas(types_mapper=_NULLABLE.get).astype(feature.as_dtype())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, TypeError) as error:
            raise InputError(
                f"column {column!r} ({values.type}) cannot become input {feature.name!r} ({feature.as_dtype()}): "
                f"{error}"
            ) from error


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0))


def _argument(values: pa.ChunkedArray, expected: pa.DataType, nullable: bool) -> pd.Series[Any]:
    """Whole numbers as a function gets them in SQL: of a nullable type of pandas, or of NumPy's where none can be NULL.

    A cast of the first kind wraps around. One of the second kind to a nullable type fails instead. Source:
    snowflake-ml-python, input_validation_integ_test.py (test_default_non_strict).
    """
    if pa.types.is_decimal(values.type):
        values = values.cast(expected if expected == pa.uint64() else pa.int64())
    if nullable or values.null_count:
        return values.to_pandas(types_mapper=_NULLABLE.get)
    return pd.Series(values.to_numpy())
