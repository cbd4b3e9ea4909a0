"""Every operator once, as the page of statements shows what they send."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.media_batch_group import media_batch_group
from airflow_provider_mediabatch.sensors.stage_files import StageFilesSensor

with DAG(dag_id="every_operator", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
    ready = StageFilesSensor(task_id="ready", stage_path="@MEDIA.PUBLIC.OP_FILES/in/")
    group = media_batch_group(
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.OP_WORK/every/",
        stage_path="@MEDIA.PUBLIC.OP_FILES/in/",
        model_name="MEDIA.PUBLIC.OP_FILE_MODEL",
        select="new",
        checks=['"size" > 0'],
        max_files_per_shard=6,
        isolate_failures=True,
        results_table="MEDIA.PUBLIC.EVERY_RESULT",
        list_kwargs={"ledger": "MEDIA.PUBLIC.EVERY_LEDGER", "min_files": 1},
    )
    ready >> group
