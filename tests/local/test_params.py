"""A job's parameters are those that snowflake-ml's own code makes of them, of which the image has a copy."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from snowflake.ml.model._client.ops import param_ops
from snowflake.ml.model.model_signature import DataType, ParamGroupSpec, ParamSpec

from airflow_provider_mediabatch.local.runner import params
from airflow_provider_mediabatch.local.runner.files import InputError

SPECS = [
    ParamSpec("beams", DataType.INT64, 1),
    ParamSpec("small", DataType.INT8, 1),
    ParamSpec("count", DataType.UINT64, 1),
    ParamSpec("scale", DataType.DOUBLE, 2.0),
    ParamSpec("half", DataType.FLOAT, 0.5),
    ParamSpec("fast", DataType.BOOL, False),
    ParamSpec("text", DataType.STRING, "a"),
    ParamSpec("since", DataType.TIMESTAMP_NTZ, "2020-01-01"),
    ParamSpec("sizes", DataType.INT64, [1, 2], shape=(2,)),
    ParamSpec("weights", DataType.DOUBLE, [1.0], shape=(-1,)),
    ParamGroupSpec(
        "decoding",
        [
            ParamSpec("beams", DataType.INT64, 4),
            ParamSpec("task", DataType.STRING, "say"),
            ParamGroupSpec("inner", [ParamSpec("p", DataType.DOUBLE, 0.5), ParamSpec("q", DataType.DOUBLE, 0.25)]),
        ],
    ),
]
GIVEN: list[dict[str, Any]] = [
    {},
    {"BEAMS": 3},
    {"beams": 2**63 - 1},
    {"beams": 2**63},
    {"beams": 3.0},
    {"beams": True},
    {"beams": "3"},
    {"beams": [3]},
    {"small": 300},
    {"count": -1},
    {"count": 2**64 - 1},
    {"scale": 3},
    {"scale": -0.0},
    {"scale": 10**400},
    {"scale": "3"},
    {"half": 1e300},
    {"fast": True},
    {"text": "ä\0"},
    {"text": ""},
    {"since": "2021-05-06T07:08:09.123456"},
    {"since": "yesterday"},
    {"sizes": [3, 4]},
    {"sizes": [3]},
    {"sizes": [3, 4.0]},
    {"sizes": [[3], [4]]},
    {"sizes": 3},
    {"weights": [1, -0.0]},
    {"weights": []},
    {"decoding": {"TASK": "sing"}},
    {"decoding": {"inner": {"P": 1}}},
    {"decoding": {"nope": 1}},
    {"decoding": {"beams": 1.5}},
    {"decoding": [1]},
    {"nope": 1},
]


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("given", GIVEN, ids=str)
def test_values_are_those_of_snowflake_ml(given: dict[str, Any]) -> None:
    expected = None
    with contextlib.suppress(ValueError, TypeError):
        param_ops.validate_params(given, SPECS)
        with contextlib.suppress(OverflowError):
            expected = param_ops.resolve_params(given, SPECS)
    if expected is None:
        with pytest.raises(InputError):
            params.of_job(SPECS, given)
        return
    found = params.of_job(SPECS, given)
    assert repr(_floats_in_groups(found)) == repr(_floats_in_groups(expected))


def _floats_in_groups(values: dict[str, Any]) -> dict[str, Any]:
    """In a group snowflake-ml leaves a whole number for a DOUBLE as it is, and here it is a float. They are equal."""
    inner = values["decoding"]["inner"]
    return {**values, "decoding": {**values["decoding"], "inner": {name: float(each) for name, each in inner.items()}}}


def test_null_is_the_default() -> None:
    found = params.of_job(SPECS, {"beams": None, "decoding": {"task": None}})
    assert (found["beams"], found["decoding"]["task"]) == (1, "say")


def test_in_sql_they_have_types_of_numpy() -> None:
    found = params.of_call(SPECS, {"half": 0.1, "BEAMS": 3, "text": None})
    assert (repr(found["half"]), repr(found["beams"]), found["text"]) == ("np.float32(0.1)", "np.int64(3)", "a")
