"""When a task's trigger may fire at the earliest, so that Airflow's scheduler has noticed the deferral."""

from __future__ import annotations

import asyncio
import time

from airflow.sdk import conf
from airflow.triggers.base import BaseTrigger

SCHEDULER_SECONDS = 3.0
"""What the scheduler's loop may take, on a busy machine, to read what its executor reports."""


async def wait_until_scheduler_knows(trigger: BaseTrigger, began: float) -> None:
    """Wait until the scheduler must have heard that the task deferred. To be awaited before the event is yielded.

    Airflow 3.3's scheduler fails a task that runs on when it hears only then that the process which deferred it has
    ended ("the task instance's state attribute is running"). The worker's supervisor may notice that end as late as
    ``[workers] min_heartbeat_interval`` (5 seconds) after it. Without a scheduler, in ``dag.test()``, triggers have
    no id.

    :param trigger: the trigger that is about to fire.
    :param began: when its ``run`` began, by ``time.monotonic()``.
    """
    if trigger.trigger_id is None:
        return
    earliest = began + conf.getint("workers", "min_heartbeat_interval", fallback=5) + SCHEDULER_SECONDS
    await asyncio.sleep(max(0.0, earliest - time.monotonic()))
