"""A run that is cleared, after something changed around it, pays for nothing twice. Task by task, with real jobs."""

from __future__ import annotations

from typing import Any

import pytest
from operators.bad_files import Files

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError, TooManyQuarantinedError
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.ledger.claims import REJECTED, resolve_subject
from airflow_provider_mediabatch.ledger.ledger import Ledger


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str, saying_model: str) -> Files:
    made = Files(media, connection, conn_id)
    made.model = saying_model
    return made


def loaded(files: Files) -> dict[int, Any]:
    """The results table: number of the file to its error."""
    found = rows(files.connection, f"SELECT MB_PATH, MB_ERROR FROM {files.name}_RESULTS ORDER BY 1")
    numbers = [int(row["MB_PATH"][-7:-4]) for row in found]
    assert len(numbers) == len(set(numbers)), "a file is there twice"
    return dict(zip(numbers, (row["MB_ERROR"] for row in found), strict=True))


def test_a_cleared_run_whose_files_or_output_are_gone_runs_nothing_again(files: Files) -> None:
    files.write(3)
    manifest = files.list_files("one")
    priced = {"credits_per_hour": 360, "price_per_credit": 10}
    result = BatchResult.from_xcom(files.full("one", manifest, files.plan("one", manifest), **priced))
    assert result.cost
    # A retry that takes the result from the ledger knows what it cost.
    again = BatchResult.from_xcom(files.full("one", manifest, files.plan("one", manifest)))
    assert (again.adopted, again.job_seconds, again.cost, again.currency) == (
        True,
        result.job_seconds,
        result.cost,
        "USD",
    )
    # Archived after the job, before the load: the manifest is another one, and its job would have another name.
    (files.folder / "f001.bin").unlink()
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    empty = files.full("one", manifest, plan)
    assert (empty["job"], files.jobs()) == ("", {"DONE": 1})
    assert files.load("one", empty)["rows"] == 3
    assert loaded(files) == dict.fromkeys(range(3))
    # Other work with the same files is another job, as before.
    changed = files.full("one", manifest, files.plan("one", manifest, mode="plain"))
    assert changed["job"]
    assert files.jobs() == {"DONE": 2}
    rows(files.connection, f"REMOVE @OP_WORK/{files.name}/")
    assert files.full("one", manifest, files.plan("one", manifest, mode="plain"))["job"] == ""
    assert files.jobs() == {"DONE": 2}, "output that was loaded and removed is not paid for again"


def test_a_file_that_is_run_again_keeps_its_later_row(files: Files) -> None:
    files.write(2, 1)
    manifest = files.list_files("one")
    with pytest.raises(TooManyQuarantinedError):
        files.full("one", manifest, files.plan("one", manifest), max_failed_fraction=0)
    # Nothing was loaded. Somebody corrects the parameters, releases the file and clears the run.
    _, subject = resolve_subject(files.connection, files.model, "V1", None)
    assert Ledger(files.connection, files.ledger).release_quarantined(subject) == 1
    manifest = files.list_files("one")
    assert manifest["row_count"] == 1
    result = files.full("one", manifest, files.plan("one", manifest, mode="plain"))
    files.load("one", result)
    assert loaded(files) == dict.fromkeys(range(3)), "the error of the earlier job does not replace the prediction"


def test_a_cleared_run_of_shards_finds_its_sample_and_its_jobs(files: Files) -> None:
    files.write(4, 1)

    def run() -> tuple[SampleReport, list[BatchResult]]:
        shards = files.list_files("one", max_files_per_shard=3)
        plan = files.plan("one", shards)
        report = files.sample("one", shards, plan)
        results = [files.full("one", shard, plan, report, index=index) for index, shard in enumerate(shards)]
        return SampleReport.from_xcom(report), [BatchResult.from_xcom(item) for item in results]

    report, results = run()
    assert [result.rows for result in results] == [2, 2]
    assert files.jobs() == {"DONE": 3}
    again, adopted = run()
    assert again.job == report.job
    assert [result.job for result in adopted] == [result.job for result in results]
    assert files.jobs() == {"DONE": 3}
    # The sample's list of files that it quarantined is gone: without it they would be in the job.
    shards = files.list_files("one", max_files_per_shard=3)
    rows(files.connection, f"REMOVE {again.quarantined_location}")
    with pytest.raises(InvalidInputError, match="list of quarantined files"):
        files.full("one", shards[0], files.plan("one", shards), again.to_xcom(), index=0)


def test_a_model_that_fails_for_every_file_that_does_not_end_its_process_is_at_fault(files: Files) -> None:
    """One file kills the process, so that the files are isolated; the model says of all others that they failed."""
    files.write(0, 0, 1)
    (files.folder / "f002.bin").write_text("CRASH")
    manifest = files.list_files("one")
    with pytest.raises(TooManyQuarantinedError, match="no file is quarantined"):
        files.full("one", manifest, files.plan("one", manifest), isolate_failures=True)
    assert files.states() == dict.fromkeys(range(3), "claimed")


def test_an_old_result_that_is_loaded_again_leaves_what_was_reprocessed(files: Files) -> None:
    files.write(2)
    manifest = files.list_files("one")
    old = files.full("one", manifest, files.plan("one", manifest))
    assert files.load("one", old)["rows"] == 2
    manifest = files.list_files("two", reprocess=True, max_files=1)
    new = files.full("two", manifest, files.plan("two", manifest))
    assert files.load("two", new)["rows"] == 1
    assert files.load("one", old)["rows"] == 1, "the other file's row is of the later job"
    found = rows(files.connection, f"SELECT MB_JOB FROM {files.name}_RESULTS ORDER BY MB_PATH")
    assert [row["MB_JOB"] for row in found] == [new["job"], old["job"]]
    # A table of its own gets the old rows: the later ones are not in it.
    assert files.load("one", old, table=f"{files.name}_OTHER")["rows"] == 2


def test_a_reprocessing_that_was_given_back_goes_on_or_leaves_the_earlier_output(files: Files) -> None:
    files.write(2)
    manifest = files.list_files("one")
    old = files.full("one", manifest, files.plan("one", manifest))
    manifest = files.list_files("two", reprocess=True)
    Ledger(files.connection, files.ledger).release(str(Manifest.from_xcom(manifest).claim_id), "the sample failed")
    # Nothing was loaded by the first run. A later one of the DAG loads its output beside its own.
    files.write(1, first=2)
    listed = files.list_files("three")
    assert listed["row_count"] == 1
    assert files.load("three", files.full("three", listed, files.plan("three", listed)))["rows"] == 3
    # The sample is cleared and passes. The full batch is not answered with the earlier job's result.
    new = files.full("two", manifest, files.plan("two", manifest))
    assert new["job"] not in ("", old["job"])
    assert files.load("two", new)["rows"] == 2
    assert files.jobs() == {"DONE": 3}
    found = rows(files.connection, f"SELECT MB_JOB FROM {files.name}_RESULTS ORDER BY MB_PATH")
    assert [row["MB_JOB"] for row in found][:2] == [new["job"]] * 2


def test_a_run_that_is_cleared_to_reprocess_runs_its_files_anew(files: Files) -> None:
    """As ``airflow backfill create --reprocess-behavior completed --dag-run-conf '{"reprocess": true}'`` does."""
    files.write(2)
    jobs = []
    for again in (False, True, True):
        manifest = files.list_files("one", reprocess=again)
        assert manifest["row_count"] == 2
        result = files.full("one", manifest, files.plan("one", manifest))
        assert files.load("one", result)["rows"] == 2
        jobs.append(result["job"])
    assert len(set(jobs)) == 3
    assert files.jobs() == {"DONE": 3}
    found = rows(files.connection, f"SELECT MB_JOB FROM {files.name}_RESULTS")
    assert [row["MB_JOB"] for row in found] == [jobs[-1]] * 2


def test_files_that_a_rejected_run_has_adopted_are_loaded_by_a_later_one(files: Files) -> None:
    files.write(2)
    manifest = files.list_files("one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClaimedRows, "record_done", lambda *args: pytest.fail("the worker dies here"))
        with pytest.raises(pytest.fail.Exception):
            files.full("one", manifest, files.plan("one", manifest))
    files.write(1, first=2)
    manifest = Manifest.from_xcom(files.list_files("two"))
    assert manifest.row_count == 1
    assert files.states() == {0: "done", 1: "done", 2: "claimed"}
    # Its sample is rejected, and nothing is loaded.
    Ledger(files.connection, files.ledger).release(str(manifest.claim_id), REJECTED)
    listed = files.list_files("three")
    assert listed["row_count"] == 1
    assert files.load("three", files.full("three", listed, files.plan("three", listed)))["rows"] == 3
    assert loaded(files) == dict.fromkeys(range(3))
    files.write(1, first=3)
    listed = files.list_files("four")
    assert files.load("four", files.full("four", listed, files.plan("four", listed)))["rows"] == 1
