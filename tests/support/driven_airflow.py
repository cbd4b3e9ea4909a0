"""A running Airflow that tests drive: they start runs, read their tasks and XComs, and kill components."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow_provider_mediabatch.demo.running_airflow import RunningAirflow


class DrivenAirflow(RunningAirflow):
    """Airflow's processes over one home, with what tests ask of its REST API."""

    def kill_component(self, name: str) -> None:
        """Kill one component and its children with SIGKILL, as a lost machine would."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.stop_component(name)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run, as the button in the UI does; returns its run id.

        While a DAG's file is read again on a busy machine, Airflow says for a moment that the DAG is not there.
        """
        body = {"logical_date": None, "conf": dict(conf or {})}
        path = f"/dags/{quote(dag_id)}/dagRuns"
        found: list[dict[str, Any]] = []

        def is_started() -> bool:
            answer = self.api("POST", path, body, missing=None)
            found.extend([answer] if answer is not None else [])
            return bool(found)

        self._wait(is_started, 60)
        run_id: str = found[0]["dag_run_id"]
        return run_id

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float = 300) -> str:
        """Wait until a run has ended; returns its state."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"
        self._wait(lambda: self.api("GET", path)["state"] in ("success", "failed"), timeout)
        state: str = self.api("GET", path)["state"]
        return state

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances, as the REST API has them."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}/taskInstances"
        found: list[dict[str, Any]] = self.api("GET", path)["task_instances"]
        return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """A task's XCom."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        return self.api("GET", f"{path}?map_index={map_index}&deserialize=true")["value"]
