"""Candidate labels out of a table: what each picture is asked stands in a catalogue of the team's.

Shows ``join``: the expressions of ``extra_columns`` use columns of a table whose first column names the files, here by
their stems. A picture that the catalogue lacks is asked for the usual labels. When the catalogue changes, the pictures
concerned are new work, because the labels belong to a file's identity. The table is made with
``CREATE TABLE MEDIA.PUBLIC.CANDIDATES (STEM VARCHAR, LABELS ARRAY)``.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.EFFICIENTNET_CANDIDATES"

with DAG(
    dag_id="catalogued_labels",
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
        join="SELECT STEM, LABELS FROM MEDIA.PUBLIC.CANDIDATES",
        extra_columns={"CANDIDATE_LABELS": "COALESCE(LABELS, ARRAY_CONSTRUCT('espresso', 'daisy', 'palace', 'cat'))"},
        identity_columns=["CANDIDATE_LABELS"],
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name=MODEL,
        select="new",
        ledger="MEDIA.PUBLIC.CATALOGUED_LEDGER",
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/catalogued/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch", manifest=files.output, plan=plan.output, sample_size=1, checks=["SCORE > 0"]
    )
    FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
