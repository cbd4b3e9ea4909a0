"""Only files that are new to the model version, one job a shard, results in a table; and runs that give files back."""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

START = pendulum.datetime(2026, 1, 1, tz="UTC")
NAME = os.environ.get("NEW_FILES_NAME", "NEW_FILES")
MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"
LEDGER = f"MEDIA.PUBLIC.{NAME}_LEDGER"
PREDICTIONS = Asset(name=f"predictions_{NAME}", uri=f"x-table://predictions/{NAME}")


def flow(**changes: object) -> None:
    """List, validate, sample, run, load; the arguments that differ by their names."""
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path=f"@MEDIA.PUBLIC.{NAME}/",
        manifest_location="@MEDIA.PUBLIC.OP_WORK/manifests/",
        select=changes.get("select", "new"),
        model_name=MODEL,
        ledger=LEDGER,
        min_files="{{ dag_run.conf.get('min_files', '') }}",
        reprocess="{{ dag_run.conf.get('reprocess', False) }}",
        max_files_per_shard=4,
        take_over_after=timedelta(0),
    )
    plan = ValidateSignatureOperator(
        task_id="validate",
        manifest=files.output,
        model_name=MODEL,
        model_params=changes.get("model_params"),
        compute_pool="LOCAL_POOL",
        output_location=f"@MEDIA.PUBLIC.OP_WORK/{NAME}/",
        inference_spec={"num_workers": 1},
    )
    sample = SampleBatchOperator(
        task_id="sample",
        manifest=files.output,
        plan=plan.output,
        sample_size=1,
        checks=changes.get("checks", ()),
        poll_interval=0.2,
    )
    results = FullBatchOperator.partial(
        task_id="full", plan=plan.output, sample=sample.output, poll_interval=0.2
    ).expand(manifest=files.output)
    LoadResultsOperator(
        task_id="load", results=results.output, table=f"MEDIA.PUBLIC.{NAME}_RESULTS", outlets=[PREDICTIONS]
    )


with DAG(dag_id="new_files", schedule=None, start_date=START):
    flow()

with DAG(dag_id="bad_plan", schedule=None, start_date=START):
    flow(model_params={"no_such_parameter": 1})

with DAG(dag_id="bad_sample", schedule=None, start_date=START):
    flow(checks=['"size" > 1000000'])

with DAG(dag_id="by_day", schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"), start_date=START):
    flow(select="interval")
