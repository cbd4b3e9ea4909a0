"""Child: list, validate and submit with this provider's operators. Prints rows and seconds; the job is cancelled.

The connection comes from ``AIRFLOW_CONN_SNOWFLAKE_DEFAULT``, as in a worker.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import uuid
from types import SimpleNamespace
from typing import Any

from bench.children.memory import peak_mb


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stage", required=True)
    parser.add_argument("--manifests", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--import-only", action="store_true", help="stop after the imports: what both sides pay anyway")
    arguments = parser.parse_args()

    import snowflake.connector  # noqa: F401  (what tasks import late)
    from airflow.sdk.exceptions import TaskDeferred

    from airflow_provider_mediabatch.batch import submission  # noqa: F401  (what tasks import late)
    from airflow_provider_mediabatch.client import model_registry  # noqa: F401  (what tasks import late)
    from airflow_provider_mediabatch.client.connection import connected
    from airflow_provider_mediabatch.client.jobs import cancel
    from airflow_provider_mediabatch.files import selected_files, stage_listing  # noqa: F401  (what tasks import late)
    from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
    from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
    from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

    if arguments.import_only:
        print(json.dumps({"rows": 0, "peak_mb": peak_mb()}))
        return

    gc.collect()  # what the imports left is not the work's

    def context(task_id: str) -> Any:
        ti = SimpleNamespace(dag_id="bench", task_id=task_id, run_id=uuid.uuid4().hex, map_index=-1, try_number=1)
        ti.xcom_push = lambda **_: None
        ti.start_date = None
        return {"ti": ti, "task_instance": ti}

    started = time.perf_counter()
    manifest = ListStageFilesOperator(
        task_id="list_files",
        stage_path=arguments.stage,
        pattern=".*[.]jpg",
        column_name="IMAGE",
        manifest_location=arguments.manifests,
        ledger=None,
    ).execute(context("list_files"))
    assert isinstance(manifest, dict)
    listed = time.perf_counter() - started
    plan = ValidateSignatureOperator(
        task_id="validate",
        manifest=manifest,
        model_name=arguments.model,
        version_name=arguments.version,
        compute_pool="LOCAL_POOL",
        output_location=f"{arguments.output}{uuid.uuid4().hex}/",
    ).execute(context("validate"))
    try:
        FullBatchOperator(task_id="full", manifest=manifest, plan=plan, deferrable=True, defer_after=0).execute(
            context("full")
        )
    except TaskDeferred as deferred:
        job = deferred.trigger.job
    seconds = time.perf_counter() - started
    with connected("snowflake_default") as connection:
        cancel(connection, job)
    answer = {"rows": manifest["row_count"], "listed": round(listed, 3), "seconds": round(seconds, 3)}
    print(json.dumps(answer | {"peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
