"""One run of one DAG by ``dag.test()``; run as ``python -m`` in the environment of an :class:`AirflowHome`."""

from __future__ import annotations

import argparse
import json
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any


def _task_instances(run: Any) -> list[dict[str, Any]]:
    instances = sorted(run.get_task_instances(), key=lambda ti: (ti.start_date is None, ti.start_date, ti.map_index))
    return [
        {
            "id": ti.task_id,
            "map_index": ti.map_index,
            "state": str(ti.state),
            "seconds": round((ti.end_date - ti.start_date).total_seconds(), 2)
            if ti.start_date and ti.end_date
            else 0.0,
            "try": ti.try_number,
        }
        for ti in instances
    ]


def _xcoms(run: Any) -> dict[str, dict[str, Any]]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    found: dict[str, dict[str, Any]] = {}
    with create_session() as session:
        query = select(XComModel).where(XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id)
        for row in session.scalars(query.order_by(XComModel.map_index)):
            value = XComModel.deserialize_value(row)
            values = found.setdefault(row.task_id, {})
            if row.map_index >= 0:
                values.setdefault(row.key, []).append(value)
            else:
                values[row.key] = value
    return found


def _keep_failures(dag: Any) -> list[dict[str, Any]]:
    """Have every task of the DAG note what its tries raise. A log could only be searched for what looks like it.

    :return: the list that grows while the DAG runs.
    """
    failures: list[dict[str, Any]] = []

    def note(context: Any) -> None:
        ti, error = context["ti"], context.get("exception")
        text = "".join(traceback.format_exception_only(error)) if isinstance(error, BaseException) else str(error)
        failures.append({"task": ti.task_id, "map_index": ti.map_index, "try": ti.try_number, "error": text.strip()})

    for task in dag.tasks:
        for callback in ("on_failure_callback", "on_retry_callback"):
            present = getattr(task, callback) or []
            setattr(task, callback, [*(present if isinstance(present, list) else [present]), note])
    return failures


def main() -> None:
    """Run the DAG and write its state, task instances and XComs as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dag-file", type=Path, required=True)
    parser.add_argument("--dag-id", required=True)
    parser.add_argument("--conf", type=json.loads)
    parser.add_argument("--logical-date", type=datetime.fromisoformat)
    parser.add_argument("--run-after", type=datetime.fromisoformat)
    parser.add_argument("--result", type=Path, required=True)
    arguments = parser.parse_args()

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import timezone

    bag = DagBag(arguments.dag_file)
    if bag.import_errors:
        raise SystemExit("\n".join(bag.import_errors.values()))
    if arguments.dag_id not in bag.dags:
        raise SystemExit(f"{arguments.dag_file.name} has no DAG {arguments.dag_id}: it has {', '.join(bag.dags)}")
    dag = bag.dags[arguments.dag_id]
    failures = _keep_failures(dag)
    run = dag.test(
        logical_date=arguments.logical_date or timezone.utcnow(),
        run_after=arguments.run_after,
        run_conf=arguments.conf or {},
    )
    result = {"state": str(run.state), "tasks": _task_instances(run), "xcoms": _xcoms(run), "failures": failures}
    arguments.result.write_text(json.dumps(result, default=str))


if __name__ == "__main__":
    main()
