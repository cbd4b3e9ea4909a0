"""Hugging Face: CLIP turns pictures into embeddings, for search by likeness.

Shows an array as a model's output, checked for being there and loaded into a results table to search in. (A custom
model logs it: ``airflow_provider_mediabatch.demo.huggingface``.)
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

with DAG(
    dag_id="huggingface_clip",
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
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name="MEDIA.PUBLIC.CLIP",
        ledger=None,  # every run takes every file
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.CLIP",
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/clip/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        sample_size=2,
        checks=["ARRAY_SIZE(PARSE_JSON(EMBEDDING::VARCHAR)) > 0"],
    )
    batch = FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
    LoadResultsOperator(task_id="load_results", results=batch.output, table="MEDIA.PUBLIC.EMBEDDINGS")
