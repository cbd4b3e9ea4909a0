"""Hugging Face: zero-shot classification (CLIP, SigLIP) chooses among labels that come with the pictures.

Shows a model with two inputs, the picture and a list of labels. ``extra_columns`` makes the list by SQL on the server,
here from the folder that a picture is in. The labels belong to a file's identity, so other labels make the files new.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

with DAG(
    dag_id="huggingface_zero_shot",
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
            "CANDIDATE_LABELS": "IFF(CONTAINS(IMAGES, '/animals/'), ARRAY_CONSTRUCT('a cat', 'a dog'), "
            "ARRAY_CONSTRUCT('a cup of coffee', 'a flower', 'a building', 'something else'))"
        },
        identity_columns=["CANDIDATE_LABELS"],
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name="MEDIA.PUBLIC.CLIP_ZERO_SHOT",
        select="new",
        ledger="MEDIA.PUBLIC.ZERO_SHOT_LEDGER",
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.CLIP_ZERO_SHOT",
        model_params={"hypothesis_template": "A photograph of {}."},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/zero_shot/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        sample_size=2,
        checks=[
            'ARRAY_SIZE(PARSE_JSON("labels"::VARCHAR)) = ARRAY_SIZE(PARSE_JSON(CANDIDATE_LABELS::VARCHAR))',
            'PARSE_JSON("labels"::VARCHAR)[0]:score::FLOAT > 0.2',  # the best label comes first
        ],
    )
    FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
