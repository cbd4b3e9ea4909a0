"""Child: many triggers in one process and one event loop, as Airflow's triggerer runs them. Prints CPU and memory.

Imports, and what a first poll loads, are paid before the clock starts: a triggerer pays for them once in its life.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector
from airflow.providers.snowflake.triggers.snowpark_containers import SnowparkContainerJobTrigger

from airflow_provider_mediabatch.batch import wait_for_job as _waiting  # noqa: F401
from airflow_provider_mediabatch.client import jobs as _jobs  # noqa: F401  (what a first poll imports)
from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook
from airflow_provider_mediabatch.triggers.batch_job import BatchJobTrigger
from bench.children.memory import peak_mb


class ApachesTrigger(SnowparkContainerJobTrigger):  # type: ignore[misc]
    """Apache's trigger as it is, with a hook that can reach the local engine, and its polls counted."""

    polls = 0

    def _get_hook(self) -> MediaBatchHook:
        return MediaBatchHook(snowflake_conn_id=self.snowflake_conn_id)

    async def _describe_status(self, hook: Any) -> str | None:
        status: str | None = await super()._describe_status(hook)
        self.polls += 1
        return status


async def _first_event(trigger: Any) -> None:
    async for event in trigger.run():
        raise RuntimeError(f"a job that is stuck ended: {event}")


async def _wait(triggers: list[Any], enough: Callable[[], Awaitable[None]]) -> None:
    tasks = [asyncio.create_task(_first_event(trigger)) for trigger in triggers]
    over = asyncio.create_task(enough())
    done, _ = await asyncio.wait([*tasks, over], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for task in done:
        task.result()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", choices=("ours", "apache"), required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--intervals", type=int, required=True)
    parser.add_argument("--interval", type=float, required=True)
    arguments = parser.parse_args()

    # What Apache's polls import in several threads at once. They were seen to wait for each other's imports for ever.
    import snowflake.connector.nanoarrow_arrow_iterator  # noqa: F401

    get_hook_lineage_collector()

    names = [f"{arguments.schema}.MB_STUCK_{arguments.jobs}_{number}" for number in range(arguments.jobs)]
    conn_id, interval = "snowflake_default", arguments.interval
    before = peak_mb()
    started, cpu = time.monotonic(), time.process_time()
    if arguments.side == "ours":
        triggers: list[Any] = [
            BatchJobTrigger(snowflake_conn_id=conn_id, job=name, poll_interval=interval) for name in names
        ]

        async def enough() -> None:
            # A first look comes after an interval; half of one more, so that the last look is not cut off.
            await asyncio.sleep((arguments.intervals + 0.5) * interval)

    else:
        end = time.time() + 3600
        triggers = [ApachesTrigger(name, conn_id, interval, end) for name in names]

        async def enough() -> None:
            while min(trigger.polls for trigger in triggers) < arguments.intervals:
                await asyncio.sleep(0.05)

    asyncio.run(_wait(triggers, enough))
    answer = {
        "cpu": time.process_time() - cpu,
        "seconds": time.monotonic() - started,
        "memory_mb": peak_mb() - before,
    }
    print(json.dumps(answer), file=sys.stdout)


if __name__ == "__main__":
    main()
