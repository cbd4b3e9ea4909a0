"""Says what became of a DAG's runs, as they begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from airflow_provider_mediabatch.demo.running_airflow import RunningAirflow

_ENDS = ("success", "failed")


class RunReporter:
    """Reads a DAG's runs from Airflow's REST API.

    :param airflow: the running Airflow.
    :param dag_id: the DAG.
    """

    def __init__(self, airflow: RunningAirflow, dag_id: str) -> None:
        self._airflow, self._dag_id = airflow, dag_id
        self._states: dict[str, str] = {run["dag_run_id"]: run["state"] for run in self._runs()}

    def poll(self) -> Iterator[str]:
        """Lines about runs whose state has changed, with a link; of a failed run what its tasks raised."""
        for run in reversed(self._runs()):
            run_id, state = run["dag_run_id"], run["state"]
            if self._states.get(run_id) == state:
                continue
            self._states[run_id] = state
            yield f"run {state}: {self._airflow.url}/dags/{self._dag_id}/runs/{quote(run_id, safe='')}"
            if state in _ENDS:
                yield from self._ends(run_id)

    def _runs(self) -> list[dict[str, Any]]:
        """The newest runs, the newest first."""
        found = self._airflow.api("GET", f"/dags/{self._dag_id}/dagRuns?order_by=-run_after&limit=20")
        runs: list[dict[str, Any]] = found["dag_runs"]
        return runs

    def _ends(self, run_id: str) -> Iterator[str]:
        """What there is to say of a run's tasks: the one that skipped the run, those that failed."""
        path = f"/dags/{self._dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        tasks = self._airflow.api("GET", f"{path}?order_by=start_date")["task_instances"]
        if skipped := [task["task_id"] for task in tasks if task["state"] == "skipped"]:
            yield f"  skipped: {', '.join(skipped)}. There was nothing to do"
        for task in tasks:
            if task["state"] == "failed":
                yield f"  {task['task_id']} failed: {self._raised(path, task)}"

    def _raised(self, path: str, task: dict[str, Any]) -> str:
        """What a task's last try raised, by its log."""
        log = self._airflow.api(
            "GET",
            f"{path}/{task['task_id']}/logs/{task['try_number']}?map_index={task['map_index']}&full_content=true",
            missing={"content": []},
        )
        for entry in reversed(log["content"]):
            if details := entry.get("error_detail"):
                return str(details[0]["exc_value"]).strip()
        return "its log says why"
