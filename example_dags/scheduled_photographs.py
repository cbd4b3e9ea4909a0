"""Photographs by the time of their upload, daily or hourly: a run takes its own data interval, and can be repeated.

Shows ``select="interval"`` on a CronDataIntervalTimetable (``@daily`` has an empty data interval) and back-fills, which
a DAG scheduled on assets cannot have::

    airflow backfill create --dag-id daily_photographs --from-date 2026-11-01 --to-date 2026-11-07

Days that are done start no job. To do them once more, and replace their rows::

    airflow backfill create --dag-id daily_photographs --from-date 2026-11-01 --to-date 2026-11-07 \\
        --reprocess-behavior completed --dag-run-conf '{"reprocess": true}'

The ledger is the one that ``new_photographs`` uses: what the one has done the other leaves out.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.EFFICIENTNET_LITE0"
predictions = Asset(name="photograph_predictions", uri="snowflake-table://media/public/photograph_predictions")

for dag_id, cron in (("daily_photographs", "0 0 * * *"), ("hourly_photographs", "0 * * * *")):
    with DAG(
        dag_id=dag_id,
        schedule=CronDataIntervalTimetable(cron, timezone="UTC"),
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        params={"reprocess": False},
        default_args={"retries": 2},  # a retry adopts the job that the first try submitted
        tags=["mediabatch", "images"],
        doc_md=__doc__,
    ):
        files = ListStageFilesOperator(
            task_id="list_files",
            stage_path="@MEDIA.PUBLIC.PHOTOS/inbox/",
            pattern=IMAGES,
            manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
            select="interval",
            model_name=MODEL,
            reprocess="{{ params.reprocess }}",
        )
        plan = ValidateSignatureOperator(
            task_id="validate_signature",
            manifest=files.output,
            model_name=MODEL,
            compute_pool="LOCAL_POOL",
            output_location="@MEDIA.PUBLIC.WORK/predictions/",
        )
        batch = FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output)
        LoadResultsOperator(
            task_id="load_results",
            results=batch.output,
            table="MEDIA.PUBLIC.PHOTOGRAPH_PREDICTIONS",
            outlets=[predictions],
        )
