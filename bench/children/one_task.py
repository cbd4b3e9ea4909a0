"""Child: execute one task of the pipeline's DAG in place, as Airflow's task runner does after it has parsed the file.

Prints seconds, and which modules the task loaded. Given these back, it imports them before the clock starts: the
difference is what a task's imports take.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import sys
import time
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

HEAVY = ("snowflake.connector", "snowflake.snowpark", "snowflake.ml", "pandas", "pyarrow", "numpy")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dag-file", required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--xcoms", type=json.loads, required=True)
    parser.add_argument("--preload", type=json.loads, default=[])
    arguments = parser.parse_args()

    spec = importlib.util.spec_from_file_location("pipeline", arguments.dag_file)
    assert spec is not None
    assert spec.loader is not None
    dags = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dags)
    operator = dags.in_place.get_task(arguments.task)
    for name in ("manifest", "plan", "sample"):
        if (value := getattr(operator, name, None)) is not None:
            setattr(operator, name, arguments.xcoms[value.operator.task_id])

    ti = SimpleNamespace(
        dag_id="bench", task_id=arguments.task, run_id=uuid.uuid4().hex, map_index=-1, try_number=1, max_tries=0
    )
    ti.xcom_push, ti.start_date = lambda **_: None, datetime.now(UTC)
    context: Any = {"ti": ti, "task_instance": ti, "run_id": ti.run_id}
    for name in arguments.preload:
        with contextlib.suppress(ImportError):  # some exist only as parts of others
            importlib.import_module(name)
    before = set(sys.modules)
    started = time.perf_counter()
    returned = operator.execute(context)
    seconds = time.perf_counter() - started
    loaded = set(sys.modules) - before
    answer = {
        "seconds": round(seconds, 3),
        "modules": len(loaded),
        "heavy": [name for name in HEAVY if name in loaded],
        "returned": returned,
    }
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
