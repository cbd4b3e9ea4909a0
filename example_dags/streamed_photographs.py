"""New photographs on a stage of a million become predictions, and the stage is not listed for it.

Shows ``stage_asset`` with ``source="stream"``: a stream on the stage's directory table says what has come. Before the
DAG is switched on, somebody makes both:

    CREATE STAGE MEDIA.PUBLIC.ARRIVALS
        DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE');
    CREATE STREAM MEDIA.PUBLIC.PHOTOGRAPH_ARRIVALS ON STAGE MEDIA.PUBLIC.ARRIVALS;

With ``AUTO_REFRESH = TRUE`` among the options of DIRECTORY, Snowflake refreshes the directory table. Where it does not,
whoever uploads says ``ALTER STAGE MEDIA.PUBLIC.ARRIVALS REFRESH`` afterwards. The run, too, reads the directory table
(``source="directory"``) and not the storage.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from airflow_provider_mediabatch.assets.stage import stage_asset
from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.EFFICIENTNET_LITE0"
ARRIVALS = "@MEDIA.PUBLIC.ARRIVALS/"

uploads = stage_asset(
    ARRIVALS, pattern=IMAGES, poll_interval=10, settle=3, source="stream", stream="PHOTOGRAPH_ARRIVALS"
)

with DAG(
    dag_id="streamed_photographs",
    # The schedule takes what an event missed, such as uploads while the DAG was paused.
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("30 2 * * *", timezone="UTC"), assets=[uploads]),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2},  # a retry adopts the job that the first try submitted
    tags=["mediabatch", "images", "events"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path=ARRIVALS,
        pattern=IMAGES,
        source="directory",
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        select="new",
        model_name=MODEL,
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/predictions/",
    )
    batch = FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output)
    LoadResultsOperator(task_id="load_results", results=batch.output, table="MEDIA.PUBLIC.ARRIVAL_PREDICTIONS")
