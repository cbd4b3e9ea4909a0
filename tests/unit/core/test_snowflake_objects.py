"""Which of a model's functions is run."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo, ModelInfo, Problem


def function(name: str, method: str, **changes: Any) -> FunctionInfo:
    values: dict[str, Any] = {
        "method_type": "FUNCTION",
        "partitioned": False,
        "case_sensitive": False,
        "inputs": ({"name": "image", "type": "BYTES"}, {"name": "size", "type": "INT64"}),
        "outputs": (),
        "params": (),
    }
    return FunctionInfo(name, method, **values | changes)


def model(*functions: FunctionInfo) -> ModelInfo:
    return ModelInfo("DB.S.M", "V1", "", (), "CUSTOM", False, functions)


PREDICT, EXPLAIN = function("PREDICT", "predict"), function("explain", "explain")


def test_the_only_function_needs_no_name() -> None:
    assert model(PREDICT).function(None) is PREDICT


@pytest.mark.parametrize("wanted", ["predict", "PREDICT", "Predict"])
def test_a_function_is_found_by_method_or_sql_name(wanted: str) -> None:
    assert model(EXPLAIN, PREDICT).function(wanted) is PREDICT


def test_several_functions_and_none_chosen_is_a_problem_with_the_names() -> None:
    found = model(PREDICT, EXPLAIN).function(None)
    assert isinstance(found, Problem)
    assert found.fix == "set function_name to one of: explain, predict"


def test_an_unknown_function_is_a_problem_with_the_names() -> None:
    found = model(PREDICT).function("train")
    assert isinstance(found, Problem)
    assert "has no function train" in found.what
    assert found.fix == "set function_name to one of: predict"


def test_inputs_that_take_a_files_bytes() -> None:
    assert PREDICT.bytes_inputs == ["image"]
