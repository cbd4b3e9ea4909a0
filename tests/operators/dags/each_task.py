"""Each operator once, and a task that does nothing, to be executed task by task."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, BaseOperator

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"


class Nothing(BaseOperator):
    """What every task's process takes."""

    def execute(self, context: object) -> None:
        """Return at once."""


with DAG(dag_id="each_task", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as in_place:
    Nothing(task_id="nothing")
    files = ListStageFilesOperator(
        task_id="list_files",
        stage_path="@MEDIA.PUBLIC.OP_FILES/in/",
        manifest_location="@MEDIA.PUBLIC.OP_WORK/manifests/",
        model_name=MODEL,
        ledger=None,
    )
    plan = ValidateSignatureOperator(
        task_id="validate_signature",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.OP_WORK/each_task/",
        inference_spec={"num_workers": 1},
    )
    sample = SampleBatchOperator(task_id="sample_batch", manifest=files.output, plan=plan.output, poll_interval=0.2)
    full = FullBatchOperator(
        task_id="full_batch", manifest=files.output, plan=plan.output, sample=sample.output, poll_interval=0.2
    )
    LoadResultsOperator(task_id="load_results", results=full.output, table="MEDIA.PUBLIC.EACH_TASK_RESULTS")
