"""Child: execute tasks of the pipeline's DAG in place, as Airflow's task runner does after it has parsed the file.

Prints a line for each task: its seconds, the peak of memory so far, when it ran, and which modules it loaded. Given the
heavy ones back, it imports them before the clock starts: the difference is what a task's imports take. Or it forks the
tasks, with the imports of ``airflow_provider_mediabatch.preload`` made before, as Airflow's executors do.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import os
import sys
import time
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from bench.children.memory import peak_mb, private_mb

HEAVY = ("snowflake.connector", "snowflake.snowpark", "snowflake.ml", "pandas", "pyarrow", "numpy")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dag-file", required=True)
    parser.add_argument("--task", required=True, action="append", dest="tasks", help="may be given several times")
    parser.add_argument("--xcoms", type=json.loads, default={}, help="of earlier tasks")
    parser.add_argument("--submit-only", action="store_true", help="defer, and do not wait for the job")
    parser.add_argument("--preload", type=json.loads, default=[])
    parser.add_argument("--forked", action="store_true", help="by a process with the imports of preload")
    arguments = parser.parse_args()

    import airflow.sdk.execution_time.task_runner  # noqa: F401  (what every task's process has loaded)
    from airflow.sdk.exceptions import TaskDeferred

    spec = importlib.util.spec_from_file_location("pipeline", arguments.dag_file)
    assert spec is not None
    assert spec.loader is not None
    dags = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dags)
    for name in arguments.preload:
        with contextlib.suppress(ImportError):  # some exist only as parts of others
            importlib.import_module(name)
    if arguments.forked:
        from airflow_provider_mediabatch import preload

        preload.import_for_tasks()
        if child := os.fork():
            raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    run_id, xcoms = uuid.uuid4().hex, dict(arguments.xcoms)
    for task in arguments.tasks:
        operator = dags.in_place.get_task(task)
        for name in ("manifest", "plan", "sample", "results"):
            if (value := getattr(operator, name, None)) is not None:
                setattr(operator, name, xcoms[value.operator.task_id])
        if arguments.submit_only:
            operator.deferrable, operator.defer_after = True, 0
        ti = SimpleNamespace(dag_id="bench", task_id=task, run_id=run_id, map_index=-1, try_number=1, max_tries=0)
        ti.xcom_push, ti.start_date = lambda **_: None, datetime.now(UTC)
        context: Any = {"ti": ti, "task_instance": ti, "run_id": ti.run_id}
        before, began, started = set(sys.modules), time.time(), time.perf_counter()
        try:
            xcoms[task] = operator.execute(context)
        except TaskDeferred:
            xcoms[task] = None
        loaded = set(sys.modules) - before
        answer = {
            "task": task,
            "seconds": round(time.perf_counter() - started, 3),
            "peak_mb": round(peak_mb(), 1),
            "private_mb": round(private_mb(), 1),
            "between": [began, time.time()],
            "modules": len(loaded),
            "heavy": [name for name in HEAVY if name in loaded],
            "loaded": sorted({name for name in loaded if name.count(".") < 2}),
            "returned": xcoms[task],
        }
        print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
