"""Jobs that are not started beside those of the other way: of a sample, of a run that costs too much, of isolation."""

from __future__ import annotations

import os
from typing import Any

import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

START = pendulum.datetime(2026, 1, 1, tz="UTC")
JOB: dict[str, Any] = {"deferrable": False, "poll_interval": 0.5}
PRICE: dict[str, Any] = {"credits_per_hour": 0.11, "price_per_credit": 3.0}


def list_files() -> ListStageFilesOperator:
    """All files of the bench's stage."""
    return ListStageFilesOperator(
        task_id="list_files",
        stage_path=os.environ.get("BENCH_STAGE", "@MEDIA.PUBLIC.MEDIA/"),
        manifest_location="@MEDIA.PUBLIC.WORK/manifests/",
        column_name="IMAGE",
        ledger=None,
    )


def validate(task_id: str, files: ListStageFilesOperator, model: str) -> ValidateSignatureOperator:
    """The plan for a model."""
    return ValidateSignatureOperator(
        task_id=task_id,
        manifest=files.output,
        model_name=f"MEDIA.PUBLIC.{model}",
        compute_pool="LOCAL_POOL",
        output_location="@MEDIA.PUBLIC.WORK/saved/",
        inference_spec={"num_workers": 1},
    )


with DAG(dag_id="sample_and_cost", schedule=None, start_date=START):
    files = list_files()
    plan = validate("validate_signature", files, "INSTANT")
    given: dict[str, Any] = {"manifest": files.output, "plan": plan.output, **JOB}
    samples = [
        SampleBatchOperator(task_id=f"sample_{when}", when=when, checks=["SIZE > 0"], **given)
        for when in ("changed", "always")
    ]
    for name, max_cost in (("above", 1e-9), ("below", 1000), ("unlimited", None)):
        FullBatchOperator(task_id=f"full_{name}", sample=samples[1].output, max_cost=max_cost, **PRICE, **given)

with DAG(dag_id="unreadable", schedule=None, start_date=START):
    files = list_files()
    for model in ("TELLING", "RAISING"):
        plan = validate(f"validate_{model.lower()}", files, model)
        FullBatchOperator(
            task_id=f"full_{model.lower()}", manifest=files.output, plan=plan.output, isolate_failures=True, **JOB
        )
