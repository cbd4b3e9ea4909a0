"""Files that the model cannot process: what they cost, whom they stop, and who is told. Real jobs on the engine."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from operators.bad_files import Files
from operators.job_requests import until

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import (
    JobFailedError,
    LedgerError,
    ModelRaisedError,
    TooManyQuarantinedError,
)
from airflow_provider_mediabatch.local import faults


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str) -> Files:
    return Files(media, connection, conn_id)


@pytest.mark.slow
def test_what_the_model_raises_is_not_paid_for_again(files: Files) -> None:
    files.write(2, 1)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    with pytest.raises(ModelRaisedError) as caught:
        files.sample("one", manifest, plan)
    text = str(caught.value)
    assert all(f"/f00{number}.bin" in text for number in range(3))
    assert "cannot read this picture: POISON 1" in text
    assert "so the task is not retried" in text
    assert files.jobs() == {"FAILED": 1}
    assert set(files.states().values()) == {"released"}, "no retry follows, though tries are left"


def test_a_bad_file_in_the_sample_is_quarantined_and_left_out(files: Files) -> None:
    files.write(4, 1)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    report = SampleReport.from_xcom(files.sample("one", manifest, plan, isolate_failures=True))
    assert (report.passed, report.rows) == (True, 2)
    assert [item["path"][-8:] for item in report.quarantined] == ["f001.bin"]
    assert report.quarantined[0]["error"].startswith("ValueError: cannot read this picture: POISON 1")
    assert files.states()[1] == "quarantined"
    before = files.jobs()
    assert before == {"FAILED": 2, "DONE": 2}
    again = SampleReport.from_xcom(files.sample("one", manifest, plan, isolate_failures=True))
    assert (again.rows, again.quarantined, files.jobs()) == (2, report.quarantined, before), "a retry pays for nothing"

    result = BatchResult.from_xcom(files.full("one", manifest, plan, again.to_xcom()))
    assert (result.rows, result.files, result.quarantined_count) == (4, 4, 0)
    assert files.jobs() == before + Counter({"DONE": 1}), "the whole batch took one job"
    assert files.states() == dict.fromkeys((0, 2, 3, 4), "done") | {1: "quarantined"}
    adopted = BatchResult.from_xcom(files.full("one", manifest, plan, again.to_xcom()))
    assert (adopted.adopted, adopted.rows, adopted.quarantined_count) == (True, 4, 0)

    # The next run does not draw it again. Its one file is bad too, and the model has been proved.
    files.write(0, 5, first=5)
    manifest = files.list_files("two")
    assert manifest["row_count"] == 1
    plan = files.plan("two", manifest)
    report = SampleReport.from_xcom(files.sample("two", manifest, plan, isolate_failures=True))
    assert (report.passed, report.rows, report.quarantined_count) == (True, 0, 1)
    assert BatchResult.from_xcom(files.full("two", manifest, plan, report.to_xcom())).job == ""
    assert files.states()[5] == "quarantined"
    assert files.jobs() == before + Counter({"DONE": 1, "FAILED": 1})


@pytest.mark.slow
def test_a_shard_of_one_bad_file_does_not_stop_the_others(files: Files) -> None:
    files.write(2, 2)
    shards = files.list_files("one", max_files_per_shard=2)
    plan = files.plan("one", shards)
    with pytest.raises(TooManyQuarantinedError, match="the model fails for every file") as caught:
        files.full("one", shards[1], plan, index=1, isolate_failures=True)
    assert "f002.bin" in str(caught.value)
    first = files.full("one", shards[0], plan, index=0, isolate_failures=True)
    # Now the model is known to work, so it is the file. Its job has failed already, and no other is started.
    result = BatchResult.from_xcom(files.full("one", shards[1], plan, index=1, isolate_failures=True))
    assert (result.rows, result.quarantined_count) == (0, 1)
    assert files.states() == {0: "done", 1: "done", 2: "quarantined"}
    loaded = files.load("one", [first, result.to_xcom()])
    assert (loaded["rows"], loaded["files"], loaded["quarantined"]) == (2, 3, 1)
    assert files.jobs() == {"DONE": 1, "FAILED": 1}


def test_a_late_file_beside_a_running_job_is_all_that_is_new(files: Files, connection: Any) -> None:
    files.write(2)
    manifest = files.list_files("one")
    with pytest.raises(TaskDeferred):
        files.full("one", manifest, files.plan("one", manifest, mode="endless"), deferrable=True)
    (job,) = {row["JOB_NAME"] for row in rows(connection, f"SELECT JOB_NAME FROM {files.ledger}")}
    until(connection, job, "RUNNING")
    assert files.list_files("one")["digest"] == manifest["digest"], "without a late file it is the same work"
    files.write(1, first=2)
    late = files.list_files("one")
    assert (late["row_count"], late["skipped"]) == (1, {"claimed": 2})
    assert set(files.states().values()) == {"claimed"}
    jobs.cancel(connection, job)
    until(connection, job, "CANCELLED")
    assert files.list_files("one")["row_count"] == 3, "what a cancelled job has not done is open"


def test_a_full_batch_records_its_files_after_the_listing_alone_was_cleared(files: Files, connection: Any) -> None:
    files.write(2)
    manifest = files.list_files("one")
    with pytest.raises(TaskDeferred) as deferred:
        files.full("one", manifest, files.plan("one", manifest), deferrable=True)
    state = json.loads(json.dumps(deferred.value.trigger.serialize()[1]["state"]))
    assert files.list_files("one")["claim_id"] != manifest["claim_id"], "the new try holds the same files"
    until(connection, state["attempt"]["job"], "DONE")
    result = files.full("one", None, None, event={"outcome": "done", "status": "DONE", "state": state})
    assert (result["job"], result["rows"]) == (state["attempt"]["job"], 2)
    assert set(files.states().values()) == {"done"}


@pytest.mark.slow
def test_an_isolation_that_was_not_recorded_is_adopted(
    files: Files, media: Any, request: pytest.FixtureRequest
) -> None:
    files.write(3, 1)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    rule = {"match": "SET STATE = 'quarantined'", "nth": 1, "action": "error", "code": 3001, "sqlstate": "42501",
            "message": "Insufficient privileges to operate on table"}  # fmt: skip
    faults.install(media.engine.state_dir, json.dumps({"rules": [rule]}))
    request.addfinalizer(lambda: faults.install(media.engine.state_dir, None))
    with pytest.raises(LedgerError):
        files.full("one", manifest, plan, isolate_failures=True)
    before = files.jobs()
    assert set(files.states().values()) == {"claimed"}
    manifest = files.list_files("two")
    assert files.jobs() == before
    assert (manifest["row_count"], files.states()) == (0, {0: "done", 1: "quarantined", 2: "done", 3: "done"})


@pytest.mark.slow
def test_a_file_of_which_the_models_process_dies(files: Files, connection: Any) -> None:
    """A real segmentation fault in the sample, and the kernel's signal for used up memory behind it."""
    files.write(8)
    (files.folder / "f001.bin").write_text("CRASH")
    (files.folder / "f006.bin").write_text("MEMORY")
    manifest = files.list_files("one")
    plan = files.plan("one", manifest, mode="dying")
    with pytest.raises(JobFailedError) as caught:
        files.sample("plain", manifest, plan)
    died = "The model's process died: worker 0 was killed by signal 11 (SIGSEGV), exit code 139 (SIGSEGV)"
    assert died in str(caught.value)
    assert "/f001.bin" in str(caught.value)
    assert "With isolate_failures=True" in str(caught.value)

    sample = SampleReport.from_xcom(files.sample("one", manifest, plan, isolate_failures=True))
    result = BatchResult.from_xcom(
        files.full("one", manifest, plan, sample.to_xcom(), isolate_failures=True, max_failed_fraction=0.5)
    )
    found = [(item["path"][-8:], item["error"]) for item in (*sample.quarantined, *result.quarantined)]
    assert [path for path, _ in found] == ["f001.bin", "f006.bin"]
    assert found[0][1].startswith(f"{died} (native code")
    assert found[1][1].startswith(
        "The model's process died: worker 0 was killed by signal 9 (SIGKILL), exit code 137 (SIGKILL) (likely out of "
        "memory: raise memory_requests in resources_spec="
    )
    assert (result.rows, result.files) == (6, 7)
    assert files.states() == dict.fromkeys((0, 2, 3, 4, 5, 7), "done") | {1: "quarantined", 6: "quarantined"}
    assert jobs.logs(connection, result.job).endswith("worker 0 was killed by signal 9 (SIGKILL)")
