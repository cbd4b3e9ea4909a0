"""From the end of an upload to the photograph's row in the results table, in a really running Airflow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from airflow_provider_mediabatch.demo.running_airflow import RunningAirflow
from bench.measure import Figure, middle, percentile
from bench.scene import Scene

SECTION = "New file to prediction"
DAG_FILE = Path(__file__).parent / "dags" / "predicted.py"
AGAINST = "five tasks that do nothing, on the same event"
MOST = 12.0
"""Seconds, of the median."""
PATIENCE = 120.0


def figures(scene: Scene, uploads: int) -> Iterator[Figure]:
    """Seconds from an upload's end to its row, and to the end of a run of empty tasks; and where the time goes."""
    scene.sql("CREATE STAGE ARRIVALS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    home = AirflowHome(scene.state_dir.parent / "airflow", {"snowflake_default": scene.status.airflow_connection})
    home.prepare()
    airflow = RunningAirflow(home)
    try:
        airflow.start()
        for dag_id in ("predicted", "nothing"):
            airflow.add_dag(DAG_FILE, dag_id)
        parts = [_upload(scene, airflow, number) for number in range(uploads + 1)][1:]  # the first warms up
    finally:
        airflow.stop()
    ours, nothing = ([part[name] for part in parts] for name in ("row", "nothing"))
    note = f"{uploads} uploads, one after the other; a poll every 5 s, settled after 3 s, with a sample"
    yield Figure(
        SECTION, "upload to row, p50", "s", [middle(ours)], [middle(nothing)], AGAINST, at_most=MOST, note=note
    )
    p95 = [[percentile(seconds, 0.95)] for seconds in (ours, nothing)]
    yield Figure(SECTION, "upload to row, p95", "s", *p95, AGAINST)
    for name in parts[0]:
        if name not in ("row", "nothing"):
            yield Figure(SECTION, f"of it: {name}", "s", [part[name] for part in parts])


def _upload(scene: Scene, airflow: RunningAirflow, number: int) -> dict[str, float]:
    """Upload a file, and wait until its row is there and both runs are over.

    :return: seconds until the row, until the end of the empty run, and of each part of our run.
    """
    file = scene.state_dir.parent / f"arrival-{number:03}.bin"
    file.write_text(str(number))
    before = {dag_id: len(_runs(airflow, dag_id)) for dag_id in ("predicted", "nothing")}
    with scene.cursor() as cursor:
        cursor.execute(f"PUT 'file://{file}' @ARRIVALS AUTO_COMPRESS = FALSE")
        uploaded = datetime.now(UTC)
        while not _has_row(cursor, file.name):
            _check_patience(uploaded, number)
            time.sleep(0.1)
        row = (datetime.now(UTC) - uploaded).total_seconds()
    ended: dict[str, Mapping[str, Any]] = {}
    while len(ended) < len(before):
        _check_patience(uploaded, number)
        time.sleep(0.5)
        for dag_id, count in before.items():
            runs = _runs(airflow, dag_id)
            if len(runs) > count and runs[0]["state"] in ("success", "failed"):
                ended[dag_id] = runs[0]
    if states := {run["state"] for run in ended.values()} - {"success"}:
        raise RuntimeError(f"upload {number} made runs that ended as {', '.join(states)}")
    nothing = (_time(ended["nothing"], "end_date") - uploaded).total_seconds()
    return {"row": row, "nothing": nothing} | _parts(airflow, uploaded, ended["predicted"])


def _parts(airflow: RunningAirflow, uploaded: datetime, run: Mapping[str, Any]) -> dict[str, float]:
    """Where the time goes: until the event made the run, in each task, and between the tasks."""
    path = f"/dags/predicted/dagRuns/{quote(run['dag_run_id'])}/taskInstances"
    tasks = sorted(airflow.api("GET", path)["task_instances"], key=lambda task: str(task["start_date"]))
    ran = [task for task in tasks if task["state"] == "success"]
    queued = _time(run, "queued_at")
    parts = {"poll, settle and event": (queued - uploaded).total_seconds()}
    for task in ran:
        parts[task["task_id"].rpartition(".")[2]] = float(task["duration"])
    spent = sum((_time(task, "end_date") - _time(task, "start_date")).total_seconds() for task in ran)
    parts["scheduler and starts of tasks"] = (_time(ran[-1], "end_date") - queued).total_seconds() - spent
    return parts


def _runs(airflow: RunningAirflow, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.api("GET", f"/dags/{dag_id}/dagRuns?limit=100&order_by=-id")["dag_runs"]
    return found


def _has_row(cursor: Any, name: str) -> bool:
    from snowflake.connector.errors import ProgrammingError

    try:
        cursor.execute("SELECT 1 FROM ARRIVED WHERE ENDSWITH(MB_PATH, %s)", (f"/{name}",))
    except ProgrammingError:
        return False  # The first load makes the table.
    return cursor.fetchone() is not None


def _check_patience(since: datetime, number: int) -> None:
    if (datetime.now(UTC) - since).total_seconds() > PATIENCE:
        raise RuntimeError(f"upload {number} had no row after {PATIENCE:g} s")


def _time(item: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(item[name])
