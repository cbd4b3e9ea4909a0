"""The specification's fields and text are those of the installed snowflake-ml; what no job can run with is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from snowflake.ml.model import batch_inference as bi
from snowflake.ml.model.inference_engine import InferenceEngine

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.job_specification import (
    ENCODINGS,
    ENGINES,
    SAVE_MODES,
    SPECIFICATIONS,
    job_specification,
    read_specification,
)

PLAN = InferencePlan("D.S.M", "V1", "predict", {}, {}, {}, "POOL", "D.S", "@D.S.OUT/x/")

CLASSES = {
    "resources_spec": bi.ResourcesSpec,
    "inference_spec": bi.InferenceSpec,
    "engine_options": bi.EngineOptions,
    "image_build_spec": bi.ImageBuildSpec,
}

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("resources_spec", {}),
    ("resources_spec", {"memory_requests": "16GiB", "cpu_requests": "0.5", "gpu_requests": None}),
    ("resources_spec", {"gpu_requests": "1"}),
    ("inference_spec", {"max_batch_rows": 2, "num_workers": 1}),
    ("inference_spec", {"adapters": {}}),
    ("inference_spec", {"engine_options": {}}),
    ("inference_spec", {"engine_options": {"engine_args_override": ["--a=b"], "engine": "vllm"}}),
    ("inference_spec", {"engine_options": {"engine": "Python_Generic"}}),
    ("image_build_spec", {}),
    ("image_build_spec", {"force_rebuild": True}),
    ("image_build_spec", {"force_rebuild": False, "image_repo": "DB.SC.REPO"}),
    ("image_build_spec", {"image_repo": "DB.SC.REPO"}),
]

REFUSED: list[tuple[str, Any, str]] = [
    ("resources_spec", {"cpu_request": "1"}, "did you mean 'cpu_requests'"),
    ("resources_spec", {"cpu_requests": True}, "a text such as '4'"),
    ("resources_spec", {"memory_requests": 16}, "a text such as '16Gi'"),
    ("resources_spec", {"memory_requests": "16"}, "'16Gi'"),
    ("resources_spec", {"gpu_requests": "all"}, "gpu_requests = 'all'"),
    ("resources_spec", ["cpu_requests"], "resources_spec = ['cpu_requests'] is list"),
    ("inference_spec", {"num_workers": "many"}, "whole number from 1"),
    ("inference_spec", {"num_workers": True}, "whole number from 1"),
    ("inference_spec", {"max_batch_rows": 0}, "whole number from 1"),
    ("inference_spec", {"adapters": {"a": object()}}, "LoRA adapters are not supported"),
    ("inference_spec", {"engine_options": {"engine": "vlm"}}, "the engines are VLLM, PYTHON_GENERIC"),
    ("inference_spec", {"engine_options": {"engin": "vllm"}}, "did you mean 'engine'"),
    ("inference_spec", {"engine_options": {"engine_args_override": "--a"}}, "a list of texts"),
    ("image_build_spec", {"force_rebuild": "perhaps"}, "True or False"),
    ("image_build_spec", {"image_repo": 3}, "give a text"),
]


def test_the_fields_are_those_of_snowflake_ml() -> None:
    fields = dict(SPECIFICATIONS) | {"engine_options": SPECIFICATIONS["inference_spec"]["engine_options"]}
    for name, known in fields.items():
        assert list(known) == list(CLASSES[name].model_fields)
    assert set(ENCODINGS) == {member.value for member in bi.FileEncoding}
    assert set(SAVE_MODES) == {member.value for member in bi.SaveMode}
    assert set(ENGINES) == {member.name for member in InferenceEngine}


@pytest.mark.parametrize(("name", "spec"), ACCEPTED)
def test_the_text_is_that_of_snowflake_ml(name: str, spec: dict[str, Any]) -> None:
    read, problems = read_specification(name, spec)
    assert problems == []
    text = job_specification(replace(PLAN, **{name: read}), "@D.S.OUT/x", "error")
    block = CLASSES[name](**spec).model_dump(mode="json", exclude_none=True) if spec else {}
    body = {"output": {"stage_location": "@D.S.OUT/x/", "mode": "error"}}
    body |= {name.removesuffix("_spec"): block} if block else {}
    order = ("resources", "inference", "image_build")
    assert list(body)[1:] == [key for key in order if key in body]
    assert text == yaml.safe_dump(body, sort_keys=False)


@pytest.mark.parametrize(("name", "spec", "says"), REFUSED)
def test_what_no_job_can_run_with_is_refused(name: str, spec: Any, says: str) -> None:
    _, problems = read_specification(name, spec)
    assert len(problems) == 1
    assert says in f"{problems[0].what}; {problems[0].fix}"


def test_every_problem_is_found_at_once() -> None:
    _, problems = read_specification("inference_spec", {"worker": 1, "num_workers": 0, "engine_options": {"x": 1}})
    assert len(problems) == 3


def test_templates_render_to_text() -> None:
    assert read_specification("inference_spec", {"num_workers": " 2 "})[0] == {"num_workers": 2}
    assert read_specification("image_build_spec", {"force_rebuild": "True"})[0] == {"force_rebuild": True}
    assert read_specification("inference_spec", {"num_workers": "None", "max_batch_rows": ""}) == ({}, [])


def test_native_templates_render_to_numbers() -> None:
    given = {"cpu_requests": 4, "gpu_requests": 1}
    assert read_specification("resources_spec", given)[0] == {"cpu_requests": "4", "gpu_requests": "1"}
    assert read_specification("resources_spec", {"cpu_requests": 0.5})[0] == {"cpu_requests": "0.5"}


@pytest.mark.parametrize(
    ("changes", "save_mode"),
    [
        ({"resources_spec": {"cpu": "1"}}, "error"),
        ({"column_handling": {"A": {}}}, "error"),
        ({"column_handling": {"A": {"input_format": "full_stage_path", "convert_to": "hex"}}}, "error"),
        ({}, "append"),
    ],
)
def test_a_plan_that_validation_did_not_write_is_refused(changes: dict[str, Any], save_mode: str) -> None:
    with pytest.raises(ValueError, match=r"cpu|column_handling|save_mode"):
        job_specification(replace(PLAN, **changes), "@D.S.OUT/x", save_mode)
