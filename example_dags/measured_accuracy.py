"""Photographs with known labels: the sample and the full run say how right the model is.

Shows ``labels=`` with a table of expected labels, and ``min_accuracy=``, below which the sample stops the run. Only
some of the photographs have a label. The others are counted and left out of the measure. The table is made with
``CREATE TABLE MEDIA.PUBLIC.PHOTO_LABELS (FILE VARCHAR, LABEL VARCHAR)``.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.media_batch_group import media_batch_group

with DAG(
    dag_id="measured_accuracy",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"labels": "MEDIA.PUBLIC.PHOTO_LABELS"},
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    media_batch_group(
        stage_path="@MEDIA.PUBLIC.PHOTOS/demo/",
        pattern=IMAGES,
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.WORK/measured/",
        sample_size=6,
        labels="{{ params.labels }}",
        min_accuracy=0.6,
        list_kwargs={"ledger": None},  # every run takes every file
    )
