"""Candidate labels: each picture is asked for one of some labels, in the style of zero-shot models.

Shows ``extra_columns``: columns beside the listed files, made by SQL on the server. ``CANDIDATE_LABELS`` is an input of
the model and belongs to a file's identity, so other labels make the files new. ``FILE_NAME`` is not an input and comes
back beside the predictions.
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
    dag_id="candidate_labels",
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
        extra_columns={
            "CANDIDATE_LABELS": "ARRAY_CONSTRUCT('espresso', 'daisy', 'palace', 'cat')",
            "FILE_NAME": "SPLIT_PART(IMAGE, '/', -1)",
        },
        identity_columns=["CANDIDATE_LABELS"],
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name=MODEL,
        select="new",
        ledger="MEDIA.PUBLIC.CANDIDATE_LEDGER",
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/candidates/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch", manifest=files.output, plan=plan.output, sample_size=1, checks=["SCORE > 0"]
    )
    FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
