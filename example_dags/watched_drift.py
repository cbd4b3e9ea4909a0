"""New photographs into a table, unless their predictions differ too much from those of the last runs.

Shows ``max_drift=``: label shares, scores and NULL of each run are compared with the last 30 runs before anything is
loaded. A run of other pictures, such as scans in place of photographs, fails with what moved, and the table stays as it
is. With ``load_kwargs={"on_drift": "warn"}`` it would be loaded with a warning.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.media_batch_group import media_batch_group

with DAG(
    dag_id="watched_drift",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    max_active_runs=1,
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    media_batch_group(
        stage_path="@MEDIA.PUBLIC.PHOTOS/watched/",
        pattern=IMAGES,
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.WORK/watched/",
        select="new",
        results_table="MEDIA.PUBLIC.WATCHED_PREDICTIONS",
        max_drift=0.2,
    )
