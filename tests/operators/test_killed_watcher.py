"""A watcher of a stream whose process is killed at any moment: no file is passed over."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import watcher_process
from operators.test_streams import CONN_ID, Streamed

from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.ledger.new_files import stage_files
from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark

if TYPE_CHECKING:
    from conftest import RunningEngine

ROUNDS = 5
SLOW = ("^CREATE TEMPORARY TABLE", "^SELECT [*] FROM .*MB_TAKEN", "^SELECT RELATIVE_PATH", "^DROP TABLE IF EXISTS")
"""The statements between reading a stream and having moved its offset."""


def until(condition: Callable[[], Any], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_no_file_is_passed_over_when_the_watcher_is_killed(own_engine: RunningEngine, tmp_path: Path) -> None:
    """Between the reading of the stream and the moving of its offset, before the event is stored, and after it."""
    rules = [{"match": match, "action": "delay", "seconds": 0.4} for match in SLOW]
    (own_engine.state_dir / "faults.json").write_text(json.dumps({"rules": rules}))
    draw, store = random.Random(3), tmp_path / "store"
    store.mkdir()
    with own_engine.connect() as connection:
        streamed = Streamed(own_engine, connection, tmp_path)
        path, arguments = streamed.trigger().serialize()
        assert path.endswith("StageFilesTrigger")

        def start() -> subprocess.Popen[bytes]:
            listed = streamed.statements("LIST")
            environment = {**os.environ, f"AIRFLOW_CONN_{CONN_ID.upper()}": own_engine.airflow_connection}
            command = [sys.executable, watcher_process.__file__, json.dumps(arguments), str(store)]
            child = subprocess.Popen(command, env=environment)
            until(lambda: streamed.statements("LIST") > listed)
            return child

        def seen() -> StageWatermark:
            stored = store / "watermark"
            return StageWatermark.from_json(json.loads(stored.read_text()) if stored.exists() else None)

        for number in range(ROUNDS):
            child = start()
            try:
                streamed.upload(f"{number}/a.jpg", f"{number}/b.jpg", "again.jpg")
                if number:
                    streamed.sql(f"REMOVE @{streamed.name}/{number - 1}/a.jpg")
                    streamed.upload(f"{number - 1}/a.jpg")  # removed and there again between two polls
                time.sleep(draw.uniform(0, 3))
            finally:
                child.kill()
                child.wait()
        child = start()
        try:
            streamed.upload("last.jpg")
            files = list(stage_files(connection, StagePath.parse(f"@{streamed.full}/")))
            assert len(files) == 2 * ROUNDS + 2
            until(lambda: not any(seen().is_new(file) for file in files))
            until(lambda: not streamed.has_data())
        finally:
            child.kill()
            child.wait()
        events = [json.loads(line) for line in (store / "events").read_text().splitlines()]
        assert sum(event["files"] for event in events) >= len(files)
        assert streamed.statements("LIST") == ROUNDS + 1 + 1, "one for each start, and the one above"
