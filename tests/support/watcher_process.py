"""A stage's watcher in a process that may be killed: ``python watcher_process.py ARGUMENTS STORE``.

What Airflow stores is in the folder STORE: a line of ``events`` for each event, and then the watermark.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark
from airflow_provider_mediabatch.triggers.stage_files import StageFilesTrigger


async def watch(arguments: dict[str, Any], store: Path) -> None:
    """Watch until the end of the process."""
    trigger = StageFilesTrigger(**arguments)
    producer: Any = trigger.create_shared_stream_producer(trigger.serialize()[1])
    watermark = store / "watermark"

    async def snapshots() -> AsyncIterator[Any]:
        async with aclosing(producer.unshared_snapshots()) as found:
            async for snapshot in found:
                yield snapshot
                # Airflow has stored the event by now; next is what moves the stream's offset.
                for seen in snapshot.seen.values():
                    part = watermark.with_suffix(".part")
                    part.write_text(json.dumps(seen.to_json()))
                    os.replace(part, watermark)

    stored = StageWatermark.from_json(json.loads(watermark.read_text()) if watermark.exists() else None)
    async for event in trigger._events(snapshots(), stored):
        with (store / "events").open("a") as log:
            log.write(json.dumps(event.payload) + "\n")


if __name__ == "__main__":
    asyncio.run(watch(json.loads(sys.argv[1]), Path(sys.argv[2])))
