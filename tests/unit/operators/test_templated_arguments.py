"""A template works in every argument of every operator, of the sensor and of the task group."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import read_arguments
from airflow_provider_mediabatch.media_batch_group import media_batch_group
from airflow_provider_mediabatch.operators import list_stage_files
from airflow_provider_mediabatch.operators.approve_sample import ApproveSampleOperator
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.job_task import JobTask
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator
from airflow_provider_mediabatch.sensors import stage_files
from airflow_provider_mediabatch.sensors.stage_files import StageFilesSensor

DECIDED_IN_THE_DAG_FILE = {
    (ApproveSampleOperator, "sample_task_id"),  # names a task
    (LoadResultsOperator, "schema_change"),  # whether a table may be altered is not for a run to say
}
READ_WHERE_USED = {
    "since",
    "replicas",
    "min_accuracy",
    "max_word_error_rate",
    "min_agreement",
    "max_drift",
    "max_cost",
    "credits_per_hour",
    "price_per_credit",
}
"""Read by the same functions, in the one place that uses them; their tests are beside those places."""
TASKS: dict[type, dict[str, Any]] = {
    ListStageFilesOperator: list_stage_files._READERS,  # type: ignore[dict-item]
    ValidateSignatureOperator: {},
    SampleBatchOperator: SampleBatchOperator.readers,  # type: ignore[dict-item]
    ApproveSampleOperator: {},
    FullBatchOperator: FullBatchOperator.readers,  # type: ignore[dict-item]
    LoadResultsOperator: {},
    StageFilesSensor: stage_files._READERS,  # type: ignore[dict-item]
}
REQUIRED: dict[type, dict[str, Any]] = {
    ListStageFilesOperator: {"manifest_location": "@W/"},
    SampleBatchOperator: {"manifest": {}, "plan": {}},
    FullBatchOperator: {"manifest": {}, "plan": {}},
    StageFilesSensor: {"stage_path": "@S/"},
}


def own_arguments(task: type) -> dict[str, inspect.Parameter]:
    """Arguments of the provider's own classes, without those of Airflow's."""
    found: dict[str, inspect.Parameter] = {}
    for cls in task.__mro__:
        if cls.__module__.startswith("airflow_provider_mediabatch") and "__init__" in vars(cls):
            found |= dict(inspect.signature(cls.__init__).parameters)  # type: ignore[misc]
    return {name: value for name, value in found.items() if name not in ("self", "kwargs")}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_every_argument_is_templated(task: Any) -> None:
    assert {(task, name) for name in own_arguments(task) if name not in task.template_fields} <= DECIDED_IN_THE_DAG_FILE
    assert set(task.template_fields) <= {*own_arguments(task), "subject"}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_every_number_truth_value_and_duration_is_read(task: Any) -> None:
    kinds = ("int", "float", "bool", "timedelta")
    typed = {
        name for name, given in own_arguments(task).items() if any(kind in str(given.annotation) for kind in kinds)
    }
    assert typed - READ_WHERE_USED == set(TASKS[task])


TEXT: dict[str, tuple[str, Any]] = {
    "max_files": ("5", 5),
    "min_files": ("5", 5),
    "max_delay": ("90", 90.0),
    "settle": ("0", 0.0),
    "interval": ("3600", timedelta(hours=1)),
    "reprocess": ("True", True),
    "take_over_after": ("0", timedelta(0)),
    "max_files_per_shard": ("5", 5),
    "max_bytes_per_shard": ("5", 5),
    "deferrable": ("False", False),
    "poll_interval": ("0.5", 0.5),
    "defer_after": ("0", 0.0),
    "timeout": ("60", 60.0),
    "cancel_on_timeout": ("false", False),
    "isolate_failures": ("true", True),
    "max_isolation_jobs": ("4", 4),
    "sample_size": ("5", 5),
    "max_null_fraction": ("0.5", 0.5),
    "max_age": ("3600", timedelta(hours=1)),
    "require_sample": ("False", False),
    "require_approval": ("0", False),
    "max_failed_fraction": ("0", 0.0),
}


@pytest.mark.parametrize("task", REQUIRED, ids=lambda task: task.__name__)
def test_text_means_what_it_says_and_nothing_means_the_default(task: Any) -> None:
    readers = TASKS[task]
    given = task(task_id="given", **REQUIRED[task], **{name: TEXT[name][0] for name in readers})
    read_arguments(given, readers)
    assert {name: getattr(given, name) for name in readers} == {name: TEXT[name][1] for name in readers}

    default = task(task_id="default", **REQUIRED[task])
    empty = task(task_id="empty", **REQUIRED[task], **dict.fromkeys(readers, "None"))
    for each in (default, empty):
        read_arguments(each, readers)
    assert {name: getattr(empty, name) for name in readers} == {name: getattr(default, name) for name in readers}


@pytest.mark.parametrize("task", [*REQUIRED, ValidateSignatureOperator], ids=lambda task: task.__name__)
def test_text_of_nothing_is_no_name(task: Any) -> None:
    """``{{ none }}`` renders to "None". A ledger of that name would be made, and a pattern would match no file."""
    texts = sorted(name for name, given in own_arguments(task).items() if str(given.annotation) == "str | None")
    assert texts
    required = {"manifest": {}, "model_name": "M", "compute_pool": "P", "output_location": "@W/"}
    made = task(task_id="made", **REQUIRED.get(task, required), **dict.fromkeys(texts, "None"))
    read_arguments(made, TASKS[task])
    assert {name: getattr(made, name) for name in texts} == dict.fromkeys(texts)


@pytest.mark.parametrize("task", REQUIRED, ids=lambda task: task.__name__)
def test_other_text_is_refused_by_the_arguments_name(task: Any) -> None:
    for name, reader in TASKS[task].items():
        wrong = task(task_id="wrong", **REQUIRED[task], **{name: "several"})
        with pytest.raises(InvalidInputError, match=f"{name}='several'"):
            read_arguments(wrong, {name: reader})


def test_a_guard_is_off_only_when_its_text_says_so() -> None:
    def requires(text: str) -> bool:
        task = FullBatchOperator(task_id="full", manifest={}, plan={}, sample={}, require_sample=text)
        read_arguments(task, FullBatchOperator.readers)
        return task.requires_sample

    assert requires("True")
    assert requires("")
    assert not requires("False")


def test_the_group_takes_templates() -> None:
    with DAG("photos", schedule=None) as dag:
        media_batch_group(
            model_name="M",
            compute_pool="P",
            work_location="@W/",
            stage_path="@S/",
            sample_size="{{ params.sample }}",
            isolate_failures="{{ params.isolate }}",
            deferrable="{{ params.wait }}",
            max_files_per_shard="{{ params.shard }}",
        )
    sample: Any = dag.task_dict["media_batch.sample_batch"]
    assert (sample.sample_size, sample.deferrable) == ("{{ params.sample }}", "{{ params.wait }}")
    assert issubclass(type(sample), JobTask)
    assert dag.task_dict["media_batch.full_batch"].is_mapped
