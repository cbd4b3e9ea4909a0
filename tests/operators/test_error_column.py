"""A model that says which rows failed: one job, the files quarantined with its words. On the engine, with real jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from operators.bad_files import Files

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import (
    InvalidInputError,
    LedgerError,
    SampleFailedError,
    TooManyQuarantinedError,
)
from airflow_provider_mediabatch.local import faults


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str, saying_model: str) -> Files:
    made = Files(media, connection, conn_id)
    made.model = saying_model
    return made


def test_rows_that_failed_cost_no_second_job(files: Files, connection: Any) -> None:
    files.write(6, 1, 5)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    report = SampleReport.from_xcom(files.sample("one", manifest, plan, checks=['"size" > 0']))
    assert (report.passed, report.rows, report.failed_rows, len(report.preview)) == (True, 3, 1, 2)
    error = "ValueError: cannot read this picture: POISON 1"
    assert [(item["path"][-8:], item["error"]) for item in report.quarantined] == [("f001.bin", error)]
    assert ("quarantined files", True) in [(check.name, check.passed) for check in report.checks]
    assert files.states()[1] == "quarantined"
    priced = {"credits_per_hour": 360, "price_per_credit": 10}
    with pytest.raises(InvalidInputError, match=r"more than max_cost=0\.01 allows"):
        files.full("one", manifest, plan, report.to_xcom(), max_cost="0.01", **priced)
    assert files.jobs() == {"DONE": 1}, "nothing was started"
    # One of the seven files that the sample leaves fails, which is more than a tenth, but a single file.
    result = BatchResult.from_xcom(files.full("one", manifest, plan, report.to_xcom(), max_cost=10_000, **priced))
    assert result.job_seconds is not None
    assert result.cost == pytest.approx(result.job_seconds)
    assert result.projected_cost == pytest.approx(7 * (report.seconds_per_file or 0))
    (paid,) = rows(
        connection,
        f"SELECT DISTINCT JOB_COST AS C, PROJECTED_COST AS P FROM {files.ledger} WHERE STATE = 'done'",
    )
    assert (paid["C"], paid["P"], result.currency) == (result.cost, result.projected_cost, "USD")
    assert (result.rows, result.files, result.failed_rows, result.quarantined_count) == (7, 7, 1, 1)
    assert result.quarantined[0]["error"].endswith("POISON 5")
    assert files.states() == {
        0: "done",
        1: "quarantined",
        2: "done",
        3: "done",
        4: "done",
        5: "quarantined",
        6: "done",
        7: "done",
    }
    assert files.jobs() == {"DONE": 2}
    adopted = BatchResult.from_xcom(files.full("one", manifest, plan, report.to_xcom()))
    assert (adopted.adopted, adopted.failed_rows, adopted.quarantined) == (True, 1, result.quarantined)
    loaded = files.load("one", result.to_xcom())
    assert (loaded["rows"], loaded["quarantined"]) == (7, 1)
    found = rows(connection, f'SELECT MB_PATH, MB_ERROR, "size" AS S FROM {loaded["table"]} WHERE MB_ERROR IS NOT NULL')
    assert [(row["MB_PATH"][-8:], row["MB_ERROR"][-8:], row["S"]) for row in found] == [("f005.bin", "POISON 5", None)]


@pytest.mark.slow
def test_too_many_fail_the_task_and_nothing_is_run_again(files: Files) -> None:
    files.write(2, 1, 2)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    with pytest.raises(TooManyQuarantinedError) as caught:
        files.full("one", manifest, plan)
    assert "could not process 2 of 4 rows, more than max_failed_fraction=0.1 allows" in str(caught.value)
    assert "The other 2 rows are whole" in str(caught.value)
    assert files.states() == {0: "done", 1: "quarantined", 2: "quarantined", 3: "done"}
    taken = BatchResult.from_xcom(files.full("one", manifest, plan, max_failed_fraction=0.5))
    assert (taken.adopted, taken.failed_rows, files.jobs()) == (True, 2, {"DONE": 1})


@pytest.mark.slow
def test_when_every_row_fails_it_is_the_model_until_it_has_worked(files: Files) -> None:
    files.write(0, 0, 1)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    with pytest.raises(SampleFailedError, match="2 of 2 sampled files cannot be processed"):
        files.sample("one", manifest, plan)
    with pytest.raises(TooManyQuarantinedError, match="no file is quarantined"):
        files.full("one", manifest, plan)
    assert set(files.states().values()) == {"claimed"}
    # The next run takes these files again, and another one. Then the model is known to work.
    files.write(1, first=2)
    manifest = files.list_files("two")
    result = files.full("two", manifest, files.plan("two", manifest), max_failed_fraction=1.0)
    assert (result["rows"], result["failed_rows"]) == (3, 2)
    files.write(0, 3, first=3)
    manifest = files.list_files("three")
    plan = files.plan("three", manifest)
    report = SampleReport.from_xcom(files.sample("three", manifest, plan))
    assert (report.passed, report.good_rows, report.quarantined_count) == (True, 0, 1)
    assert BatchResult.from_xcom(files.full("three", manifest, plan, report.to_xcom())).job == ""
    assert files.states() == {0: "quarantined", 1: "quarantined", 2: "done", 3: "quarantined"}


def test_a_listing_that_adopts_a_job_reads_its_error_column(
    files: Files, media: Any, request: pytest.FixtureRequest
) -> None:
    files.write(2, 1)
    manifest = files.list_files("one")
    rule = {"match": "SET STATE = 'quarantined'", "nth": 1, "action": "error", "code": 3001, "sqlstate": "42501",
            "message": "Insufficient privileges to operate on table"}  # fmt: skip
    faults.install(media.engine.state_dir, json.dumps({"rules": [rule]}))
    request.addfinalizer(lambda: faults.install(media.engine.state_dir, None))
    with pytest.raises(LedgerError):
        files.full("one", manifest, files.plan("one", manifest))
    assert set(files.states().values()) == {"claimed"}
    assert files.list_files("two")["row_count"] == 0
    assert files.states() == {0: "done", 1: "quarantined", 2: "done"}


def test_another_column_must_be_there(files: Files) -> None:
    files.write(1)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    with pytest.raises(InvalidInputError, match="error_column='WHY' is no output of the model"):
        files.full("one", manifest, plan, error_column="WHY")
    with pytest.raises(InvalidInputError, match="The model's output size is INT64"):
        files.sample("one", manifest, plan, error_column="SIZE")
    assert files.jobs() == {}
