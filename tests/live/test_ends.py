"""What ends a deferred task in a really running Airflow, and what then becomes of its job; and where no password is."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet
from live.stage import until
from written import holding

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.local import faults

if TYPE_CHECKING:
    from live.conftest import Live

pytestmark = pytest.mark.airflow
DAG_FILE = Path(__file__).parent / "dags" / "live_ends.py"


class Run:
    """A run of a DAG of ``dags/live_ends.py``.

    :param conf: ``mode`` of the model (it never ends by itself unless given), ``on_rerun``.
    """

    def __init__(self, live: Live, dag_id: str = "live_ends", **conf: str) -> None:
        self.airflow, self.dag_id = live.airflow, dag_id
        self.connection = live.stages["LIVE_ENDS"].connection
        self.run_id = live.airflow.trigger(dag_id, conf)

    @property
    def task(self) -> dict[str, Any]:
        """Its FullBatch as the REST API has it."""
        found = self.airflow.task_instances(self.dag_id, self.run_id)
        return next(item for item in found if item["task_id"] == "full")

    def until_state(self, state: str, seconds: float = 240) -> None:
        until(lambda: self.task["state"] == state, seconds, lambda: self.task)

    def until_over(self) -> None:
        """Wait for the end of the whole run, which Airflow notes after that of its last task.

        A clear in between is lost: the scheduler notes the end of a run that has a task to do again.
        """
        path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}"
        until(lambda: self.airflow.api("GET", path)["state"] in ("success", "failed"), 60, lambda: self.task)

    def until_try(self, number: int) -> None:
        until(lambda: self.task["try_number"] == number, 120, lambda: self.task)

    @property
    def triggerer(self) -> int | None:
        """Which triggerer has its trigger."""
        found = self.task["triggerer_job"]
        return found and int(found["id"])

    def until_deferred_on(self, generation: int = 0) -> str:
        """Wait until its try of this number (from 0) waits for a job that runs; the job's name."""

        def waiting() -> bool:
            task = self.task
            # A cleared task's next try may attach to the old job first, until that is cancelled.
            return (
                task["state"] == "deferred"
                and task["try_number"] == generation + 1
                and self.job[-2:] == f"_{generation}"
            )

        until(waiting, 240, lambda: (self.task, self.job))
        job = self.job
        until(lambda: self.status(job) == "RUNNING", 60, lambda: self.status(job))
        return job

    @property
    def job(self) -> str:
        """The job it pushed last."""
        return str(self.airflow.xcom(self.dag_id, self.run_id, "full", "mediabatch_job")["job"])

    def pushed(self, key: str) -> Any:
        """What it pushed under a key, if it did."""
        try:
            return self.airflow.xcom(self.dag_id, self.run_id, "full", key)
        except RuntimeError:
            return None

    def status(self, job: str) -> str | None:
        info = jobs.describe(self.connection, job)
        return info.status if info else None

    def until_cancelled(self, job: str) -> None:
        until(lambda: self.status(job) == "CANCELLED", 60, lambda: self.status(job))

    def mark(self, state: str) -> None:
        """As the buttons in the UI do."""
        path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/full"
        self.airflow.api("PATCH", path, {"new_state": state})

    def mark_whole(self, state: str) -> None:
        """As the button of the whole DAG run does."""
        self.airflow.api("PATCH", f"/dags/{self.dag_id}/dagRuns/{self.run_id}", {"state": state})

    def clear(self) -> None:
        body = {"dry_run": False, "dag_run_id": self.run_id, "task_ids": ["full"], "only_failed": False}
        self.airflow.api("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = self.airflow.xcom(self.dag_id, self.run_id, "full")
        return found


@pytest.fixture
def ends(live: Live) -> Live:
    """The DAGs, and two files for them."""
    stage = live.stages["LIVE_ENDS"]
    if not stage.query("LIST @LIVE_ENDS"):
        stage.upload(["one.bin", "two.bin"])
    for dag_id in ("live_ends", "live_ends_limited", "live_ends_in_place"):
        live.airflow.add_dag(DAG_FILE, dag_id)
    return live


@pytest.mark.slow
def test_marked_failed_while_deferred(ends: Live) -> None:
    run = Run(ends)
    job = run.until_deferred_on()
    assert_password_is_nowhere(ends, job)
    run.mark("failed")
    run.until_cancelled(job)
    assert run.task["state"] == "failed"


def assert_password_is_nowhere(live: Live, job: str) -> None:
    """Not in the trigger's row, sealed or open; not in a log, an XCom or another row; not in what the engine was told
    or keeps of its jobs."""
    secret = live.engine.parameters["password"]
    database = live.airflow.home.path / "airflow.db"
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        sealed = [str(row[0]) for row in connection.execute("SELECT kwargs FROM trigger")]
    fernet = Fernet(live.airflow.environment["AIRFLOW__CORE__FERNET_KEY"])
    opened = [text if text.startswith("{") else fernet.decrypt(text.encode()).decode() for text in sealed]
    assert any(job in text for text in opened), "the trigger of this job is among them"
    assert not any(secret in text for text in opened)
    assert holding(live.airflow.home.path, secret) == []
    assert all(name.count("/") == 0 and name.endswith(".json") for name in holding(live.engine.state_dir, secret))


@pytest.mark.slow
def test_marked_succeeded_cleared_and_a_rolling_deploy(ends: Live) -> None:
    succeeded, cleared, kept = Run(ends), Run(ends), Run(ends)

    job = succeeded.until_deferred_on()
    succeeded.mark("success")
    succeeded.until_cancelled(job)

    # Cleared while deferred: its job is cancelled, and the next try is the next job. A task that is cleared before a
    # triggerer runs its trigger has nobody who cancels: the next try attaches to the job then.
    job = cleared.until_deferred_on()
    until(lambda: cleared.triggerer is not None, 60, lambda: cleared.task)
    time.sleep(5)
    cleared.clear()
    cleared.until_cancelled(job)
    job = cleared.until_deferred_on(1)
    cleared.mark("failed")
    cleared.until_cancelled(job)

    # A deploy ends the triggerer: the job goes on, and the next triggerer waits for it.
    job = kept.until_deferred_on()
    before = kept.triggerer
    ends.airflow.stop_component("triggerer")
    ends.airflow.start_component("triggerer")
    time.sleep(5)
    assert kept.status(job) == "RUNNING"
    until(lambda: kept.triggerer not in (None, before), 180, lambda: kept.task)
    assert kept.status(job) == "RUNNING"
    assert kept.task["state"] == "deferred"
    kept.mark("failed")
    kept.until_cancelled(job)


@pytest.mark.slow
def test_a_job_goes_on_when_another_triggerer_takes_its_trigger_over(ends: Live) -> None:
    """The first one is paused, as a virtual machine may be. When it goes on, Airflow ends its triggers there."""
    run = Run(ends)
    job = run.until_deferred_on()
    until(lambda: run.triggerer is not None, 60, lambda: run.task)
    before = run.triggerer
    paused = ends.airflow.processes.pop("triggerer").pid
    os.killpg(paused, signal.SIGSTOP)
    try:
        ends.airflow.start_component("triggerer")
        until(lambda: run.triggerer not in (None, before), 120, lambda: run.task)
        os.killpg(paused, signal.SIGCONT)
        logs = ends.airflow.home.path / "logs"
        until(lambda: any("is left alone" in path.read_text() for path in logs.rglob("*.trigger.*")), 90, lambda: job)
        assert run.status(job) == "RUNNING"
        assert run.task["state"] == "deferred"
        run.mark("failed")
        run.until_cancelled(job)
    finally:
        os.killpg(paused, signal.SIGKILL)


@pytest.mark.slow
def test_marked_while_no_triggerer_runs_its_trigger(ends: Live) -> None:
    ends.airflow.stop_component("triggerer")
    try:
        for state, how in (("failed", Run.mark), ("success", Run.mark), ("failed", Run.mark_whole)):
            run = Run(ends)
            job = run.until_deferred_on()
            how(run, state)
            run.until_cancelled(job)
            assert run.task["state"] == state
    finally:
        ends.airflow.start_component("triggerer")


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "status", "wanted"), [("endless", "RUNNING", 1), ("fail", "PENDING", 2)])
def test_marked_after_its_worker_was_killed(
    ends: Live, request: pytest.FixtureRequest, mode: str, status: str, wanted: int
) -> None:
    """In place, where it has no trigger and no process any more: while it waits for its job, and for a round of two."""
    stuck = {"job": "_R1_", "action": "job_stuck_pending"}
    faults.install(ends.engine.state_dir, json.dumps({"rules": [stuck]}))
    request.addfinalizer(lambda: faults.install(ends.engine.state_dir, None))
    run = Run(ends, "live_ends_in_place", mode=mode)

    def waited_for() -> list[str]:
        pushed = run.pushed("mediabatch_waiting") or {"jobs": [[run.pushed("mediabatch_job")["job"], None]]}
        return [job for job, _ in pushed["jobs"] if run.status(job) == status]

    until(lambda: run.pushed("mediabatch_job"), 240, lambda: run.task)
    until(lambda: len(waited_for()) == wanted, 60, lambda: (waited_for(), run.task))
    os.kill(run.task["pid"], signal.SIGKILL)
    run.until_state("up_for_retry")
    found = waited_for()
    assert len(found) == wanted, "a lost worker cancels nothing"
    run.mark("failed")
    for job in found:
        run.until_cancelled(job)


@pytest.mark.slow
def test_execution_timeout_cancels(ends: Live) -> None:
    run = Run(ends, "live_ends_limited")
    job = run.until_deferred_on()
    run.until_state("failed")
    run.until_cancelled(job)


@pytest.mark.slow
def test_cleared_after_success_does_as_on_rerun_says(ends: Live) -> None:
    for run, generation in (
        (Run(ends, mode="plain", on_rerun="adopt"), 0),
        (Run(ends, mode="plain", on_rerun="rerun"), 1),
    ):
        run.until_state("success")
        run.until_over()
        before = run.result()
        assert before["generation"] == 0
        run.clear()
        run.until_try(2)
        run.until_state("success")
        after = run.result()
        assert (after["generation"], after["adopted"]) == (generation, generation == 0)
        assert (after["job"] == before["job"]) == (generation == 0)
