"""A job that is waited for until somebody or something ends the waiting; and one that is run again."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

START = pendulum.datetime(2026, 1, 1, tz="UTC")
MODEL = "MEDIA.PUBLIC.LIVE_MODEL"

DEFERRED = {"deferrable": True, "defer_after": 0}
WAITS: dict[str, dict[str, Any]] = {
    "live_ends": DEFERRED,
    "live_ends_limited": {**DEFERRED, "execution_timeout": pendulum.duration(seconds=40)},
    "live_ends_in_place": {
        "deferrable": False,
        "isolate_failures": True,
        "retries": 1,
        "retry_delay": pendulum.duration(hours=1),
    },
}

for dag_id, waits in WAITS.items():
    with DAG(dag_id=dag_id, schedule=None, start_date=START, max_active_runs=8):
        files = ListStageFilesOperator(
            task_id="list_files",
            stage_path="@MEDIA.PUBLIC.LIVE_ENDS/",
            manifest_location="@MEDIA.PUBLIC.LIVE_WORK/manifests/",
            model_name=MODEL,
            ledger=None,
        )
        plan = ValidateSignatureOperator(
            task_id="validate",
            manifest=files.output,
            model_name=MODEL,
            model_params={"mode": "{{ dag_run.conf.get('mode', 'endless') }}"},
            compute_pool="LOCAL_POOL",
            output_location="@MEDIA.PUBLIC.LIVE_WORK/ends/",
            inference_spec={"num_workers": 1},
        )
        FullBatchOperator(
            task_id="full",
            manifest=files.output,
            plan=plan.output,
            on_rerun="{{ dag_run.conf.get('on_rerun', 'adopt') }}",
            poll_interval=1,
            **waits,
        )
