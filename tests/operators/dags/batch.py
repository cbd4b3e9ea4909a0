"""The four operators in a row, deferred and in place; with shards; and a sample whose check fails."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

START = pendulum.datetime(2026, 1, 1, tz="UTC")
MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"
WORK = "@MEDIA.PUBLIC.OP_WORK"


def listing(**changes: object) -> ListStageFilesOperator:
    arguments = {
        "task_id": "list_files",
        "stage_path": "@MEDIA.PUBLIC.OP_FILES/in/",
        "pattern": ".*[.]bin",
        "manifest_location": f"{WORK}/manifests/",
        "model_name": MODEL,
        "ledger": None,
    }
    return ListStageFilesOperator(**{**arguments, **changes})


def validation(files: ListStageFilesOperator, **changes: object) -> ValidateSignatureOperator:
    arguments = {
        "task_id": "validate",
        "manifest": files.output,
        "model_name": MODEL,
        "compute_pool": "LOCAL_POOL",
        "output_location": f"{WORK}/predictions/",
        "inference_spec": {"num_workers": 1},
    }
    return ValidateSignatureOperator(**{**arguments, **changes})


for dag_id, deferrable in (("in_place", False), ("deferred", True)):
    with DAG(dag_id=dag_id, schedule=None, start_date=START):
        files = listing()
        plan = validation(files, model_params={"scale": 2})
        sample = SampleBatchOperator(
            task_id="sample",
            manifest=files.output,
            plan=plan.output,
            sample_size=2,
            sampling="edges",
            checks=['"size" > 0'],
            deferrable=deferrable,
            defer_after=0,
            poll_interval=0.3,
        )
        FullBatchOperator(
            task_id="full",
            manifest=files.output,
            plan=plan.output,
            sample=sample.output,
            deferrable=deferrable,
            defer_after=0,
            poll_interval=0.3,
            timeout=120,
        )

with DAG(dag_id="shards", schedule=None, start_date=START):
    files = listing(max_files_per_shard=5)
    plan = validation(files)
    sample = SampleBatchOperator(
        task_id="sample", manifest=files.output, plan=plan.output, sample_size=6, sampling="random", poll_interval=0.3
    )
    FullBatchOperator.partial(task_id="full", plan=plan.output, sample=sample.output, poll_interval=0.3).expand(
        manifest=files.output
    )

with DAG(dag_id="bad_sample", schedule=None, start_date=START):
    files = listing()
    plan = validation(files)
    sample = SampleBatchOperator(
        task_id="sample",
        manifest=files.output,
        plan=plan.output,
        checks=['"size" > 1000000', '"size" / ("size" - "size") = 1'],
        poll_interval=0.3,
    )
    FullBatchOperator(task_id="full", manifest=files.output, plan=plan.output, sample=sample.output)

with DAG(dag_id="failing_job", schedule=None, start_date=START):
    files = listing()
    plan = validation(files, model_params={"mode": "fail"})
    FullBatchOperator(
        task_id="full",
        manifest=files.output,
        plan=plan.output,
        poll_interval=0.3,
        retries=1,
        retry_delay=pendulum.duration(seconds=0),
    )

with DAG(dag_id="too_slow", schedule=None, start_date=START):
    files = listing()
    plan = validation(files, model_params={"mode": "endless"})
    FullBatchOperator(task_id="full", manifest=files.output, plan=plan.output, poll_interval=0.3, timeout=4)

with DAG(dag_id="alarm", schedule=None, start_date=START):
    files = listing()
    plan = validation(files, model_params={"mode": "endless"})
    FullBatchOperator(
        task_id="full",
        manifest=files.output,
        plan=plan.output,
        deferrable=False,
        poll_interval=0.3,
        execution_timeout=pendulum.duration(seconds=8),
    )

with DAG(dag_id="empty", schedule=None, start_date=START):
    files = listing(pattern=".*[.]nothing", if_empty="succeed")
    plan = validation(files)
    sample = SampleBatchOperator(task_id="sample", manifest=files.output, plan=plan.output)
    FullBatchOperator(task_id="full", manifest=files.output, plan=plan.output, sample=sample.output)

with DAG(dag_id="partitions", schedule=None, start_date=START):
    files = listing(
        stage_path=None,
        pattern=None,
        model_name=None,
        query="SELECT '@MEDIA.PUBLIC.OP_FILES/in/f00.bin' AS PATH, COLUMN1 AS AMOUNT, COLUMN2 AS GRP "
        "FROM VALUES (1.5::FLOAT, 'a'), (2.5::FLOAT, 'a'), (10::FLOAT, 'b')",
    )
    plan = validation(files, model_name="MEDIA.PUBLIC.OP_GROUP_MODEL", partition_column="GRP")
    FullBatchOperator(task_id="full", manifest=files.output, plan=plan.output, poll_interval=0.3)
