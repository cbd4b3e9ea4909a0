"""Which task instance the approval's pictures come from, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task_group

from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.media_batch_group import media_batch_group
from airflow_provider_mediabatch.operators.approve_sample import ApproveSampleOperator

BASE: dict[str, Any] = {
    "model_name": "MEDIA.PUBLIC.M",
    "compute_pool": "POOL",
    "work_location": "@MEDIA.PUBLIC.WORK/photos/",
    "review": "always",
}


REPORT = SampleReport(True, "DB.SC.J", "", "", "", "", (), (), 1)


def sample_index(dag: DAG, task_id: str, map_index: int) -> int:
    operator: Any = dag.task_dict[task_id]
    context: Any = {"ti": SimpleNamespace(dag_id=dag.dag_id, run_id="one", map_index=map_index)}
    found = operator._sample_instance(context, REPORT)
    assert found[:3] == (dag.dag_id, "one", task_id.replace("approve_sample", "sample_batch"))
    return int(found[3])


def test_the_sample_has_the_map_index_of_its_approval_where_both_are_expanded() -> None:
    with DAG("expanded", schedule=None) as dag:

        @task_group
        def one(folder: str) -> None:
            media_batch_group(**BASE, stage_path=folder)

        one.expand(folder=["@A/", "@B/"])
        media_batch_group("plain", **BASE, stage_path="@A/")
    assert sample_index(dag, "one.media_batch.approve_sample", 1) == 1
    assert sample_index(dag, "plain.approve_sample", -1) == -1


def test_the_time_of_a_task_is_not_that_of_a_person() -> None:
    """``default_args`` give ``execution_timeout`` to every task, and Airflow would take it for ``response_timeout``."""
    hour = timedelta(hours=1)
    with DAG("approvals", default_args={"execution_timeout": hour}):
        patient = ApproveSampleOperator(task_id="patient", sample=None, manifest=None)
        limited = ApproveSampleOperator(task_id="limited", sample=None, manifest=None, response_timeout=2 * hour)
    assert (patient.response_timeout, patient.execution_timeout) == (None, None)
    assert (limited.response_timeout, limited.execution_timeout) == (2 * hour, hour)


def test_a_missing_sample_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="sample: "):
        ApproveSampleOperator(task_id="approve", sample=None, manifest=None).execute({})  # type: ignore[arg-type]


@pytest.mark.parametrize("review", ["always", "first_run", "changed"])
def test_nobody_is_asked_about_an_empty_sample(review: str) -> None:
    """A yes to it would be remembered as one to the model version. Neither Airflow's variables nor a form are asked."""
    empty = replace(REPORT, job="", rows=0).to_xcom()
    operator = ApproveSampleOperator(task_id="approve", sample=empty, manifest=None, review=review)
    answer = operator.execute({})  # type: ignore[arg-type]
    assert (answer["chosen_options"], answer["responded_by_user"]) == (["Approve"], None)
    assert answer["approved_sample"] == REPORT.approval_digest
