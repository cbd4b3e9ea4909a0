"""Hugging Face: a detector (YOLOS, DETR) draws boxes around the things in pictures, a list of boxes for each picture.

Shows a parameter that a run can set (``threshold``), checks that look into a list of objects, and a results table whose
lists plain SQL unfolds to a row for each box (the page "Hugging Face models" has the statement). A picture in which
nothing is found has an empty list.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

# A nested output arrives as JSON text or as an object: cast to text first, this reads both.
BOXES = 'PARSE_JSON("detections"::VARCHAR)'

with DAG(
    dag_id="huggingface_detection",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"stage_path": "@MEDIA.PUBLIC.PHOTOS/demo/", "threshold": 0.5},
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="{{ params.stage_path }}",
        pattern=IMAGES,
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name="MEDIA.PUBLIC.YOLOS",
        ledger=None,  # every run takes every file
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.YOLOS",
        model_params={"threshold": "{{ params.threshold }}"},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/detections/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        sample_size=2,
        checks=[
            f"ARRAY_SIZE({BOXES}) <= 100",
            f"COALESCE({BOXES}[0]:box:xmax::INTEGER >= {BOXES}[0]:box:xmin::INTEGER, TRUE)",
        ],
        isolate_failures=True,  # the pipeline raises for a file that is no picture
    )
    batch = FullBatchOperator(
        task_id="full_batch",
        manifest=files.output,
        plan=plan.output,
        sample=sample.output,
        isolate_failures=True,
    )
    LoadResultsOperator(task_id="load_results", results=batch.output, table="MEDIA.PUBLIC.DETECTIONS")
