"""Whisper: recordings on a stage become text; language and task are parameters of the model.

Shows model parameters from the run's own settings, and a sample chosen by size (``edges``: the shortest and the longest
recording are where transcription goes wrong first). Give the run's setting ``transcripts`` a table of recordings and
what is said in them, and the sample and the batch have a word error rate.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import RECORDINGS
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

with DAG(
    dag_id="whisper_transcription",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={
        "stage_path": "@MEDIA.PUBLIC.RECORDINGS/demo/",
        "language": "en",
        "task": "transcribe",
        "max_failed_fraction": 0.1,
        "transcripts": "",
    },
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
        model_params={"language": "{{ params.language }}", "task": "{{ params.task }}"},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/transcripts/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        sample_size=4,
        sampling="edges",
        labels="{{ params.transcripts }}",
        isolate_failures=True,
    )
    FullBatchOperator(
        task_id="full_batch",
        manifest=files.output,
        plan=plan.output,
        sample=sample.output,
        labels="{{ params.transcripts }}",
        isolate_failures=True,  # for a recording that ends the model's process: the others are finished
        max_failed_fraction="{{ params.max_failed_fraction }}",
    )
