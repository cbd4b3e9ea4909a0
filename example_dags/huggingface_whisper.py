"""Hugging Face: Whisper transcribes recordings, as a pipeline that snowflake-ml logs by itself.

Shows a model that answers with one object for each recording (``outputs`` with ``text`` and, with timestamps,
``chunks``), loaded into a table with a column for each of its fields. Whisper refuses recordings of more than 30
seconds unless it is asked for timestamps.
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

with DAG(
    dag_id="huggingface_whisper",
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
        model_name="MEDIA.PUBLIC.WHISPER",
        ledger=None,  # every run takes every file
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.WHISPER",
        # The signature wants a text: "word" gives the times of words, any other one those of sentences.
        model_params={"return_timestamps": "sentence"},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/whisper/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        sample_size=2,
        sampling="edges",  # the shortest and the longest recording
        checks=['LENGTH(PARSE_JSON("outputs"::VARCHAR):text::VARCHAR) > 0'],
        isolate_failures=True,  # the pipeline raises for a file that is no recording
    )
    batch = FullBatchOperator(
        task_id="full_batch",
        manifest=files.output,
        plan=plan.output,
        sample=sample.output,
        isolate_failures=True,
    )
    LoadResultsOperator(
        task_id="load_results", results=batch.output, table="MEDIA.PUBLIC.WHISPERED", nested={"outputs": "flatten"}
    )
