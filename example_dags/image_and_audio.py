"""Two files in a row: a picture and the recording that belongs to it, paired by their names (``cat.png``, ``cat.wav``).

Shows several file columns, and files without partner being left out and counted instead of failing the run.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES, any_case
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

with DAG(
    dag_id="image_and_audio",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"images": "@MEDIA.PUBLIC.PAIRS/images/", "sounds": "@MEDIA.PUBLIC.PAIRS/sounds/"},
    tags=["mediabatch", "images", "audio"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        columns={
            "IMAGE": {"stage_path": "{{ params.images }}", "pattern": IMAGES},
            "AUDIO": {"stage_path": "{{ params.sounds }}", "pattern": any_case("wav")},
        },
        unmatched="drop",
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.PICTURE_AND_SOUND",
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/pairs/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch", manifest=files.output, plan=plan.output, sample_size=1, checks=["SECONDS > 0"]
    )
    FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
