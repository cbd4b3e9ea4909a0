"""When the sample of an earlier run still holds, and what a full batch makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.sample_report import Check, SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.operators.approve_sample import ApproveSampleOperator
from airflow_provider_mediabatch.operators.remembered import SampleMemory
from airflow_provider_mediabatch.operators.upstream import check_sample

PLAN = InferencePlan(
    model="DB.SC.M",
    model_version="V1",
    model_version_created_on="2026-11-01 00:00:00",
    function="predict",
    inputs={},
    outputs={"LABEL": "STRING"},
    column_handling={},
    compute_pool="P",
    job_schema="DB.SC",
    output_location="@DB.SC.OUT/x/",
    manifest_digest="today",
)
REPORT = SampleReport(
    passed=True,
    job="DB.SC.MB_1",
    location="@DB.SC.OUT/x/MB_1/",
    manifest="@DB.SC.WORK/m/",
    plan_digest="of yesterday",
    manifest_digest="yesterday",
    checks=(Check("row count", True),),
    preview=(),
    rows=3,
    quarantined=({"path": "@a", "error": "broken"},),
    quarantined_location="@DB.SC.WORK/q/",
    failed_rows=1,
    tested_digest=PLAN.tested_digest,
    tested_at=(datetime.now(UTC) - timedelta(hours=3)).isoformat(),
    from_run="yesterday",
)


def memory(plan: InferencePlan, *settings: object, run_id: str = "today") -> SampleMemory:
    ti = SimpleNamespace(dag_id="photos", task_id="sample", run_id=run_id, map_index=-1)
    return SampleMemory({"ti": ti}, plan, *settings)  # type: ignore[typeddict-item]


def store(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    """As an environment variable, which Airflow reads variables from."""
    monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", json.dumps(value))


def test_a_report_of_the_same_work_is_used_again_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    place = memory(replace(PLAN, output_location="@DB.SC.OUT/today/"), ["LABEL <> ''"])
    assert place.recall(None) is None
    store(monkeypatch, place.variable, REPORT.to_xcom())
    report = place.recall(timedelta(days=1))
    assert report is not None
    assert (report.from_run, report.job, report.good_rows, report.quarantined_count) == (
        "yesterday",
        "DB.SC.MB_1",
        2,
        0,
    )
    assert "run yesterday passed 3 h" in report.checks[0].detail
    assert place.recall(timedelta(hours=1)) is None, "too old"
    check_sample(report.to_xcom(), PLAN, is_required=True)
    with pytest.raises(InvalidInputError, match="passed with another plan"):
        check_sample(report.to_xcom(), replace(PLAN, params={"scale": 2}), is_required=True)
    own = replace(REPORT, from_run="", plan_digest=PLAN.digest)
    with pytest.raises(InvalidInputError, match="passed with another manifest"):
        check_sample(own.to_xcom(), PLAN, is_required=True)


@pytest.mark.parametrize(
    "change",
    [
        {"model_version_created_on": "2026-11-02 00:00:00"},
        {"model_version_created_on": ""},
        {"model_version": "V2"},
        {"params": {"scale": 2}},
        {"inference_spec": {"num_workers": 2}},
    ],
)
def test_changed_work_is_sampled_again(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    changed = memory(replace(PLAN, **change))
    store(monkeypatch, memory(PLAN).variable, REPORT.to_xcom())
    assert changed.recall(None) is None
    # Even where the variable has the right name, what it holds must be of this work.
    store(monkeypatch, changed.variable, REPORT.to_xcom())
    assert changed.recall(None) is None


def test_what_cannot_be_used_counts_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    place = memory(PLAN)
    newer = REPORT.to_xcom() | {"version": 99}
    for value in ("text", {}, newer, replace(REPORT, passed=False).to_xcom(), replace(REPORT, tested_at="").to_xcom()):
        store(monkeypatch, place.variable, value)
        assert place.recall(None) is None
    store(monkeypatch, place.variable, REPORT.to_xcom())
    assert memory(PLAN, "another check").recall(None) is None
    assert memory(PLAN, run_id="yesterday").recall(None) is None, "the run's own sample is found by its job's name"


def test_the_answer_to_a_sample_follows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = ApproveSampleOperator(
        task_id="approve", sample=REPORT.to_xcom(), manifest=None, plan=PLAN.to_xcom(), review="changed"
    )
    ti = SimpleNamespace(dag_id="photos", task_id="approve", run_id="today", map_index=-1)
    answer = {"state": "approved", "by": "Ada", "run_id": "yesterday", "task_id": "approve"}
    store(monkeypatch, operator._variable("photos", PLAN), answer)
    given = operator.execute({"ti": ti})  # type: ignore[typeddict-item]
    assert given["chosen_options"] == ["Approve"]
    assert given["params_input"]["note"] == "Ada approved this sample in run yesterday"
    other = ApproveSampleOperator(
        task_id="approve", sample=replace(REPORT, job="DB.SC.MB_2").to_xcom(), manifest=None, review="changed"
    )
    assert other._variable("photos", PLAN) != operator._variable("photos", PLAN)
