"""One unreadable file does not cost the run: through the real Airflow on the local engine, with real jobs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.client import jobs, stages
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.local import faults

DAG_FILE = Path(__file__).parent / "dags" / "isolation.py"
MODES = [pytest.param("isolate_in_place", marks=pytest.mark.slow), "isolate_deferred"]
DAY = "2026-11-01T00:00:00+00:00"
SAME = {"logical_date": DAY, "run_after": DAY}
"""Given to two runs, they are one and the same run: its job names are the same."""


@pytest.fixture
def place(media: Any, airflow_home: Any, connection: Any) -> Any:
    """A stage of the test's own with good and bad files; runs of the DAGs on it; the engine's record of them."""
    name = f"ISO_{uuid.uuid4().hex[:8]}".upper()
    bucket = name.lower().replace("_", "-")
    connection.cursor().execute(f"CREATE STAGE {name} URL = 's3://{bucket}/in/'")

    class Place:
        environment = {"ISOLATION_NAME": name}  # noqa: RUF012

        def write(self, good: int, *bad: int) -> None:
            folder = Path(media.engine.state_dir) / "buckets" / bucket / "in"
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(good + len(bad)):
                text = f"POISON {number}" if number in bad else f"file {number}"
                (folder / f"f{number:03}.bin").write_text(text)

        def run(self, dag_id: str, **arguments: Any) -> Any:
            return airflow_home.run_dag(DAG_FILE, dag_id, environment=self.environment, **arguments)

        def run_until_killed(self, dag_id: str, job: str) -> None:
            """Start the run of DAY, and kill it with SIGKILL as soon as a job of this name is there."""
            shutil.copy(DAG_FILE, airflow_home.dags / DAG_FILE.name)
            command = [
                *(sys.executable, "-m", "airflow_provider_mediabatch.demo.run_dag"),
                *("--dag-file", str(airflow_home.dags / DAG_FILE.name), "--dag-id", dag_id),
                *("--logical-date", DAY, "--run-after", DAY, "--result", str(airflow_home.path / "never.json")),
            ]
            log = airflow_home.path / "killed.log"
            with log.open("w") as output:
                process = subprocess.Popen(
                    command,
                    env=airflow_home.environment() | self.environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            try:
                deadline = time.monotonic() + 240
                while not any(job in found for found in self.names()):
                    assert process.poll() is None, log.read_text()[-4000:]
                    assert time.monotonic() < deadline, log.read_text()[-4000:]
                    time.sleep(0.1)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

        def jobs(self) -> Counter[str]:
            """Statuses of this test's jobs, by the engine's record."""
            every = jobs.statuses(connection, "MEDIA.PUBLIC")
            return Counter(every[name] for name in self.names())

        def names(self) -> list[str]:
            """Its jobs: those that write below its folder."""
            with sqlite3.connect(media.engine.state_dir / "catalog.sqlite") as catalog:
                found = catalog.execute(
                    "SELECT database || '.' || schema || '.' || name FROM jobs WHERE output LIKE ?", (f"%/{name}/%",)
                )
                return [row[0] for row in found]

        def ledger(self) -> dict[int, tuple[str, str]]:
            found = rows(connection, f"SELECT FILE_PATH, STATE, ERROR FROM {name}_LEDGER")
            return {int(row["FILE_PATH"][-7:-4]): (row["STATE"], row["ERROR"] or "") for row in found}

        def loaded(self) -> list[int]:
            found = rows(connection, f"SELECT MB_PATH FROM {name}_RESULTS ORDER BY 1")
            return [int(row["MB_PATH"][-7:-4]) for row in found]

    return Place()


def states(run: Any) -> dict[str, str]:
    return {task["id"]: task["state"] for task in run.tasks}


@pytest.mark.parametrize("dag_id", MODES)
def test_one_bad_file_of_forty(place: Any, connection: Any, dag_id: str) -> None:
    place.write(39, 17)
    run = place.run(dag_id)
    log = run.log.read_text()
    assert run.state == "success", log[-6000:]
    result = BatchResult.from_xcom(run.returned("full"))
    assert (result.rows, result.files, result.generation) == (39, 40, 0)
    ((path, error),) = [(item["path"], item["error"]) for item in result.quarantined]
    assert path.endswith("/f017.bin")
    assert error.startswith("ValueError: cannot read this picture: POISON 17\n")
    assert "1 of 40 rows. They are quarantined" in log
    # One folder, read as every other: the whole job, eight parts of five, five parts of one.
    assert result.location.endswith(f"/{result.job.rsplit('.', 1)[-1]}_I8/")
    assert place.jobs() == {"FAILED": 3, "DONE": 11}
    assert stages.output_folder(connection, result.location) == stages.OutputFolder(11, True)
    good = [number for number in range(40) if number != 17]
    assert place.loaded() == good
    assert place.ledger() == dict.fromkeys(good, ("done", "")) | {17: ("quarantined", error)}
    # The bad one is not taken again until it changes.
    again = place.run(dag_id)
    assert again.state == "success", again.log.read_text()[-4000:]
    assert BatchResult.from_xcom(again.returned("full")).job == ""
    assert sum(place.jobs().values()) == 14


@pytest.mark.slow
def test_bad_files_in_the_sample_and_behind_it(place: Any) -> None:
    place.write(10, 1, 7)
    run = place.run("isolate_sampled")
    assert run.state == "success", run.log.read_text()[-6000:]
    sample = SampleReport.from_xcom(run.returned("sample"))
    assert (sample.rows, [item["path"][-8:] for item in sample.quarantined]) == (2, ["f001.bin"])
    result = BatchResult.from_xcom(run.returned("full"))
    assert (result.rows, [item["path"][-8:] for item in result.quarantined]) == (10, ["f007.bin"])
    assert place.loaded() == sorted(set(range(12)) - {1, 7})
    assert {number for number, (state, _) in place.ledger().items() if state == "quarantined"} == {1, 7}


@pytest.mark.slow
def test_too_many_bad_files_fail_the_task_and_a_larger_fraction_takes_what_is_done(place: Any, connection: Any) -> None:
    place.write(9, 2, 3, 11)
    run = place.run("isolate_in_place", **SAME)
    log = run.log.read_text()
    assert states(run) == {"list_files": "success", "validate": "success", "full": "failed", "load": "upstream_failed"}
    assert "The model could not process 3 of 12 rows, more than max_failed_fraction=0.1 allows" in log
    assert "incur no more cost. A retry finds the same jobs and starts none" in log
    assert len(run.errors()) == 1, "no retry is spent on it"
    result = BatchResult.from_xcom(run.xcoms["full"]["report"])
    assert (result.rows, result.quarantined_count) == (9, 3)
    before, good = place.jobs(), sorted(set(range(12)) - {2, 3, 11})
    assert [number for number, (state, _) in sorted(place.ledger().items()) if state == "done"] == good
    assert [error.splitlines()[0][-2:] for state, error in place.ledger().values() if state == "quarantined"]

    again = place.run("isolate_in_place", **SAME, conf={"fraction": 0.5})
    assert again.state == "success", again.log.read_text()[-4000:]
    assert place.jobs() == before, "nothing was run again"
    taken = BatchResult.from_xcom(again.returned("full"))
    assert (taken.location, taken.rows, taken.adopted) == (result.location, 9, True)
    assert taken.quarantined == result.quarantined
    assert place.loaded() == good


@pytest.mark.slow
def test_a_part_that_the_server_ended_is_run_again_and_blames_no_file(
    place: Any, media: Any, request: pytest.FixtureRequest
) -> None:
    place.write(11, 5)
    rule = {"job": "_R1_", "nth": 1, "action": "job_internal_error"}
    faults.install(media.engine.state_dir, json.dumps({"rules": [rule]}))
    request.addfinalizer(lambda: faults.install(media.engine.state_dir, None))
    run = place.run("isolate_deferred")
    assert run.state == "success", run.log.read_text()[-6000:]
    assert "ended as INTERNAL_ERROR" in run.log.read_text()
    (again,) = [name for name in place.names() if name.endswith("_1")]
    assert "_R1_" in again, "the second try ran that part and no other"
    assert f"{again[:-1]}0" in place.names()
    assert place.jobs()["INTERNAL_ERROR"] == 1
    assert place.loaded() == [number for number in range(12) if number != 5]


@pytest.mark.slow
def test_when_every_part_fails_it_is_the_model(place: Any) -> None:
    place.write(0, 0, 1, 2, 3)
    run = place.run("isolate_deferred", **SAME)
    log = run.log.read_text()
    assert states(run)["full"] == "failed"
    assert "Either the model fails for every file" in log
    assert "cannot read this picture" in log
    assert place.jobs() == {"FAILED": 5}
    assert {state for state, _ in place.ledger().values()} == {"claimed"}
    again = place.run("isolate_deferred", **SAME)
    assert states(again)["full"] == "failed"
    assert "Either the model fails for every file" in again.log.read_text()
    assert place.jobs() == {"FAILED": 5}, "the same jobs were found"


@pytest.mark.slow
@pytest.mark.parametrize("dag_id", ["isolate_in_place", "isolate_deferred"])
@pytest.mark.parametrize("kill_at", ["_R1_", "_R2_"])
def test_a_killed_worker_leads_to_no_second_job(place: Any, dag_id: str, kill_at: str) -> None:
    place.write(19, 13)
    place.run_until_killed(dag_id, kill_at)
    run = place.run(dag_id, **SAME)
    assert run.state == "success", run.log.read_text()[-6000:]
    names = place.names()
    assert len(names) == len(set(names)) == 1 + 8 + 3, names
    assert all(name.endswith("_0") for name in names), "no second generation of any job"
    assert place.jobs() == {"FAILED": 3, "DONE": 9}
    assert place.loaded() == [number for number in range(20) if number != 13]
    result = BatchResult.from_xcom(run.returned("full"))
    assert [item["path"][-8:] for item in result.quarantined] == ["f013.bin"]
