"""Questions about pictures: a chat model gets each photograph with a prompt, and answers in JSON of a given form.

Shows ``chat_messages``, which makes the column of messages on the server; ``response_format``, as vision-language
models take it; and a results table with a column for each key of the answers.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.files.chat_messages import chat_messages
from airflow_provider_mediabatch.files.media_patterns import IMAGES
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.PICTURE_CHAT"
ANSWER = {
    "type": "json_schema",
    "json_schema": {
        "name": "what_is_shown",
        "schema": {
            "type": "object",
            "properties": {"label": {"type": "string"}, "score": {"type": "number"}, "sure": {"type": "boolean"}},
            "required": ["label", "score", "sure"],
        },
    },
}

with DAG(
    dag_id="picture_questions",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    params={"stage_path": "@MEDIA.PUBLIC.PHOTOS/demo/"},
    tags=["mediabatch", "images", "chat"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="{{ params.stage_path }}",
        pattern=IMAGES,
        extra_columns={"MESSAGES": chat_messages("What does this picture show?", system="Answer briefly.")},
        identity_columns=["MESSAGES"],  # another question makes the files new
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        model_name=MODEL,
        select="new",
        ledger="MEDIA.PUBLIC.QUESTION_LEDGER",
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name=MODEL,
        model_params={"temperature": 0.0, "max_completion_tokens": 100, "response_format": ANSWER},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/questions/",
    )
    sample = SampleBatchOperator(
        task_id="sample_batch",
        manifest=files.output,
        plan=plan.output,
        sample_size=1,
        checks=["""PARSE_JSON("choices"::VARCHAR)[0]:finish_reason::VARCHAR = 'stop'"""],
    )
    batch = FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
    LoadResultsOperator(
        task_id="load_results", results=batch.output, table="MEDIA.PUBLIC.ANSWERS", nested={"choices": "chat_json"}
    )
