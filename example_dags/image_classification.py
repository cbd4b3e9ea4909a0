"""Image classification, daily: each photograph on a stage gets a label, after a sample was run and checked.

Shows the four operators in a row, a schedule with a data interval, and a run's own settings (``params``).
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronDataIntervalTimetable

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

with DAG(
    dag_id="image_classification",
    schedule=CronDataIntervalTimetable("0 4 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 2},
    params={"stage_path": "@MEDIA.PUBLIC.PHOTOS/demo/", "max_failed_fraction": 0.1},
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="{{ params.stage_path }}",
        pattern=IMAGES,
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        ledger=None,  # every run takes every file
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/predictions/",
        inference_spec={"num_workers": 1, "max_batch_rows": 64},
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        sample_size=10,
        checks=["LENGTH(LABEL) > 0", "SCORE BETWEEN 0 AND 1"],
        isolate_failures=True,
        max_isolation_jobs=16,
    )
    FullBatchOperator(
        task_id="full_batch",
        manifest=files.output,
        plan=plan.output,
        sample=sample.output,
        isolate_failures=True,  # for a picture that ends the model's process: the others are finished
        max_isolation_jobs=16,
        max_failed_fraction="{{ params.max_failed_fraction }}",
    )
