"""Which tasks of a serialized DAG are of our operators."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_mediabatch.media_batch_group import media_batch_group
from airflow_provider_mediabatch.operators.approve_sample import ApproveSampleOperator
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator
from airflow_provider_mediabatch.review.serialized_tasks import SerializedTask, our_tasks


class OwnFullBatch(FullBatchOperator):
    """A user's subclass, in a module of the user's own."""


@task
def full_batch(value: Any) -> Any:
    """Another class under a telling name."""
    return value


def serialized(dag: DAG) -> dict[str, SerializedTask]:
    return our_tasks(DagSerialization.to_dict(dag))


def test_our_operators_and_their_subclasses_are_ours() -> None:
    with DAG("d", schedule=None) as dag:
        ListStageFilesOperator(task_id="list", stage_path="@A.B.C/", manifest_location="@A.B.W/")
        ValidateSignatureOperator(
            task_id="validate", manifest="m", model_name="M", compute_pool="P", output_location="@A.B.O/"
        )
        FullBatchOperator(task_id="full", manifest="m", plan="p", snowflake_conn_id="one")
        OwnFullBatch(task_id="own", manifest="m", plan="p")
        full_batch({"kind": "BatchResult"})
    assert set(serialized(dag)) == {"list", "validate", "full", "own"}


def test_the_connection_is_the_one_that_the_dag_names_and_never_a_default() -> None:
    with DAG("d", schedule=None) as dag:
        FullBatchOperator(task_id="given", manifest="m", plan="p", snowflake_conn_id="one")
        FullBatchOperator(task_id="unnamed", manifest="m", plan="p")
        FullBatchOperator(task_id="template", manifest="m", plan="p", snowflake_conn_id="{{ params.conn }}")
        FullBatchOperator.partial(task_id="mapped", plan="p", snowflake_conn_id="one").expand(manifest=["a", "b"])
        FullBatchOperator.partial(task_id="mapped_unnamed", plan="p").expand(manifest=["a", "b"])
        FullBatchOperator.partial(task_id="each", plan="p", snowflake_conn_id="one").expand_kwargs(
            [{"manifest": "a", "snowflake_conn_id": "two"}]
        )
    assert {name: found.conn_id for name, found in serialized(dag).items()} == {
        "given": "one",
        "unnamed": "snowflake_default",  # what the operator itself uses, as the DAG processor recorded it
        "template": None,
        "mapped": "one",
        "mapped_unnamed": None,
        "each": None,
    }


def test_the_kind_of_a_task_is_that_of_its_operator_mapped_or_not() -> None:
    with DAG("d", schedule=None) as dag:
        media_batch_group(
            stage_path="@A.B.C/",
            model_name="A.B.M",
            compute_pool="P",
            work_location="@A.B.W/",
            review="always",
            results_table="T",
            max_files_per_shard=10,
        )
        OwnFullBatch(task_id="own", manifest="m", plan="p")
    found = serialized(dag)
    assert {name.removeprefix("media_batch."): task.kind.value for name, task in found.items()} == {
        "list_files": "listing",
        "validate_signature": "validation",
        "sample_batch": "sample",
        "approve_sample": "approval",
        "full_batch": "full batch",
        "load_results": "load",
        "own": "full batch",
    }


def test_an_approval_asks_about_the_sample_before_it() -> None:
    with DAG("d", schedule=None) as dag:
        samples = [SampleBatchOperator(task_id=name, manifest="m", plan="p") for name in ("a", "b", "c")]
        asks = ApproveSampleOperator(task_id="asks", sample=samples[1].output, manifest="m")
        samples[0] >> asks
        ApproveSampleOperator(task_id="alone", sample="{}", manifest="m")
    assert {name: task.sample for name, task in serialized(dag).items() if task.kind == "approval"} == {
        "asks": "b",
        "alone": None,
    }
