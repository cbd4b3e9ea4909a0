"""A request, a manifest and facts become a plan, or one error with all problems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.snowflake_objects import (
    ComputePoolInfo,
    FunctionInfo,
    ModelInfo,
    Problem,
    StageInfo,
)
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import ValidationFailedError
from airflow_provider_mediabatch.validation.batch_request import BatchRequest
from airflow_provider_mediabatch.validation.facts import BatchFacts
from airflow_provider_mediabatch.validation.planning import make_plan

FUNCTION = FunctionInfo(
    name="PREDICT",
    target_method="predict",
    method_type="FUNCTION",
    partitioned=False,
    case_sensitive=False,
    inputs=({"name": "image", "type": "BYTES"},),
    outputs=({"name": "LABEL", "type": "STRING"},),
    params=(),
)
LOGGED = "2026-11-28 10:00:00.123000"
MODEL = ModelInfo("DB.SC.M", "V1", LOGGED, (), "custom", False, (FUNCTION,))
MANIFEST = Manifest("@DB.SC.WORK/m/", {"IMAGE": "VARCHAR"}, ("IMAGE",), 1, 1, 5, "0123456789abcdef0")
REQUEST = BatchRequest("M", "POOL", "@DB.SC.OUT/x", replicas="2")
FACTS = BatchFacts(
    model=MODEL,
    function=FUNCTION,
    pools=[ComputePoolInfo("POOL", "CPU_X64_S", 4)],
    job_schema="DB.SC",
    job_schema_problem="",
    output=StagePath("DB", "SC", "OUT", "x"),
    lost_manifest=None,
    sources=[StagePath("DB", "SC", "FILES")],
    unqualified={},
    stages={("DB", "SC"): [StageInfo("DB", "SC", name, "INTERNAL NO CSE") for name in ("OUT", "FILES")]},
)


def test_a_plan_pins_what_was_resolved() -> None:
    plan = make_plan(REQUEST, [MANIFEST], FACTS)
    assert (plan.model, plan.model_version, plan.function) == ("DB.SC.M", "V1", "predict")
    assert plan.model_version_created_on == LOGGED
    assert plan.column_handling == {"IMAGE": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}}
    assert plan.output_location == "@DB.SC.OUT/x/"
    assert plan.replicas == 2
    assert plan.covers(MANIFEST.digest)
    assert not plan.warnings


@pytest.mark.parametrize(
    ("request_changes", "facts_changes", "says"),
    [
        ({}, {"model": Problem("no model", "log it"), "function": None}, ["no model"]),
        ({}, {"function": Problem("no function", "choose")}, ["no function"]),
        *[({"replicas": number}, {}, [f"replicas = {number!r}"]) for number in ("many", "0", 0, -1, True, 1.5)],
        ({"compute_pool": "OTHER"}, {}, ["Compute pool OTHER"]),
        ({}, {"job_schema": "", "job_schema_problem": "needs quotes"}, ["job_schema: needs quotes"]),
        ({}, {"output": "no @"}, ["output_location: no @"]),
        ({}, {"lost_manifest": MANIFEST.location}, ["@DB.SC.WORK/m/ does not exist any more"]),
        ({}, {"stages": {("DB", "SC"): None}}, ["a file's stage", "output_location"]),
        ({"model_params": {"x": 1}, "inference_spec": {"workers": 1}}, {}, ["no field 'workers'", "no parameter 'x'"]),
    ],
)
def test_all_problems_are_said_at_once(
    request_changes: dict[str, Any], facts_changes: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        make_plan(replace(REQUEST, **request_changes), [MANIFEST], replace(FACTS, **facts_changes))
    assert len(caught.value.problems) == len(says)
    for problem, words in zip(sorted(problem.what for problem in caught.value.problems), says, strict=True):
        assert words in problem


def test_a_manifest_of_another_version_is_refused() -> None:
    listed = replace(MANIFEST, model="DB.SC.M", model_version="V0", function="predict")
    with pytest.raises(ValidationFailedError, match="listed for version V0, but validation resolved V1"):
        make_plan(REQUEST, [listed], FACTS)
    listed = replace(listed, model_version="V1", model_version_created_on="2026-11-27 10:00:00.000000")
    with pytest.raises(
        ValidationFailedError, match=r"listed for version V1 of DB\.SC\.M, and it was logged again since"
    ):
        make_plan(REQUEST, [listed], FACTS)
    assert make_plan(REQUEST, [replace(listed, model_version_created_on=LOGGED)], FACTS)
