"""Whether a trigger ends because another triggerer has taken it over, and not because a user has ended its task."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from airflow.triggers.base import BaseTrigger

from airflow_provider_mediabatch.core.xcom_keys import WAITING_KEY

if TYPE_CHECKING:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

log = logging.getLogger(__name__)

_DEFERRED = "deferred"


async def is_taken_over(trigger: BaseTrigger) -> bool:
    """Whether the task's same try still waits, so that another triggerer runs the trigger by now.

    Airflow 3.3's triggerer calls ``on_kill`` for each trigger that is no longer its own: a user has ended the task, or
    this triggerer's heartbeats were late and another one was given the trigger (``TriggerRunnerSupervisor``'s
    ``update_triggers``, and ``Trigger.assign_unassigned``). Its documentation names the first case only.

    True too when Airflow does not answer: what goes on is found by the next try, and what is cancelled is paid twice.

    :param trigger: the trigger whose ``on_kill`` was called.
    """
    ti = trigger.task_instance
    if ti is None:
        return False
    try:
        return await asyncio.to_thread(_waits, ti)
    except Exception as error:
        log.warning("Airflow does not say whether a user has ended task %s: %s", ti.task_id, error)
        return True


def _waits(ti: RuntimeTaskInstance) -> bool:
    """Whether this try is deferred. A task that was cleared may be deferred again by the time that Airflow answers."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from airflow.sdk.execution_time.xcom import XCom

    index = -1 if ti.map_index is None else ti.map_index
    states = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=index
    )
    if _DEFERRED not in states.get(ti.run_id, {}).values():
        return False
    waiting = XCom.get_one(key=WAITING_KEY, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=index)
    return waiting is None or waiting.get("try_number") == ti.try_number
