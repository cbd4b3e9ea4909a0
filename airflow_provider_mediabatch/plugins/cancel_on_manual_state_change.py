"""A listener in the API server that cancels the jobs of a task which a user marks.

The trigger of a deferred task cancels them in ``BatchJobTrigger.on_kill``. Airflow 3.3 calls that only while a
triggerer runs the trigger. A task that is marked in the first seconds of its deferral, or while no triggerer is
running, would leave its job running, and so would a task that waited in place and lost its worker. So the API server,
which receives the user's request, cancels the job too. Cancelling a job twice, or one that has ended, does no harm.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

logger = logging.getLogger(__name__)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """A user marked the task failed, or it failed by itself."""
    _cancel_if_marked(previous_state, task_instance)


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
    """A user marked the task succeeded, or it succeeded by itself."""
    _cancel_if_marked(previous_state, task_instance)


@hookimpl
def on_task_instance_skipped(previous_state: Any, task_instance: Any) -> None:
    """A user marked the task skipped."""
    _cancel_if_marked(previous_state, task_instance)


def _cancel_if_marked(previous_state: Any, task_instance: Any) -> None:
    """Only the API server gives no previous state. The request does not wait for Snowflake."""
    if previous_state is not None:
        return
    from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

    ti = task_instance
    key = TaskKey(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
    threading.Thread(target=_cancel, args=(key,), name="mediabatch-cancel", daemon=True).start()


def _cancel(key: TaskKey) -> None:
    from airflow_provider_mediabatch.batch.task_state import RunningJobs
    from airflow_provider_mediabatch.review.task_instances import load_waiting_jobs

    try:
        conn_id, waiting = load_waiting_jobs(key)
    except Exception:
        logger.exception("What task %s of %s, run %s, waits for cannot be read", key.task_id, key.dag_id, key.run_id)
        return
    if not waiting:
        return
    running = RunningJobs()
    running.replace(waiting)
    if conn_id is None:
        logger.error(
            "Jobs may still be running and incurring cost: %s. Airflow does not know which connection the task used. "
            "Cancel each with CALL <job>!SPCS_CANCEL_JOB()",
            running,
        )
        return
    logger.info("Task %s of %s, run %s, was marked and waited for: %s", key.task_id, key.dag_id, key.run_id, running)
    running.cancel(conn_id, logger)
