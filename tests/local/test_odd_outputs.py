"""Values that models return: each becomes what its signature says, by itself, or the error names the output."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from snowflake.ml.model.model_signature import DataType, FeatureSpec, ModelSignature

from airflow_provider_mediabatch.local.runner.outputs import check_frame, json_rows, output_columns

DECIMAL = decimal.Decimal
MOMENT, FIRST, LAST = datetime.datetime(2020, 1, 1, 10), datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)
EAST, WEST = pd.Timestamp("2020-01-01T12:00+02:00"), pd.Timestamp("2020-01-01T05:00-05:00")


def returned(kind: str, values: Any, shape: tuple[int, ...] | None = None) -> list[Any]:
    """What the job writes of a column; a list is a column of Python's own objects."""
    given = {} if shape is None else {"shape": shape}
    signature = ModelSignature(inputs=[], outputs=[FeatureSpec("OUT", DataType[kind], **given)])
    column = pd.Series(values, dtype=object) if isinstance(values, list) else values
    frame = pd.DataFrame({"OUT": column})
    check_frame(signature, frame)
    return list(output_columns(signature, frame)["OUT"].to_pylist())


@pytest.mark.parametrize(
    ("kind", "values", "written"),
    [
        ("STRING", [np.str_("a"), pd.NaT, pd.NA, float("nan"), None], ["a", None, None, None, None]),
        ("STRING", ["x", 1, True, DECIMAL("1.0"), b"ab"], ["x", "1", "true", "1.0", "ab"]),
        ("STRING", pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        ("INT64", [1.0, np.uint8(3), DECIMAL(2), DECIMAL("NaN"), np.array(4)], [1, 3, 2, None, 4]),
        ("INT64", [True, None, 5], [1, None, 5]),
        ("INT64", pd.Series([2**53 + 1, None], dtype="Int64"), [2**53 + 1, None]),
        ("INT64", pd.Series(pd.arrays.SparseArray([1, 2])), [1, 2]),
        ("DOUBLE", [2**53 + 1, 2**64, True], [2.0**53, 2.0**64, 1.0]),
        ("DOUBLE", pd.Series([2**53 + 1]), [2.0**53]),
        ("DOUBLE", [-0.0, float("inf"), np.float32(0.5)], [-0.0, float("inf"), 0.5]),
        ("DOUBLE", [DECIMAL("Infinity"), DECIMAL("1.5"), DECIMAL("NaN")], [float("inf"), 1.5, None]),
        ("DOUBLE", [np.array(1.5), "2.5"], [1.5, 2.5]),
        ("DOUBLE", pd.Series(np.array([1.5], dtype=np.longdouble)), [1.5]),
        ("BOOL", [1, 0, np.bool_(True), "False", pd.NA], [True, False, True, False, None]),
        ("BYTES", [b"\xff\x00", None, bytearray(b"a"), float("nan")], [b"\xff\x00", None, b"a", None]),
        ("TIMESTAMP_NTZ", [np.datetime64("2020-01-01T10"), "2020-01-01 10:00", pd.NaT], [MOMENT, MOMENT, None]),
        ("TIMESTAMP_NTZ", [FIRST, LAST.date()], [FIRST, LAST]),
        ("TIMESTAMP_NTZ", [EAST, WEST], [MOMENT, MOMENT]),
    ],
)
def test_a_value_becomes_what_the_signature_says(kind: str, values: Any, written: list[Any]) -> None:
    assert returned(kind, values) == written
    for value, one in zip(values, written, strict=True):
        assert returned(kind, [value]) == [one], "it depends on the rows beside it"


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        ("STRING", ["\ud800"], "surrogates"),
        ("STRING", [b"\xff"], "can't decode byte 0xff"),
        ("STRING", [{"a": 1}], "{'a': 1} is dict"),
        ("INT64", [1, 1.5], "1.5 is no whole number"),
        ("INT64", [DECIMAL("1.5")], "Decimal('1.5') is no whole number"),
        ("INT64", pd.Series([1.5]), "1.5"),
        ("INT64", [2**63], "too large"),
        ("INT8", [300], "300"),
        ("UINT64", [-1], "negative"),
        ("INT64", [pd.Timedelta(1, "s")], "is Timedelta"),
        ("INT64", pd.Series(pd.to_timedelta([1], unit="s")), "duration"),
        ("INT64", pd.Series(pd.to_datetime([1], unit="s")), "timestamp"),
        ("INT64", pd.Series(pd.period_range("2020", periods=1, freq="D")), "period"),
        ("INT64", [[3]], "[3] is list"),
        ("FLOAT", [1e300], "1e+300 is larger"),
        ("FLOAT", pd.Series([1e300, float("inf")]), "1e+300 is larger"),
        ("DOUBLE", [1 + 2j], "(1+2j) is complex"),
        ("DOUBLE", pd.Series([1 + 0j]), "complex128"),
        ("DOUBLE", ["high"], "high"),
        ("BOOL", ["no"], "'no' is str"),
        ("TIMESTAMP_NTZ", [1_700_000_000], "1700000000 is int"),
        ("TIMESTAMP_NTZ", pd.Series([1_700_000_000]), "int64"),
    ],
)
def test_what_the_type_cannot_hold_is_an_error_that_names_the_output(kind: str, values: Any, says: str) -> None:
    with pytest.raises(TypeError) as error:
        returned(kind, values)
    assert str(error.value).startswith(f"output 'OUT' is not {kind}: ")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ([1.0, float("nan"), float("inf")], [1.0, None, "inf"]),
        (np.array([1.0, np.nan]), [1.0, None]),
        ([[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.0]]),
        ([np.str_("a"), pd.NA, pd.NaT], ["a", None, None]),
        ([DECIMAL("1.5"), DECIMAL(7), DECIMAL("NaN")], [1.5, 7, None]),
        (pd.Series([1, 2], index=[5, 7]), [1, 2]),
        (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, None]),
        ({"at": pd.Timestamp("2020-01-01"), "raw": b"\x01"}, {"at": "2020-01-01 00:00:00", "raw": "01"}),
        (np.array(["2020-01-01T10", "NaT"], dtype="datetime64[ns]"), ["2020-01-01T10:00:00.000000000", None]),
        (None, None),
        (float("nan"), None),
    ],
)
def test_nested_values_are_json_that_snowflake_reads(value: Any, written: Any) -> None:
    (text,) = returned("DOUBLE", [value], shape=(-1,))
    assert (None if text is None else json.loads(text, parse_constant=pytest.fail)) == written


@pytest.mark.parametrize("value", [{1, 2}, [1 + 2j], (item for item in "ab"), {"a": 1}.keys(), object()])
def test_nested_values_without_a_form_in_json_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"output 'OUT' is not JSON: .* is "):
        returned("DOUBLE", [value], shape=(-1,))
    with pytest.raises(TypeError):
        json_rows(pd.DataFrame({"OUT": pd.Series([value], dtype=object)}))


def test_rows_are_matched_by_their_place_and_not_by_their_index() -> None:
    """What models return after sorting or filtering has an index of another order."""
    signature = ModelSignature(inputs=[], outputs=[FeatureSpec("OUT", DataType.INT64)])
    frame = pd.DataFrame({"OUT": [3, 1, 2], "MORE": [0, 0, 0]}, index=[7, 7, 0])
    check_frame(signature, frame, 3)
    assert output_columns(signature, frame)["OUT"].to_pylist() == [3, 1, 2]
    with pytest.raises(TypeError, match="returned a Series; expected is a pandas DataFrame"):
        check_frame(signature, frame["OUT"], 3)
    with pytest.raises(TypeError, match="returned 2 rows for 3 input rows"):
        check_frame(signature, frame.iloc[:2], 3)
