"""A new version of a model on files that an earlier version has done: a person sees what changes before it runs on all.

Shows ``compare_with="previous"``: the sample is compared with the results table's rows of the version that had the
files last, and ``min_agreement=`` stops a run whose results are mostly others. Trigger it with the new version's name::

    airflow dags trigger new_model_version --conf '{"version": "V2"}'

With ``review="first_run"`` in the task group a person is asked as well, with both results under each picture.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.media_batch_group import media_batch_group

with DAG(
    dag_id="new_model_version",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"model": "MEDIA.PUBLIC.EFFICIENTNET_LITE0", "version": "V1"},
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    media_batch_group(
        stage_path="@MEDIA.PUBLIC.PHOTOS/compared/",
        pattern=IMAGES,
        model_name="{{ params.model }}",
        version_name="{{ params.version }}",
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.WORK/compared/",
        select="new",  # for a new version every file is new
        results_table="MEDIA.PUBLIC.COMPARED_PREDICTIONS",
        compare_with="previous",
        sample_kwargs={"min_agreement": 0.5},
    )
