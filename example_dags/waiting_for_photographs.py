"""A run for each delivery of photographs: a sensor waits until ten new ones are there and their upload is over.

Fewer than ten wait for an hour at most. Each job pays for a start, so that small deliveries share one.

Shows ``StageFilesSensor`` on the ledger, deferred, in a DAG that always has one run: the next one waits as soon as this
one has ended. A run that fails gives its files back, and the next one takes them at once; after three failures Airflow
pauses the DAG.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.media_batch_group import media_batch_group
from airflow_provider_mediabatch.sensors.stage_files import StageFilesSensor

MODEL = "MEDIA.PUBLIC.EFFICIENTNET_LITE0"
DELIVERIES = "@MEDIA.PUBLIC.PHOTOS/deliveries/"

with DAG(
    dag_id="waiting_for_photographs",
    schedule="@continuous",
    max_active_runs=1,
    max_consecutive_failed_dag_runs=3,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},  # a retry adopts the job that the first try submitted
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    delivered = StageFilesSensor(
        task_id="delivered",
        stage_path=DELIVERIES,
        pattern=IMAGES,
        min_files=10,
        max_delay=3600,
        settle=30,
        model_name=MODEL,
        deferrable=True,
        poke_interval=60,
    )
    delivered >> media_batch_group(
        stage_path=DELIVERIES,
        pattern=IMAGES,
        select="new",
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.WORK/",
        checks=["SCORE BETWEEN 0 AND 1"],
        results_table="MEDIA.PUBLIC.DELIVERED_PREDICTIONS",
        deferrable=True,
    )
