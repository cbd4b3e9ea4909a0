"""Child: the polls of a stage's watcher while nothing comes. Prints the seconds and the CPU seconds of each poll.

The connection comes from ``AIRFLOW_CONN_SNOWFLAKE_DEFAULT``, as in a triggerer. The first poll, which logs in and lists
for either source, is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any


async def polls(trigger: Any, count: int) -> list[tuple[float, float]]:
    from airflow_provider_mediabatch.triggers.shared_connection import shared_connection
    from airflow_provider_mediabatch.triggers.stage_stream import watching

    producer = trigger.create_shared_stream_producer(trigger.serialize()[1])
    measured = []
    # As far as a watcher is that has seen all.
    with watching(trigger.shared_stream_key(), trigger.asset_name, time.time(), ""):
        async with shared_connection(trigger.snowflake_conn_id) as connection:
            for _ in range(count + 1):
                wall, cpu = time.perf_counter(), time.process_time()
                snapshot = await producer._poll(connection, 0.0)
                measured.append((time.perf_counter() - wall, time.process_time() - cpu))
                if snapshot.files:
                    raise RuntimeError(f"{len(snapshot.files)} files are new")
    return measured[1:]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stage", required=True)
    parser.add_argument("--stream")
    parser.add_argument("--polls", type=int, default=5)
    given = parser.parse_args()

    from airflow_provider_mediabatch.triggers.stage_files import StageFilesTrigger

    trigger = StageFilesTrigger(
        stage_path=given.stage, asset_name="bench", source="stream" if given.stream else "list", stream=given.stream
    )
    measured = asyncio.run(polls(trigger, given.polls))
    print(json.dumps({"seconds": [wall for wall, _ in measured], "cpu": [cpu for _, cpu in measured]}))


if __name__ == "__main__":
    main()
