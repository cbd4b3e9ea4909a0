"""Files together with a table: each picture brings its own threshold, and a column that only passes through.

Shows a manifest made by a query: paths and ordinary columns, joined on the server from a directory table and a table.
``MIN_SCORE`` is an input of the model, ``CATEGORY`` is not: it comes back beside the predictions. ``FILE`` is a path
on the stage: ``CREATE TABLE MEDIA.PUBLIC.THRESHOLDS (FILE VARCHAR, MIN_SCORE FLOAT, CATEGORY VARCHAR)``.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

QUERY = """
SELECT '@MEDIA.PUBLIC.PHOTOS/' || d.RELATIVE_PATH AS IMAGE, c.MIN_SCORE, c.CATEGORY
FROM DIRECTORY(@MEDIA.PUBLIC.PHOTOS) AS d
JOIN MEDIA.PUBLIC.THRESHOLDS AS c ON d.RELATIVE_PATH = c.FILE
"""

with DAG(
    dag_id="files_and_table",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2},
    tags=["mediabatch", "images"],
    doc_md=__doc__,
):
    files = ListStageFilesOperator(
        task_id="list_files", query=QUERY, column_name="IMAGE", manifest_location="@MEDIA.PUBLIC.WORK/manifests/"
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.EFFICIENTNET_THRESHOLD",
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/thresholds/",
    )
    # Below its threshold a picture has no label: NULLs are expected here.
    sample = SampleBatchOperator(
        task_id="sample_batch", manifest=files.output, plan=plan.output, sample_size=2, max_null_fraction=1.0
    )
    FullBatchOperator(task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output)
