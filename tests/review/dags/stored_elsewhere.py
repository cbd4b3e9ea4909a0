"""A batch whose XComs are kept outside of Airflow's database, and which ends or does not end, as its run is told."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

with DAG("ui_stored_elsewhere", schedule=None):
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="@MEDIA.PUBLIC.UI_RECORDINGS/",
        manifest_location="@MEDIA.PUBLIC.UI_WORK/",
        model_name="MEDIA.PUBLIC.UI_FILES",
        ledger=None,
    )
    plan = ValidateSignatureOperator(
        task_id="validate",
        manifest=files.output,
        model_name="MEDIA.PUBLIC.UI_FILES",
        model_params={"mode": "{{ dag_run.conf['mode'] }}"},
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.UI_WORK/elsewhere/",
    )
    FullBatchOperator(
        task_id="full_batch", manifest=files.output, plan=plan.output, poll_interval=1, deferrable=True, defer_after=0
    )
