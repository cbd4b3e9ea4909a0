"""A listener in the API server: jobs of a deferred task that somebody marks failed, succeeded or skipped.

Ending them is the trigger's work (``BatchJobTrigger.on_kill``). Airflow 3.3 calls that only when a triggerer runs the
trigger by then: a task marked within the first seconds of its deferral, or while no triggerer is up, would leave its
job running. So the API server, which was told first, cancels it too. Cancelling a job twice does nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from airflow.listeners import hookimpl

from airflow_provider_mediabatch.client.connection import connected

logger = logging.getLogger(__name__)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """Marked failed; a task that fails by itself was running before."""
    _ended(previous_state, task_instance)


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
    """Marked succeeded; a task that succeeds by itself was running before."""
    _ended(previous_state, task_instance)


@hookimpl
def on_task_instance_skipped(previous_state: Any, task_instance: Any) -> None:
    """Marked skipped."""
    _ended(previous_state, task_instance)


def _ended(previous_state: Any, task_instance: Any) -> None:
    """Only the API server gives no previous state. The request does not wait for Snowflake."""
    if previous_state is not None:
        return
    key = (task_instance.dag_id, task_instance.run_id, task_instance.task_id, task_instance.map_index)
    threading.Thread(target=_cancel, args=key, name="mediabatch-cancel", daemon=True).start()


def _cancel(dag_id: str, run_id: str, task_id: str, map_index: int) -> None:
    waiting = _waiting(dag_id, run_id, task_id, map_index)
    if not isinstance(waiting, Mapping):
        return
    from airflow_provider_mediabatch.client import jobs

    names = ", ".join(job for job, _ in waiting["jobs"])
    try:
        with connected(str(waiting["snowflake_conn_id"])) as connection:
            for job, query_id in waiting["jobs"]:
                jobs.cancel(connection, job, query_id)
    except Exception as error:
        logger.error("Jobs may still bill, ending them failed (CALL <job>!SPCS_CANCEL_JOB()): %s: %s", names, error)
    else:
        logger.info("Ended what task %s of %s, run %s, waited for: %s", task_id, dag_id, run_id, names)


def _waiting(dag_id: str, run_id: str, task_id: str, map_index: int) -> Any:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_provider_mediabatch.core.xcom_keys import WAITING_KEY

    with create_session() as session:
        row = session.scalar(
            select(XComModel).where(
                XComModel.dag_id == dag_id,
                XComModel.run_id == run_id,
                XComModel.task_id == task_id,
                XComModel.map_index == map_index,
                XComModel.key == WAITING_KEY,
            )
        )
        return None if row is None else XComModel.deserialize_value(row)
