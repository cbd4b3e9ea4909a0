"""What a plan's digest stands for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_mediabatch.core.inference_plan import InferencePlan

PLAN = InferencePlan(
    model="DB.S.M",
    model_version="V1",
    function="predict",
    inputs={"image": "BYTES"},
    outputs={"LABEL": "STRING"},
    column_handling={},
    params={},
    compute_pool="POOL",
    job_schema="DB.S",
    output_location="@DB.S.WORK/out/",
    manifests=("0123456789abcdef",),
)


@pytest.mark.parametrize(
    "change",
    [{"model_version": "V2"}, {"model_version_created_on": "later"}, {"params": {"k": 1}}, {"compute_pool": "OTHER"}],
)
def test_what_shapes_the_job_changes_the_digest(change: dict[str, object]) -> None:
    assert replace(PLAN, **change).digest != PLAN.digest  # type: ignore[arg-type]


def test_a_warning_does_not_change_the_digest() -> None:
    assert replace(PLAN, warnings=("slow",)).digest == PLAN.digest


def test_a_plan_that_was_changed_on_its_way_is_refused() -> None:
    with pytest.raises(ValueError, match="was changed after validation"):
        InferencePlan.from_xcom(PLAN.to_xcom() | {"model_version": "V2"})


def test_a_plan_covers_the_manifests_that_were_validated() -> None:
    assert PLAN.covers("0123456789abcdef" + "0" * 48)
    assert not PLAN.covers("f" * 64)


@pytest.mark.parametrize(
    ("change", "keeps"),
    [({}, True), ({"partitioned": True}, False), ({"method_type": "TABLE_FUNCTION"}, False)],
)
def test_only_methods_on_partitions_change_the_number_of_rows(change: dict[str, object], keeps: bool) -> None:
    assert replace(PLAN, **change).keeps_rows is keeps  # type: ignore[arg-type]
