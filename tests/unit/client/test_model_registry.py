"""Both layouts of ``model_spec``, versions, aliases and defaults."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.client.model_registry import _choose, _functions, _model_type, _supports_gpu
from airflow_provider_mediabatch.core.job_names import did_you_mean
from airflow_provider_mediabatch.core.snowflake_objects import Problem
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError, ValidationFailedError

SIGNATURE = {
    "inputs": [{"name": "IMAGE", "type": "BYTES"}],
    "outputs": [{"name": "LABEL", "type": "STRING"}],
    "params": [],
}
LEGACY = {
    "model_type": "custom",
    "signatures": {"predict": SIGNATURE, "embed": SIGNATURE},
    "method_options": {"predict": {"case_sensitive": False, "function_type": "FUNCTION"}},
    "function_properties": {"embed": {"PARTITIONED": True}},
    "env": {"cuda_version": None},
}
EXTENSION = {
    "version": "2.0",
    "model": {"framework": "HUGGINGFACE_PIPELINE"},
    "serving": {
        "functions": {
            "predict": {"signature": SIGNATURE, "properties": {}},
            "embed": {"signature": SIGNATURE, "properties": {"is_partition": True}},
        },
        "env": {"gpu": {"cuda_version": "12.1"}},
    },
}
SHOWN = [
    {"name": "PREDICT", "return_type": "OBJECT"},
    {"name": "EMBED", "return_type": "TABLE (LABEL VARCHAR)"},
]


@pytest.mark.parametrize("spec", [LEGACY, EXTENSION], ids=["1.x", "2.0"])
def test_functions_of_both_layouts(spec: dict[str, Any]) -> None:
    found = {item.target_method: item for item in _functions(spec, SHOWN)}
    assert (found["predict"].name, found["predict"].method_type) == ("PREDICT", "FUNCTION")
    assert (found["embed"].name, found["embed"].method_type) == ("EMBED", "TABLE_FUNCTION")
    assert found["embed"].partitioned
    assert not found["predict"].partitioned
    assert found["predict"].bytes_inputs == ["IMAGE"]


def test_functions_of_a_model_without_warehouse_functions() -> None:
    options = {**LEGACY, "method_options": {"embed": {"function_type": "TABLE_FUNCTION"}}}
    found = {item.target_method: item.method_type for item in _functions(options, [])}
    assert found == {"predict": "FUNCTION", "embed": "TABLE_FUNCTION"}


def test_type_and_gpu() -> None:
    assert _model_type(LEGACY) == "custom"
    assert _model_type(EXTENSION) == "huggingface_pipeline"
    assert not _supports_gpu(LEGACY)
    assert _supports_gpu(EXTENSION)
    assert _supports_gpu({**LEGACY, "runtimes": {"gpu": {}}})


VERSIONS = [
    {"name": "V1", "aliases": '["FIRST"]', "is_default_version": "false"},
    {"name": "V2", "aliases": '["DEFAULT", "PROD"]', "is_default_version": "true"},
    {"name": "v3", "aliases": "[]", "is_default_version": "false"},
]


@pytest.mark.parametrize(
    ("wanted", "version"),
    [(None, "V2"), ("default", "V2"), ("V1", "V1"), ("v1", "V1"), ("v3", "v3"), ("prod", "V2"), ("FIRST", "V1")],
)
def test_version_alias_and_default(wanted: str | None, version: str) -> None:
    assert _choose(VERSIONS, wanted, "M")["name"] == version


def test_unknown_version_names_what_there_is() -> None:
    with pytest.raises(InvalidInputError, match="did you mean PROD"):
        _choose(VERSIONS, "PRD", "M")
    assert did_you_mean("XYZ", ["V1", "V2"]) == "; there is: V1, V2"
    assert did_you_mean("X", []) == ""


def test_errors_say_three_things() -> None:
    error = ValidationFailedError([Problem("this is wrong", "do that"), Problem("and this", "and that")])
    text = str(error)
    assert text.startswith("2 problems with this batch:\n1. this is wrong\n   Fix: do that\n2. and this")
    assert "nothing incurs cost" in text
    assert "A retry will fail in the same way" in text
    assert isinstance(error, MediaBatchError)
