"""A model that cannot read every file, under a scheduler and a triggerer."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.LIVE_MODEL"

with DAG(dag_id="live_isolation", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="@MEDIA.PUBLIC.LIVE_ISOLATION/",
        manifest_location="@MEDIA.PUBLIC.LIVE_WORK/manifests/",
        model_name=MODEL,
        select="new",
        ledger="MEDIA.PUBLIC.LIVE_ISOLATION_LEDGER",
    )
    plan = ValidateSignatureOperator(
        task_id="validate",
        manifest=files.output,
        model_name=MODEL,
        model_params={"mode": "picky"},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.LIVE_WORK/LIVE_ISOLATION/",
        inference_spec={"num_workers": 1},
    )
    full = FullBatchOperator(
        task_id="full",
        manifest=files.output,
        plan=plan.output,
        deferrable=True,
        poll_interval=1,
        isolate_failures=True,
        max_isolation_jobs=2,
        max_failed_fraction=0.3,
    )
    LoadResultsOperator(task_id="load", results=full.output, table="MEDIA.PUBLIC.LIVE_ISOLATION_RESULTS")
