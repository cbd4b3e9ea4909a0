"""Uploads start runs, a back-fill takes each day's uploads, a sensor waits for an upload to end."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable

from airflow_provider_mediabatch.assets.stage import stage_asset
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.job_task import DEFER_AFTER
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator
from airflow_provider_mediabatch.sensors.stage_files import StageFilesSensor

START = pendulum.datetime(2026, 1, 1, tz="UTC")
MODEL = "MEDIA.PUBLIC.LIVE_MODEL"
PATTERN = ".*[.]bin"
# As any DAG should: when a trigger fires before the scheduler has heard of the deferral, Airflow fails the task. Its
# next try adopts the job of the first, which is part of what is tested: every file once.
RETRIES = {"retries": 2, "retry_delay": pendulum.duration(seconds=1)}
PREDICTIONS = Asset(name="live_predictions", uri="x-table://live/predictions")


def flow(stage: str, select: str) -> ListStageFilesOperator:
    """List, validate, run, load: with a ledger and a results table of the stage's own."""
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path=f"@MEDIA.PUBLIC.{stage}/",
        pattern=PATTERN,
        manifest_location="@MEDIA.PUBLIC.LIVE_WORK/manifests/",
        select=select,
        model_name=MODEL,
        ledger=f"MEDIA.PUBLIC.{stage}_LEDGER",
        reprocess="{{ dag_run.conf.get('reprocess', False) }}",
    )
    plan = ValidateSignatureOperator(
        task_id="validate",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location=f"@MEDIA.PUBLIC.LIVE_WORK/{stage}/",
        inference_spec={"num_workers": 1},
    )
    result = FullBatchOperator(
        task_id="full",
        manifest=files.output,
        plan=plan.output,
        poll_interval=1,
        deferrable=True,
        defer_after=0 if stage == "LIVE_KILLS" else DEFER_AFTER,  # there a triggerer is killed that waits for a job
    )
    LoadResultsOperator(
        task_id="load", results=result.output, table=f"MEDIA.PUBLIC.{stage}_RESULTS", outlets=[PREDICTIONS]
    )
    return files


for stage, settle in (("LIVE_UPLOADS", 2), ("LIVE_KILLS", 5), ("LIVE_PAUSE", 2)):
    uploads = stage_asset(f"@MEDIA.PUBLIC.{stage}/", pattern=PATTERN, poll_interval=2, settle=settle)
    with DAG(dag_id=stage.lower(), schedule=[uploads], start_date=START, default_args=RETRIES):
        flow(stage, "new")

streamed = stage_asset(
    "@MEDIA.PUBLIC.LIVE_STREAM/",
    pattern=PATTERN,
    poll_interval=2,
    settle=2,
    source="stream",
    stream="LIVE_STREAM_CHANGES",
)
with DAG(dag_id="live_stream", schedule=[streamed], start_date=START, default_args=RETRIES):
    flow("LIVE_STREAM", "new")

with DAG(
    dag_id="live_days",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    default_args=RETRIES,
):
    flow("LIVE_DAYS", "interval")

with DAG(dag_id="live_bursts", schedule="@continuous", max_active_runs=1, start_date=START, default_args=RETRIES):
    wait = StageFilesSensor(
        task_id="wait",
        stage_path="@MEDIA.PUBLIC.LIVE_BURSTS/",
        pattern=PATTERN,
        settle=6,
        model_name=MODEL,
        ledger="MEDIA.PUBLIC.LIVE_BURSTS_LEDGER",
        poke_interval=2,
        deferrable=True,
    )
    wait >> flow("LIVE_BURSTS", "new")
