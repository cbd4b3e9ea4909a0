"""What each task loads and sends: nothing heavy beside Snowflake's connector, one login, no statement too many."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow_env import REPOSITORY

from bench.relay import relay

DAG_FILE = Path(__file__).parent / "dags" / "each_task.py"
STATEMENTS = {
    "nothing": 0,
    "list_files": 7,
    "validate_signature": 7,
    "sample_batch": 15,
    "full_batch": 11,
    "load_results": 12,
}
"""Of each task; statements that are sent again at once, as a job's polls are, count once."""
CONNECTOR = {"snowflake.connector", "pandas", "pyarrow", "numpy"}
"""The connector itself imports pandas and pyarrow where they are installed, and Apache's provider requires both."""
UNUSED = {
    "snowflake.ml",
    "snowflake.snowpark",
    "PIL",
    "duckdb",
    "fastapi",
    "matplotlib",
    "sqlglot",
    "airflow_provider_mediabatch.cli",
    "airflow_provider_mediabatch.demo",
    "airflow_provider_mediabatch.local",
    "airflow_provider_mediabatch.review",
}


def test_a_task_loads_the_connector_and_logs_in_once(media: Any, engine: Any) -> None:
    """One after the other in one process, which has loaded before what Airflow loads for every task."""
    with relay(engine.status.port) as (port, traffic):
        done = subprocess.run(
            [sys.executable, "-m", "bench.children.one_task", "--dag-file", DAG_FILE]
            + [word for task in STATEMENTS for word in ("--task", task)],
            env=os.environ | replace(engine.status, port=port).environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"task": ')]
    tasks = {answer["task"]: answer for answer in answers}
    assert tasks["load_results"]["returned"]["rows"] == 12
    loaded = {name: set(answer["loaded"]) for name, answer in tasks.items()}
    assert {name: names & (UNUSED | CONNECTOR) for name, names in loaded.items()} == {
        name: CONNECTOR if name == "list_files" else set() for name in STATEMENTS
    }
    assert traffic.logins == len(STATEMENTS) - 1
    sent = {name: _without_polls(traffic.since(*answer["between"])) for name, answer in tasks.items()}
    assert {name: len(texts) for name, texts in sent.items()} == STATEMENTS, json.dumps(sent, indent=1)


def _without_polls(statements: list[str]) -> list[str]:
    """The statements, with those that only ask again how a job stands left out."""
    return [text for before, text in zip(["", *statements], statements, strict=False) if text != before]
