"""What FullBatch refuses, and where its jobs write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_mediabatch.batch.submission import JobRequest
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import read_arguments
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator

MANIFEST = Manifest("@DB.SC.WORK/m/", {"IMG": "VARCHAR"}, ("IMG",), 2, 2, 20, "d" * 32)
PLAN = InferencePlan(
    model="DB.SC.M",
    model_version="V1",
    function="predict",
    inputs={},
    outputs={},
    column_handling={},
    compute_pool="P",
    job_schema="DB.SC",
    output_location="@DB.SC.OUT/x/",
    manifest_digest="all",
    manifests=("d" * 16,),
)
SAMPLE = SampleReport(True, "J", "L", "M", PLAN.digest, "all", (), (), 2)


def operator(**changes: Any) -> FullBatchOperator:
    arguments = {"manifest": MANIFEST.to_xcom(), "plan": PLAN.to_xcom(), "sample": SAMPLE.to_xcom()}
    return FullBatchOperator(task_id="full", **{**arguments, **changes})


def answer(*options: str) -> dict[str, Any]:
    """As Airflow's ApprovalOperator returns it."""
    return {"chosen_options": list(options), "params_input": {}, "responded_by_user": None}


def read_and_check(task: FullBatchOperator) -> None:
    """What execute() does first."""
    read_arguments(task, task.readers)
    task._inputs()


def rendered(name: str, **changes: Any) -> FullBatchOperator:
    """With an argument whose XCom was missing when it was rendered."""
    made = operator(**changes)
    setattr(made, name, None)
    return made


def test_a_try_that_was_asked_to_end_does_not_end_the_next_one_in_the_same_process() -> None:
    made = operator()
    first = made.prepare_for_execution()
    first.on_kill()
    assert first._running_jobs.ended
    assert not made.prepare_for_execution()._running_jobs.ended
    made.on_kill()  # before the task is prepared
    assert made.prepare_for_execution()._running_jobs.ended


def test_a_missing_sample_or_approval_is_no_yes() -> None:
    given = {"approval": answer("Approve")}
    with pytest.raises(InvalidInputError, match="The sample's task returned no report"):
        rendered("sample")._inputs()
    with pytest.raises(InvalidInputError, match="The approval's task returned no answer"):
        rendered("approval", **given)._inputs()
    assert rendered("sample", require_sample=False)._inputs() == (MANIFEST, PLAN)
    assert rendered("approval", **given, require_approval=False)._inputs() == (MANIFEST, PLAN)


@pytest.mark.parametrize("options", [("Reject",), ("Approve", "Reject"), ("approve",)])
def test_a_rejection_skips(options: tuple[str, ...]) -> None:
    with pytest.raises(AirflowSkipException, match="Nothing was started, and nothing incurs cost"):
        operator(approval=answer(*options), require_approval=False)._inputs()


def test_what_fits_is_taken() -> None:
    assert operator()._inputs() == (MANIFEST, PLAN)
    assert operator(sample=None)._inputs() == (MANIFEST, PLAN)
    assert operator(approval=answer("Approve"))._inputs() == (MANIFEST, PLAN)
    seen = answer("Approve") | {"approved_sample": SAMPLE.approval_digest}
    assert operator(approval=seen)._inputs() == (MANIFEST, PLAN)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sample": replace(SAMPLE, plan_digest="other").to_xcom()}, "passed with another plan"),
        ({"sample": replace(SAMPLE, manifest_digest="other").to_xcom()}, "passed with another manifest"),
        ({"sample": replace(SAMPLE, passed=False).to_xcom()}, "did not pass its checks"),
        ({"manifest": replace(MANIFEST, digest="e" * 32).to_xcom()}, "not the one that was validated"),
        ({"manifest": [MANIFEST.to_xcom()] * 2}, "map it"),
        ({"approval": {"chosen_options": "Approve"}}, "answer is expected"),
        ({"approval": {"chosen_options": []}}, "answer is expected"),
        ({"approval": "yes"}, "answer is expected"),
        ({"approval": {"chosen_options": ["Approve"], "approved_sample": "0" * 64}}, "is for another sample"),
        ({"save_mode": "append"}, "'error' or 'overwrite'"),
        ({"on_rerun": "again"}, "'adopt' or 'rerun'"),
        ({"max_isolation_jobs": 1}, "max_isolation_jobs=1: use a whole number from 2 to 100"),
        ({"max_failed_fraction": "1.5"}, "max_failed_fraction='1.5': use a number from 0 to 1"),
        (
            {"isolate_failures": True, "sample": None, "plan": replace(PLAN, partition_column="G").to_xcom()},
            "cannot be cut into parts",
        ),
        (
            {"isolate_failures": True, "sample": None, "plan": replace(PLAN, method_type="TABLE_FUNCTION").to_xcom()},
            "cannot be cut into parts",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        read_and_check(operator(**changes))


REQUEST = JobRequest("MB_X", "print", MANIFEST, PLAN, PLAN.output_location)


def test_jobs_write_below_the_output_in_a_folder_of_their_own_name() -> None:
    assert REQUEST.location("DB.SC.MB_X_0") == "@DB.SC.OUT/x/MB_X_0/"
