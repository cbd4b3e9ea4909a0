"""The four operators through the real Airflow, on the local engine, with real jobs."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.task_notes import SubmittedJob, TaskFailure

DAGS = Path(__file__).parent / "dags"


def states(run: Any) -> dict[str, str]:
    return {task["id"]: task["state"] for task in run.tasks}


@pytest.mark.parametrize("dag_id", [pytest.param("in_place", marks=pytest.mark.slow), "deferred"])
def test_four_operators(media: Any, airflow_home: Any, connection: Any, dag_id: str) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", dag_id)
    assert run.state == "success", run.log.read_text()[-4000:]
    report = SampleReport.from_xcom(run.returned("sample"))
    assert report.passed
    assert report.rows == 2
    assert sorted(row["size"] for row in report.preview) == [20, 42], (
        "edges: the smallest and the largest file, doubled"
    )
    result = BatchResult.from_xcom(run.returned("full"))
    assert (result.rows, result.files, result.generation) == (12, 12, 0)
    assert result.location.endswith(f"/{result.job.split('.')[-1]}/")
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    sizes = staged.rows(f'SELECT $1:"size"::NUMBER AS N FROM {staged.source(result.location)} ORDER BY 1')
    assert [row["N"] for row in sizes] == [2 * (10 + number) for number in range(12)]
    assert run.xcoms["full"]["mediabatch_job"]["job"] == result.job
    pushed = {task: run.xcoms[task]["mediabatch_location"]["location"] for task in ("list_files", "validate", "full")}
    assert pushed["full"] == result.location
    assert result.location.startswith(pushed["validate"])
    assert pushed["list_files"].startswith("@MEDIA.PUBLIC.OP_WORK/")
    info = jobs.describe(connection, result.job)
    assert info is not None
    assert info.status == "DONE"
    if dag_id == "deferred":
        triggers = stored_triggers(airflow_home)
        assert len(triggers) >= 2
        # A triggerer on this database would take these rows up, and must leave the jobs to dag.test().
        assert all(kwargs["in_dag_test"] is True for kwargs in triggers)


def stored_triggers(home: Any) -> list[dict[str, Any]]:
    """The arguments of the job triggers in Airflow's database, which ``dag.test()`` does not encrypt."""
    with closing(sqlite3.connect(home.path / "airflow.db")) as database:
        rows = database.execute("SELECT kwargs FROM trigger WHERE classpath LIKE '%.BatchJobTrigger'")
        return [json.loads(kwargs) for (kwargs,) in rows]


def test_shards_run_one_job_each(media: Any, airflow_home: Any) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", "shards")
    assert run.state == "success", run.log.read_text()[-4000:]
    results = [BatchResult.from_xcom(value) for value in run.returned("full")]
    assert len(results) == 3
    assert sum(result.rows for result in results) == 12
    assert len({result.job for result in results}) == 3
    assert SampleReport.from_xcom(run.returned("sample")).rows == 6


def test_a_sample_that_fails_stops_the_full_run(media: Any, airflow_home: Any) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", "bad_sample")
    assert states(run)["sample"] == "failed"
    assert states(run)["full"] == "upstream_failed"
    log = run.log.read_text()
    assert "not true for 3 rows, for example" in log
    assert "The full run was not started" in log
    report = SampleReport.from_xcom(run.xcoms["sample"]["report"])
    assert not report.passed
    assert [check.name for check in report.checks if not check.passed] == [
        '"size" > 1000000',
        '"size" / ("size" - "size") = 1',
    ]


def test_a_job_that_the_model_failed_shows_its_log_and_is_not_paid_for_again(
    media: Any, airflow_home: Any, connection: Any
) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", "failing_job")
    assert states(run)["full"] == "failed"
    log = run.log.read_text()
    assert "cannot read this picture" in log
    assert "incurs no more cost" in log
    job = SubmittedJob.from_xcom(run.xcoms["full"]["mediabatch_job"])
    failure = TaskFailure.from_xcom(run.xcoms["full"]["mediabatch_failure"])
    assert failure.cause == "ValueError: cannot read this picture"
    assert "because the model raised an exception" in failure.what
    assert "Traceback" not in failure.what, "the log is for those who may read logs"
    assert "incurs no more cost" in failure.running
    assert Manifest.from_xcom(job.manifest).location == run.returned("list_files")["location"]
    pushed = job.job
    assert pushed.endswith("_0")
    found = jobs.statuses(connection, "MEDIA.PUBLIC")
    assert found[pushed] == "FAILED"
    assert pushed[:-1] + "1" not in found


@pytest.mark.slow
def test_a_timeout_reaches_the_job(media: Any, airflow_home: Any, connection: Any) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", "too_slow")
    assert states(run)["full"] == "failed"
    assert "was not finished in time" in run.log.read_text()
    job = run.xcoms["full"]["mediabatch_job"]["job"]
    info = jobs.describe(connection, job)
    assert info is not None
    assert info.status in ("CANCELLED", "CANCELLING")


@pytest.mark.slow
def test_execution_timeout_reaches_the_job_when_waiting_in_place(
    media: Any, airflow_home: Any, connection: Any
) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", "alarm")
    assert states(run)["full"] == "failed"
    info = jobs.describe(connection, run.xcoms["full"]["mediabatch_job"]["job"])
    assert info is not None
    assert info.status in ("CANCELLED", "CANCELLING")


def test_nothing_to_do_runs_no_job(media: Any, airflow_home: Any) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", "empty")
    assert run.state == "success", run.log.read_text()[-4000:]
    result = BatchResult.from_xcom(run.returned("full"))
    assert (result.job, result.rows) == ("", 0)


@pytest.mark.slow
def test_partitions_are_all_there(media: Any, airflow_home: Any, connection: Any) -> None:
    run = airflow_home.run_dag(DAGS / "batch.py", "partitions")
    assert run.state == "success", run.log.read_text()[-4000:]
    result = BatchResult.from_xcom(run.returned("full"))
    assert result.rows == 2
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    rows = staged.rows(f'SELECT $1:"total"::FLOAT AS T FROM {staged.source(result.location)} ORDER BY 1')
    assert [row["T"] for row in rows] == [4.0, 10.0]
