"""The four tasks over a stage of the bench, deferred and in place."""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

for dag_id, deferrable in (("deferred", True), ("in_place", False)):
    with DAG(dag_id=dag_id, schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as in_place:
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
            poll_interval=0.5,
        )
        FullBatchOperator(
            task_id="full_batch",
            manifest=files.output,
            plan=plan.output,
            sample=sample.output,
            deferrable=deferrable,
            poll_interval=0.5,
        )
