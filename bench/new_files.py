"""From the end of an upload to a queued run, in a really running Airflow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from airflow_provider_mediabatch.demo.running_airflow import RunningAirflow
from bench.measure import Figure, percentile
from bench.scene import Scene

SECTION = "New files"
DAG_FILE = Path(__file__).parent / "dags" / "new_files.py"
# As in the DAG: it looks every 2 s, and waits until nothing newer came for 1 s.
POLL, SETTLE = 2.0, 1.0
SLACK = 5.0
PATIENCE = 60.0


def figures(scene: Scene, uploads: int) -> Iterator[Figure]:
    """Seconds from an upload's end to the moment its run was queued; every upload must make exactly one run."""
    scene.sql("CREATE STAGE UPLOADS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    home = AirflowHome(scene.state_dir.parent / "airflow", {"snowflake_default": scene.status.airflow_connection})
    home.prepare()
    airflow = RunningAirflow(home)
    try:
        airflow.start()
        airflow.add_dag(DAG_FILE, "new_files")
        seconds = [_upload(scene, airflow, number) for number in range(uploads + 1)][1:]  # the first warms up
        runs = _runs(airflow)
    finally:
        airflow.stop()
    if len(runs) != uploads + 1:
        raise RuntimeError(f"{uploads + 1} uploads made {len(runs)} runs")
    p50 = percentile(seconds, 0.5)
    note = f"p50 {p50:.1f} s of {uploads} uploads; a poll every {POLL:g} s, settled after {SETTLE:g} s"
    p95 = [percentile(seconds, 0.95)]
    yield Figure(SECTION, "upload to queued run, p95", "s", p95, at_most=POLL + SLACK, note=note)


def _runs(airflow: RunningAirflow) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.api("GET", "/dags/new_files/dagRuns?limit=100&order_by=-id")["dag_runs"]
    return found


def _upload(scene: Scene, airflow: RunningAirflow, number: int) -> float:
    file = scene.state_dir.parent / f"upload-{number}.bin"
    file.write_text(str(number))
    before = len(_runs(airflow))
    scene.sql(f"PUT 'file://{file}' @UPLOADS AUTO_COMPRESS = FALSE")
    uploaded = datetime.now(UTC)
    while len(runs := _runs(airflow)) == before:
        if (datetime.now(UTC) - uploaded).total_seconds() > PATIENCE:
            raise RuntimeError(f"upload {number} made no run in {PATIENCE:g} s")
        time.sleep(0.2)
    return (datetime.fromisoformat(runs[0]["queued_at"]) - uploaded).total_seconds()
