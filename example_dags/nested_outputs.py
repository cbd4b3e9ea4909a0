"""Nested outputs: a model that answers with ``outputs`` = ``{"text": …, "language": …}``, checked and loaded flat.

Shows checks that look inside the nested column, and a results table with a column for each of its fields.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import RECORDINGS
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

# A nested output arrives as JSON text or as an object: cast to text first, this reads both.
FIELDS = 'PARSE_JSON("outputs"::VARCHAR)'

with DAG(
    dag_id="nested_outputs",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"stage_path": "@MEDIA.PUBLIC.RECORDINGS/demo/"},
    tags=["mediabatch", "speech"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="{{ params.stage_path }}",
        pattern=RECORDINGS,
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name="MEDIA.PUBLIC.WHISPER_TINY_EN",
        ledger=None,  # every run takes every file
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.WHISPER_TINY_EN",
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/nested/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        checks=[f"LENGTH({FIELDS}:text::VARCHAR) > 0", f"{FIELDS}:language::VARCHAR = 'en'"],
    )
    batch = FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
    LoadResultsOperator(
        task_id="load_results", results=batch.output, table="MEDIA.PUBLIC.TRANSCRIPTS", nested={"outputs": "flatten"}
    )
