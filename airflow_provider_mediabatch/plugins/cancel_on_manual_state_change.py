"""A listener in the API server that cancels the jobs of a task which a user marks.

The trigger of a deferred task cancels them in ``BatchJobTrigger.on_kill``. Airflow 3.3 calls that only while a
triggerer runs the trigger. A task that is marked in the first seconds of its deferral, or while no triggerer is
running, would leave its job running, and so would a task that waited in place and lost its worker. So the API server,
which receives the user's request, cancels the job too. Cancelling a job twice, or one that has ended, does no harm.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

logger = logging.getLogger(__name__)

T = TypeVar("T")


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
    _marked.put(TaskKey(ti.dag_id, ti.run_id, ti.task_id, ti.map_index))


class _Worker(Generic[T]):
    """One thread that handles all that waits at once, and ends when nothing does.

    A user may mark a thousand task instances with one request. They have one session of Airflow's database after the
    other, and one login.

    :param handle: what is done with the items.
    """

    def __init__(self, handle: Callable[[list[T]], None]) -> None:
        self._handle = handle
        self._lock = threading.Lock()
        self._items: list[T] = []
        self._is_running = False

    def put(self, *items: T) -> None:
        """Have items handled, and do not wait for it."""
        with self._lock:
            self._items.extend(items)
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name="mediabatch-cancel", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                items, self._items = self._items, []
                if not items:
                    self._is_running = False
                    return
            try:
                self._handle(items)
            except Exception:
                logger.exception("Jobs of marked tasks could not be cancelled: %s", items)


def _find_jobs(keys: list[TaskKey]) -> None:
    """Hand the jobs that task instances wait for to the worker of their connection."""
    from airflow_provider_mediabatch.review.task_instances import load_waiting_jobs

    for key in keys:
        try:
            conn_id, waiting = load_waiting_jobs(key)
        except Exception:
            logger.exception(
                "What task %s of %s, run %s, waits for cannot be read", key.task_id, key.dag_id, key.run_id
            )
            continue
        jobs = ", ".join(job for job, _ in waiting)
        if waiting and conn_id is None:
            logger.error(
                "Jobs may still be running and incurring cost: %s. Airflow does not know which connection the task "
                "used. Cancel each with CALL <job>!SPCS_CANCEL_JOB()",
                jobs,
            )
        elif waiting:
            logger.info(
                "Task %s of %s, run %s, was marked and waited for: %s", key.task_id, key.dag_id, key.run_id, jobs
            )
            _cancelling.setdefault(str(conn_id), _Worker(partial(_cancel, str(conn_id)))).put(*waiting)


def _cancel(conn_id: str, jobs: list[tuple[str, str | None]]) -> None:
    from airflow_provider_mediabatch.batch.task_state import RunningJobs

    running = RunningJobs()
    running.replace(jobs)
    running.cancel(conn_id, logger)


_marked = _Worker(_find_jobs)
_cancelling: dict[str, _Worker[tuple[str, str | None]]] = {}
"""A worker for each connection: one whose Snowflake does not answer does not hold up the others."""
