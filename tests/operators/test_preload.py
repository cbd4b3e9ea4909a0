"""The imports of tasks in the process that forks them: where they happen, and that a forked task works with them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

FORKED = """
import json, multiprocessing, os, sys, threading
from airflow_provider_mediabatch import preload
assert preload.where_tasks_are_forked(["scheduler"])
before = set(sys.modules)
threads = [thread.name for thread in threading.enumerate()]

def task(queue):
    from airflow_provider_mediabatch.batch import results_table
    from airflow_provider_mediabatch.client.connection import connected, rows
    with connected(sys.argv[1]) as connection:
        found = rows(connection, "SELECT 1 AS ONE")
    queue.put([found, [name for name in HEAVY if name in set(sys.modules) - before]])

HEAVY = ("snowflake.connector", "pandas", "pyarrow", "numpy", "airflow_provider_mediabatch.batch.results_table")
context = multiprocessing.get_context("fork")
queue = context.Queue()
child = context.Process(target=task, args=[queue])
child.start()
answer = queue.get(timeout=60)
child.join(60)
print(json.dumps({"threads": threads, "answer": answer, "code": child.exitcode}))
"""


def test_a_task_that_is_forked_imports_nothing_heavy(media: Any, conn_id: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, conn_id], capture_output=True, text=True, check=True, timeout=120
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"threads": ["MainThread"], "answer": [[{"ONE": 1}], []], "code": 0}


@pytest.mark.parametrize(
    ("command", "forks"),
    [
        ("scheduler --skip-serve-logs", True),
        ("celery worker", True),
        ("edge worker", True),
        ("api-server", False),
        ("dag-processor", False),
        ("triggerer", False),
        ("dags test scheduler", False),
        ("", False),
    ],
)
def test_only_processes_that_fork_tasks_import(command: str, forks: bool) -> None:
    code = (
        "import sys; from airflow_provider_mediabatch import preload; "
        "print(preload.where_tasks_are_forked(), 'snowflake.connector' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == [str(forks)] * 3
