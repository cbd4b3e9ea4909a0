"""Whether a trigger ends because another triggerer has taken it over, and not because a user has ended its task."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from airflow.triggers.base import BaseTrigger

if TYPE_CHECKING:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

log = logging.getLogger(__name__)

_DEFERRED = "deferred"


async def is_taken_over(trigger: BaseTrigger) -> bool:
    """Whether the task still waits, so that another triggerer runs the trigger by now.

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
        return _DEFERRED in await asyncio.to_thread(_states, ti)
    except Exception as error:
        log.warning("Airflow does not say whether a user has ended task %s: %s", ti.task_id, error)
        return True


def _states(ti: RuntimeTaskInstance) -> set[str | None]:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    index = -1 if ti.map_index is None else ti.map_index
    found = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=index
    )
    return set(found.get(ti.run_id, {}).values())
