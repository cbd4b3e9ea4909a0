"""Which task instance a result, a job or a folder belongs to, by their names. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.job_names import belongs_to
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

T = TypeVar("T")


def owns(key: TaskKey, result: SampleReport | BatchResult) -> bool:
    """Whether a result's job and location are named after the task instance that returned it.

    A sample's report may be of an earlier run of the same task.
    """
    if isinstance(result, SampleReport) and result.from_run:
        key = replace(key, run_id=result.from_run)
    try:
        folder = StagePath.parse(result.location).path.rstrip("/").rsplit("/", 1)[-1]
    except (ValueError, TypeError):
        return False
    return is_job(key, result.job) and belongs(key, folder)


def parse_result(value: Any) -> SampleReport | BatchResult | None:
    """The result in a task's XCom, or None when it is none, or one that this release cannot read."""
    return read(SampleReport.from_xcom, value) or read(BatchResult.from_xcom, value)


def is_job(key: TaskKey, name: Any) -> bool:
    """Whether this is the qualified name of a job of the task instance."""
    return isinstance(name, str) and "." in name and belongs(key, name)


def belongs(key: TaskKey, name: str) -> bool:
    """Whether a job or a folder is named after the task instance."""
    return belongs_to(name, dag_id=key.dag_id, task_id=key.task_id, run_id=key.run_id, map_index=key.map_index)


def why_unread(reader: Callable[[Any], Any], value: Any) -> str:
    """Why a reader refuses an XCom; "" where it takes it, or where there is none."""
    if value is None:
        return ""
    try:
        reader(value)
    except ValueError as error:
        return str(error)
    return ""


def read(reader: Callable[[Any], T], value: Any) -> T | None:
    """What a reader makes of an XCom, or None where it is another value."""
    try:
        return reader(value)
    except ValueError:
        return None
