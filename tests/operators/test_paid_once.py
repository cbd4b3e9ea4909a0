"""A run that is cleared, after something changed around it, pays for nothing twice. Task by task, with real jobs."""

from __future__ import annotations

from typing import Any

import pytest
from operators.bad_files import Files

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError, TooManyQuarantinedError
from airflow_provider_mediabatch.ledger.claims import resolve_subject
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
