"""Video: frames spread over each video are classified; how many is a parameter of the model.

Shows large files in few rows: small batches (``max_batch_rows``), so that a worker holds few videos at once.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import VIDEOS
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

with DAG(
    dag_id="video_frames",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"stage_path": "@MEDIA.PUBLIC.VIDEOS/demo/", "frames": 4},
    render_template_as_native_obj=True,
    tags=["mediabatch", "video"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="{{ params.stage_path }}",
        pattern=VIDEOS,
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name="MEDIA.PUBLIC.VIDEO_FRAMES",
        ledger=None,  # every run takes every file
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.VIDEO_FRAMES",
        model_params={"frames": "{{ params.frames }}"},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/videos/",
        inference_spec={"max_batch_rows": 2},
    )
    sample = SampleBatchOperator(
        task_id="sample_batch", manifest=files.output, plan=plan.output, sample_size=1, checks=["SECONDS > 0"]
    )
    FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
