"""Uploads to a stage start runs; a back-fill takes each day's uploads. For a really running Airflow."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable

from airflow_provider_mediabatch.assets.stage import stage_asset
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

START = pendulum.datetime(2026, 1, 1, tz="UTC")
MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"
PREDICTIONS = Asset(name="live_predictions", uri="x-table://live/predictions")


def flow(name: str, select: str) -> None:
    """List, validate, run, load."""
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path=f"@MEDIA.PUBLIC.{name}/",
        manifest_location="@MEDIA.PUBLIC.OP_WORK/manifests/",
        select=select,
        model_name=MODEL,
        ledger=f"MEDIA.PUBLIC.{name}_LEDGER",
        reprocess="{{ dag_run.conf.get('reprocess', False) }}",
    )
    plan = ValidateSignatureOperator(
        task_id="validate",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location=f"@MEDIA.PUBLIC.OP_WORK/{name}/",
        inference_spec={"num_workers": 1},
    )
    result = FullBatchOperator(
        task_id="full", manifest=files.output, plan=plan.output, poll_interval=1, deferrable=True
    )
    LoadResultsOperator(
        task_id="load", results=result.output, table=f"MEDIA.PUBLIC.{name}_RESULTS", outlets=[PREDICTIONS]
    )


UPLOADS = stage_asset("@MEDIA.PUBLIC.LIVE_UPLOADS/", pattern=".*[.]bin", poll_interval=2, settle=1)

with DAG(dag_id="live_new_files", schedule=[UPLOADS], start_date=START, max_active_runs=1):
    flow("LIVE_UPLOADS", "new")

with DAG(
    dag_id="live_by_day",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
):
    flow("LIVE_DAYS", "interval")
