"""The tasks over a stage of the bench, deferred and in place, and one that does nothing."""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, BaseOperator

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator


class Nothing(BaseOperator):
    """What every task's process takes."""

    def execute(self, context: object) -> None:
        """Return at once."""


for dag_id, deferrable in (("deferred", True), ("in_place", False)):
    with DAG(dag_id=dag_id, schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as in_place:
        Nothing(task_id="nothing")
        files = ListStageFilesOperator(
            task_id="list_files",
            stage_path=os.environ.get("BENCH_STAGE", "@MEDIA.PUBLIC.MEDIA/"),
            manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
            column_name="IMAGE",
            model_name="MEDIA.PUBLIC.INSTANT",
            ledger=None,
        )
        plan = ValidateSignatureOperator(
            task_id="validate_signature",
            manifest=files.output,
            model_name="MEDIA.PUBLIC.INSTANT",
            compute_pool="LOCAL_POOL",
            output_location="@MEDIA.PUBLIC.WORK/predictions/",
            inference_spec={"num_workers": 1},
        )
        sample = SampleBatchOperator(
            task_id="sample_batch",
            manifest=files.output,
            plan=plan.output,
            deferrable=deferrable,
            defer_after=0,
            poll_interval=0.5,
        )
        full = FullBatchOperator(
            task_id="full_batch",
            manifest=files.output,
            plan=plan.output,
            sample=sample.output,
            deferrable=deferrable,
            defer_after=0,
            poll_interval=0.5,
        )
        LoadResultsOperator(task_id="load_results", results=full.output, table="MEDIA.PUBLIC.PIPELINE_RESULTS")
