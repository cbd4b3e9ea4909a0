"""Full batches whose sample or approval did not say yes, while Airflow alone would let them run."""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, task, task_group

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

START = pendulum.datetime(2026, 1, 1, tz="UTC")
NAME = os.environ.get("GUARDS_NAME", "GUARDS")
MODEL = "MEDIA.PUBLIC.OP_FILE_MODEL"
OUTPUT = f"@MEDIA.PUBLIC.OP_WORK/{NAME}/"


def listing() -> ListStageFilesOperator:
    """All files."""
    return ListStageFilesOperator(
        task_id="list_files",
        stage_path="@MEDIA.PUBLIC.OP_FILES/in/",
        manifest_location="@MEDIA.PUBLIC.OP_WORK/manifests/",
        model_name=MODEL,
        ledger=None,
    )


def validation(files: ListStageFilesOperator) -> ValidateSignatureOperator:
    """With an output folder of the test's own."""
    return ValidateSignatureOperator(
        task_id="validate",
        manifest=files.output,
        model_name=MODEL,
        compute_pool="LOCAL_POOL",
        output_location=OUTPUT,
        inference_spec={"num_workers": 1},
    )


with DAG("failed_sample", schedule=None, start_date=START):
    files = listing()
    plan = validation(files)
    sample = SampleBatchOperator(
        task_id="sample", manifest=files.output, plan=plan.output, checks=['"size" > 1000000'], poll_interval=0.2
    )
    arguments = {"manifest": files.output, "plan": plan.output, "sample": sample.output, "trigger_rule": "all_done"}
    FullBatchOperator(task_id="full", **arguments, poll_interval=0.2)

    @task.branch
    def choose() -> str:
        """Without a sample today."""
        return "full_without"

    skipped = SampleBatchOperator(task_id="skipped", manifest=files.output, plan=plan.output)
    choose() >> skipped
    FullBatchOperator(
        task_id="full_without", **{**arguments, "sample": skipped.output}, require_sample=False, poll_interval=0.2
    )

with DAG("rejected_in_expanded_group", schedule=None, start_date=START):
    files = listing()
    plan = validation(files)

    @task_group
    def one(choice: str) -> None:
        """A person's answer as Airflow's form returns it, and the full batch."""

        @task
        def approve(choice: str) -> dict[str, object]:
            """Airflow does not skip what follows, because this task is expanded."""
            return {"chosen_options": [choice], "params_input": {}, "responded_by_user": None}

        FullBatchOperator(
            task_id="full", manifest=files.output, plan=plan.output, approval=approve(choice), poll_interval=0.2
        )

    one.expand(choice=["Approve", "Reject"])
