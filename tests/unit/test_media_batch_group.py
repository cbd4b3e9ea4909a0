"""The task group's tasks and wires."""

from __future__ import annotations

import re
from typing import Any

import pytest
from airflow.sdk import DAG, TaskGroup
from airflow.sdk.definitions.mappedoperator import MappedOperator

from airflow_provider_mediabatch.media_batch_group import media_batch_group
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator

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


def test_default_args_reach_every_task_and_a_mapped_one() -> None:
    given = {
        "retries": 4,
        "pool": "media",
        "snowflake_conn_id": "other_account",
        "deferrable": True,
        "poll_interval": 2.0,
        "sample_size": 7,
        "sampling": "random",
        "output_location": "@OTHER/",
    }
    with DAG("photos", schedule=None, default_args=given) as dag:
        media_batch_group(**BASE, review="always", max_files_per_shard=10, results_table="MEDIA.PUBLIC.LABELS")
    for task in dag.tasks:
        assert (task.retries, task.pool) == (4, "media")
    sample: Any = dag.task_dict["media_batch.sample_batch"]
    assert (sample.sample_size, sample.sampling, sample.poll_interval) == (7, "random", 2.0)
    plan: Any = dag.task_dict["media_batch.validate_signature"]
    assert plan.output_location == "@OTHER/"
    full: Any = dag.task_dict["media_batch.full_batch"]
    one = full.unmap({"manifest": {}})
    assert (one.snowflake_conn_id, one.deferrable, one.poll_interval) == ("other_account", True, 2.0)
    assert (one.retries, one.pool, one.output_location) == (4, "media", "@OTHER/")


def test_default_args_of_a_group_around_count_too() -> None:
    with DAG("photos", schedule=None) as dag, TaskGroup("around", default_args={"sampling": "edges"}):
        media_batch_group(**BASE, review="always")
    sample: Any = dag.task_dict["around.media_batch.sample_batch"]
    assert sample.sampling == "edges"


def test_the_groups_own_choice_without_default_args() -> None:
    sample: Any = build(review="always").task_dict["media_batch.sample_batch"]
    assert (sample.sampling, sample.sample_size) == ("spread", 3)


class Quick(FullBatchOperator):
    """A user's own subclass."""

    def __init__(self, *, speed: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.speed = speed


def test_default_args_reach_a_subclass_mapped_or_not() -> None:
    given = {"deferrable": True, "max_failed_fraction": 0.5, "snowflake_conn_id": "other_account", "speed": 9}
    with DAG("photos", schedule=None, default_args=given):
        alone = Quick(task_id="alone", manifest={}, plan={})
        mapped: Any = Quick.partial(task_id="mapped", plan={}, max_failed_fraction=0.2).expand(manifest=[{}])
    assert (alone.deferrable, alone.max_failed_fraction, alone.speed) == (True, 0.5, 9)
    one = mapped.unmap({"manifest": {}})
    assert (one.deferrable, one.max_failed_fraction, one.speed) == (True, 0.2, 9)
    assert alone.snowflake_conn_id == one.snowflake_conn_id == "other_account"


def listing(**arguments: Any) -> ListStageFilesOperator:
    return ListStageFilesOperator(task_id="list_files", stage_path="@S/", manifest_location="@W/", **arguments)


def test_mapping_over_a_listing_without_shards_is_refused_in_the_dag_file() -> None:
    says = (
        "Task full maps over the output of list_files. expand() maps over a list, and the upstream task returns one "
        "manifest: give its ListStageFilesOperator max_files_per_shard= or max_bytes_per_shard="
    )
    with DAG("photos", schedule=None), pytest.raises(ValueError, match=re.escape(says)):
        FullBatchOperator.partial(task_id="full", plan={}).expand(manifest=listing().output)


@pytest.mark.parametrize(
    "how",
    [
        {"max_files_per_shard": 5},
        {"max_bytes_per_shard": "{{ params.bytes }}"},
        {"default_args": {"max_files_per_shard": 5}},
    ],
)
def test_mapping_over_shards_is_taken(how: dict[str, Any]) -> None:
    with DAG("photos", schedule=None) as dag:
        files = listing(**how)
        FullBatchOperator.partial(task_id="full", plan={}).expand(manifest=files.output)
    assert dag.task_dict["full"].upstream_task_ids == {"list_files"}


def test_a_listing_may_be_used_unmapped_beside_a_mapped_task() -> None:
    with DAG("photos", schedule=None) as dag:
        files = listing()
        FullBatchOperator.partial(task_id="full", plan={}, sample=files.output).expand(manifest=[{}, {}])
    assert dag.task_dict["full"].upstream_task_ids == {"list_files"}


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
