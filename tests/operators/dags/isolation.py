"""A model that raises for some files: these are quarantined, the others are finished."""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

NAME = os.environ.get("ISOLATION_NAME", "ISOLATION")
MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"

for dag_id, deferrable, sampled in (
    ("isolate_in_place", False, False),
    ("isolate_deferred", True, False),
    ("isolate_sampled", True, True),
):
    with DAG(dag_id=dag_id, schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
        files = ListStageFilesOperator(
            task_id="list_files",
            stage_path=f"@MEDIA.PUBLIC.{NAME}/",
            manifest_location="@MEDIA.PUBLIC.OP_WORK/manifests/",
            model_name=MODEL,
            select="new",
            if_empty="succeed",
            ledger=f"MEDIA.PUBLIC.{NAME}_LEDGER",
        )
        plan = ValidateSignatureOperator(
            task_id="validate",
            manifest=files.output,
            model_name=MODEL,
            model_params={"mode": "picky"},
            compute_pool="LOCAL_POOL",
            output_location=f"@MEDIA.PUBLIC.OP_WORK/{NAME}/",
            inference_spec={"num_workers": 1, "max_batch_rows": 2},
        )
        sample = (
            SampleBatchOperator(
                task_id="sample",
                manifest=files.output,
                plan=plan.output,
                deferrable=deferrable,
                defer_after=0,
                poll_interval=0.3,
                isolate_failures=True,
            )
            if sampled
            else None
        )
        full = FullBatchOperator(
            task_id="full",
            manifest=files.output,
            plan=plan.output,
            sample=sample and sample.output,
            deferrable=deferrable,
            defer_after=0,
            poll_interval=0.3,
            timeout=300,
            isolate_failures=True,
            max_failed_fraction="{{ dag_run.conf.get('fraction', 0.1) }}",
            retries=1,
            retry_delay=pendulum.duration(seconds=0),
        )
        LoadResultsOperator(task_id="load", results=full.output, table=f"MEDIA.PUBLIC.{NAME}_RESULTS")
