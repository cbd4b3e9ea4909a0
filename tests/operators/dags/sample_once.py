"""A sample that a later run uses again."""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

NAME = os.environ.get("SAMPLE_ONCE_NAME", "SAMPLE_ONCE")
MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"

with DAG("sample_once", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="{{ dag_run.conf['files'] }}",
        manifest_location="@MEDIA.PUBLIC.OP_WORK/manifests/",
        model_name=MODEL,
        ledger=None,
        extra_columns={"PROMPT": "'{{ dag_run.conf.get('prompt', 'a cat?') }}'"},
    )
    plan = ValidateSignatureOperator(
        task_id="validate",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location=f"@MEDIA.PUBLIC.OP_WORK/{NAME}/{{{{ run_id | length }}}}/",
        inference_spec={"num_workers": 1},
    )
    sample = SampleBatchOperator(
        task_id="sample",
        manifest=files.output,
        plan=plan.output,
        sample_size=1,
        checks=["{{ dag_run.conf.get('check', '\"size\" > 0') }}"],
        when="changed",
        deferrable=False,
        poll_interval=0.2,
    )
    FullBatchOperator(
        task_id="full",
        manifest=files.output,
        plan=plan.output,
        sample=sample.output,
        deferrable=False,
        poll_interval=0.2,
    )
