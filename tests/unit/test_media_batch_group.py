"""The task group's tasks and wires."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator

from airflow_provider_mediabatch.media_batch_group import media_batch_group
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator

BASE: dict[str, Any] = {
    "model_name": "MEDIA.PUBLIC.M",
    "compute_pool": "POOL",
    "work_location": "@MEDIA.PUBLIC.WORK/photos/",
    "stage_path": "@MEDIA.PUBLIC.PHOTOS/",
}


def build(**arguments: Any) -> DAG:
    with DAG("photos", schedule=None) as dag:
        media_batch_group(**{**BASE, **arguments})
    return dag


def upstream(dag: DAG, task_id: str) -> set[str]:
    return {name.removeprefix("media_batch.") for name in dag.task_dict[f"media_batch.{task_id}"].upstream_task_ids}


def test_four_tasks_in_a_row() -> None:
    dag = build()
    assert [task_id.removeprefix("media_batch.") for task_id in dag.task_ids] == [
        "list_files",
        "validate_signature",
        "sample_batch",
        "full_batch",
    ]
    assert upstream(dag, "full_batch") == {"list_files", "validate_signature", "sample_batch"}
    plan = dag.task_dict["media_batch.validate_signature"]
    assert plan.output_location == "@MEDIA.PUBLIC.WORK/photos/predictions/"  # type: ignore[union-attr]


def test_unreadable_files_are_isolated_when_told() -> None:
    assert not build().task_dict["media_batch.full_batch"].isolate_failures  # type: ignore[union-attr]
    dag = build(isolate_failures=True, full_kwargs={"max_isolation_jobs": 4})
    full = dag.task_dict["media_batch.full_batch"]
    assert (full.isolate_failures, full.max_isolation_jobs) == (True, 4)  # type: ignore[union-attr]


def test_approval_and_table_are_one_argument_each() -> None:
    dag = build(review="first_run", results_table="MEDIA.PUBLIC.LABELS")
    assert "approve_sample" in upstream(dag, "full_batch")
    assert dag.task_dict["media_batch.full_batch"].requires_approval  # type: ignore[union-attr]
    assert upstream(dag, "load_results") == {"full_batch"}
    assert dag.task_dict["media_batch.approve_sample"].sample_task_id == "media_batch.sample_batch"  # type: ignore[union-attr]


def test_without_a_sample() -> None:
    dag = build(sample_size=None)
    assert "media_batch.sample_batch" not in dag.task_dict
    with pytest.raises(ValueError, match="review needs a sample"):
        build(sample_size=None, review="always")


def test_drift_is_one_argument_of_the_table() -> None:
    dag = build(results_table="MEDIA.PUBLIC.LABELS", max_drift=0.2)
    assert dag.task_dict["media_batch.load_results"].max_drift == 0.2  # type: ignore[union-attr]
    assert build(results_table="T").task_dict["media_batch.load_results"].max_drift is None  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="max_drift compares what is loaded into a table"):
        build(max_drift=0.2)


@pytest.mark.parametrize("how", [{"max_files_per_shard": 100}, {"list_kwargs": {"max_bytes_per_shard": 10**9}}])
def test_shards_are_mapped(how: dict[str, Any]) -> None:
    assert isinstance(build(**how).task_dict["media_batch.full_batch"], MappedOperator)


def test_a_task_s_own_arguments_win() -> None:
    dag = build(full_kwargs={"deferrable": False, "retries": 5}, list_kwargs={"select": "new"})
    full = dag.task_dict["media_batch.full_batch"]
    assert (full.deferrable, full.retries) == (False, 5)  # type: ignore[union-attr]
    assert dag.task_dict["media_batch.list_files"].select == "new"  # type: ignore[union-attr]


def test_default_args_of_the_dag_win_over_what_the_group_was_not_given() -> None:
    with DAG("photos", schedule=None, default_args={"snowflake_conn_id": "other_account", "deferrable": True}) as dag:
        media_batch_group(**BASE, review="always", results_table="MEDIA.PUBLIC.LABELS")
    assert {task.snowflake_conn_id for task in dag.tasks} == {"other_account"}  # type: ignore[attr-defined]
    assert dag.task_dict["media_batch.full_batch"].deferrable  # type: ignore[union-attr]


def test_what_the_group_is_given_wins_over_default_args() -> None:
    with DAG("photos", schedule=None, default_args={"snowflake_conn_id": "other_account", "deferrable": True}) as dag:
        media_batch_group(**BASE, snowflake_conn_id="this_account", deferrable=False)
    assert {task.snowflake_conn_id for task in dag.tasks} == {"this_account"}  # type: ignore[attr-defined]
    assert not dag.task_dict["media_batch.sample_batch"].deferrable  # type: ignore[union-attr]


def test_every_operator_s_own_default_is_kept() -> None:
    full = build().task_dict["media_batch.full_batch"]
    alone = FullBatchOperator(task_id="alone", manifest={}, plan={})
    for name in ("deferrable", "snowflake_conn_id", "isolate_failures"):
        assert getattr(full, name) == getattr(alone, name)
