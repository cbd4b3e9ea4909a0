"""New photographs become predictions minutes after they are uploaded: the stage is watched, each upload makes an event.

Shows a stage as an asset (``stage_asset``), ``select="new"``, shards, a results table and the asset event that says
"predictions are there". The event only says that there is something to do; what to do is what the ledger does not have
as done. The schedule beside the asset takes what an event missed, such as uploads while the DAG was paused.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable

from airflow_provider_mediabatch.assets.stage import stage_asset
from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.EFFICIENTNET_LITE0"
INBOX = "@MEDIA.PUBLIC.PHOTOS/inbox/"

# Five seconds suit a demonstration; half a minute, the default, is kinder to an account with many stages.
uploads = stage_asset(INBOX, pattern=IMAGES, poll_interval=5, settle=3)
predictions = Asset(name="photograph_predictions", uri="snowflake-table://media/public/photograph_predictions")

with DAG(
    dag_id="new_photographs",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("30 2 * * *", timezone="UTC"), assets=[uploads]),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2},  # a retry adopts the job that the first try submitted
    tags=["mediabatch", "images", "events"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path=INBOX,
        pattern=IMAGES,
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        select="new",
        model_name=MODEL,
        max_files_per_shard=10_000,
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/predictions/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        checks=["SCORE BETWEEN 0 AND 1"],
        isolate_failures=True,
    )
    batches = FullBatchOperator.partial(
        task_id="full_batch",
        plan=plan.output,
        sample=sample.output,
        isolate_failures=True,  # for a picture that ends the model's process: the others are finished
    ).expand(manifest=files.output)
    LoadResultsOperator(
        task_id="load_results",
        results=batches.output,
        table="MEDIA.PUBLIC.PHOTOGRAPH_PREDICTIONS",
        outlets=[predictions],
    )
