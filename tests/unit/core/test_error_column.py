"""Which output of a model is taken for the error of a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_mediabatch.core.error_column import ERROR_COLUMN, find_error_column
from airflow_provider_mediabatch.core.inference_plan import InferencePlan

PLAN = InferencePlan(
    model="DB.SC.M",
    model_version="V1",
    function="predict",
    inputs={},
    outputs={"LABEL": "STRING", "MB_ERROR": "STRING", "why": "STRING", "SCORE": "DOUBLE"},
    column_handling={},
    compute_pool="P",
    job_schema="DB.SC",
    output_location="@DB.SC.OUT/x/",
)


def test_the_default_need_not_be_there() -> None:
    assert find_error_column(PLAN, ERROR_COLUMN) == "MB_ERROR"
    assert find_error_column(PLAN, None) is None
    assert find_error_column(replace(PLAN, outputs={"LABEL": "STRING"}), ERROR_COLUMN) is None
    assert find_error_column(replace(PLAN, partitioned=True), ERROR_COLUMN) is None


def test_another_name_is_found_in_any_case() -> None:
    assert find_error_column(PLAN, "WHY") == "why"


@pytest.mark.parametrize(
    ("plan", "name", "message"),
    [
        (PLAN, "REASON", "no output of the model, which has LABEL, MB_ERROR, why, SCORE"),
        (PLAN, "SCORE", "SCORE is DOUBLE"),
        (replace(PLAN, partitioned=True), "why", "works on whole partitions"),
    ],
)
def test_what_cannot_be_an_error_is_refused(plan: InferencePlan, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_error_column(plan, name)
