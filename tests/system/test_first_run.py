"""The first run is run here on the local engine, where every row agrees and nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunningEngine

SCRIPT = Path(__file__).with_name("first_run.py")


@pytest.mark.slow
def test_the_first_run_agrees_with_the_engine(own_engine: RunningEngine, tmp_path: Path) -> None:
    environment = os.environ | {"MEDIABATCH_SYSTEM_CONNECTION": own_engine.airflow_connection}
    report = tmp_path / "report.md"
    command = [sys.executable, str(SCRIPT), str(report)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert report.exists(), done.stderr
    text = report.read_text()
    assert done.returncode == 0, text
    assert text.startswith("# First run on Snowflake 10.0.0 local\n")
    assert own_engine.status.password not in text
    with own_engine.connect() as connection:
        assert connection.cursor().execute("SHOW SCHEMAS LIKE 'CONFORMANCE'").fetchall() == []


def test_without_a_connection_nothing_is_asked() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MEDIABATCH_SYSTEM_CONNECTION"}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
