"""Models that take pictures as text: base64, and data URLs with their media type.

Shows ``function_name`` (two functions of one model) and ``column_handling``: an input of type STRING is given base64
unless the plan asks for a data URL. One listing feeds both.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.EFFICIENTNET_ENCODED"

with DAG(
    dag_id="encoded_images",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"stage_path": "@MEDIA.PUBLIC.PHOTOS/demo/"},
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="{{ params.stage_path }}",
        pattern=IMAGES,
        column_name="IMAGE",
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
    )
    for function, encoding in (("predict_base64", "BASE64"), ("predict_data_url", "BASE64_DATA_URL")):
        plan = ValidateSignatureOperator(
            task_id=f"validate_{function}",
            manifest=files.output,
            model_name=MODEL,
            function_name=function,
            column_handling={"IMAGE": {"convert_to": encoding}},
            compute_pool="LOCAL_POOL",
            output_location="@MEDIA.PUBLIC.WORK/encoded/",
        )
        sample = SampleBatchOperator(
            task_id=f"sample_{function}", manifest=files.output, plan=plan.output, sample_size=1
        )
        FullBatchOperator(task_id=f"full_{function}", manifest=files.output, plan=plan.output, sample=sample.output)
