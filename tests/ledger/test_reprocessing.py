"""A reprocessing that does not come to its end changes nothing: what was done says so, and has the output it had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_mediabatch.client.connection import execute, rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger.claims import REJECTED, LedgerSubject, RecordedJob
from airflow_provider_mediabatch.ledger.tables import COLUMNS

SUBJECT = LedgerSubject("DB.SC.MODEL", "V1", "2026-11-28 10:00:00.123000", "predict")
FIRST, SECOND = "MEDIA.PUBLIC.MB_FIRST_0", "MEDIA.PUBLIC.MB_SECOND_0"


def output(job: str) -> str:
    return f"@MEDIA.PUBLIC.OUT/{job.rpartition('.')[2]}/"


def do(place: Any, manifest: Any, job: str) -> None:
    """What a full batch does around its job."""
    claimed = place.rows_of(manifest)
    claimed.check_owned(job, location=output(job), work_digest=f"work of {job}", error_column="MB_ERROR")
    claimed.record_done(None, BatchResult(job, output(job), 3, 3, 1.0, "p", "M", "V1", "predict"), f"work of {job}")


def facts(place: Any) -> list[tuple[Any, ...]]:
    """What the ledger says of the files' jobs, each once."""
    found = rows(
        place.connection,
        "SELECT DISTINCT STATE, JOB_NAME, JOB_ROLE, OUTPUT_LOCATION, WORK_DIGEST, ERROR_COLUMN, DONE_AT "
        f"FROM {place.table}",
    )
    return [tuple(row.values()) for row in found]


def lose(place: Any, claim: Any) -> None:
    """The run is over without a release, and another one lists."""
    place.ended.add("two")
    assert place.claim("three").skipped == {"done": 3}


def noted_and_lost(place: Any, claim: Any) -> None:
    """The same after its job was noted; it is gone, which proves that it failed."""
    place.rows_of(place.manifest(claim)).check_owned(SECOND, location=output(SECOND), work_digest="other")
    lose(place, claim)


def reject(place: Any, claim: Any) -> None:
    assert place.ledger.release(claim.claim_id, REJECTED) == 3


def list_nothing(place: Any, claim: Any) -> None:
    assert place.names(place.claim("two", reprocess=True, pattern="no such file")) == []


@pytest.mark.parametrize("end", [lose, noted_and_lost, reject, list_nothing])
def test_what_the_ledger_says_of_a_done_file_stays(place: Any, end: Callable[[Any, Any], None]) -> None:
    manifest = place.manifest(place.claim("one"))
    do(place, manifest, FIRST)
    before = facts(place)
    assert [(row[0], row[1], row[3], row[4], row[5]) for row in before] == [
        ("done", FIRST, output(FIRST), f"work of {FIRST}", "MB_ERROR")
    ]
    end(place, place.claim("two", reprocess=True))
    assert facts(place) == before
    assert place.claim("four").skipped == {"done": 3}
    # Its output may not have been loaded yet. Any later run of the DAG, and none of another, loads it.
    later = place.rows_of(replace(manifest, claim_id="MB_LATER_1"))
    assert later.jobs_to_load("dag") == [RecordedJob(FIRST, output(FIRST), 3, is_own=False)]
    assert later.jobs_to_load("other") == []


def test_a_file_that_is_being_reprocessed_has_been_done(place: Any) -> None:
    do(place, place.manifest(place.claim("one")), FIRST)
    two = place.claim("two", reprocess=True)
    assert place.ledger.has_done(SUBJECT), "the model is known to work"
    query = place.rows_of(place.manifest(two)).done_by_others_sql(SECOND)
    assert [row["JOB"] for row in rows(place.connection, query)] == [FIRST] * 3
    do(place, place.manifest(two), SECOND)
    assert [row["JOB"] for row in rows(place.connection, query)] == []
    assert rows(place.connection, f"SELECT DISTINCT EARLIER_JOB FROM {place.table}") == [{"EARLIER_JOB": None}]


def test_a_run_that_goes_on_takes_its_reprocessing_back(place: Any) -> None:
    """Its sample failed, somebody clears it, and it passes. No other run starts a job beside its own."""
    do(place, place.manifest(place.claim("one")), FIRST)
    claim = place.claim("two", reprocess=True)
    manifest = place.manifest(claim)
    place.ledger.release(claim.claim_id, "the sample failed")
    assert not place.rows_of(manifest).ownership(SECOND).finished, "the earlier job's result is not this one's"
    owned = place.rows_of(manifest).check_owned(SECOND, location=output(SECOND))
    assert (owned.open, owned.counts) == (3, {"claimed": 3})
    assert [row[:2] for row in facts(place)] == [("claimed", SECOND)]
    assert place.claim("three", reprocess=True).skipped == {"claimed": 3}
    do(place, manifest, SECOND)
    assert [row[:2] for row in facts(place)] == [("done", SECOND)]
    assert place.rows_of(manifest).jobs_to_load("dag") == [RecordedJob(SECOND, output(SECOND), 3)]


def test_a_reprocessing_that_another_run_has_taken_is_not_taken_back(place: Any) -> None:
    do(place, place.manifest(place.claim("one")), FIRST)
    claim = place.claim("two", reprocess=True)
    manifest = place.manifest(claim)
    place.ledger.release(claim.claim_id, "the sample failed")
    assert len(place.names(place.claim("three", reprocess=True, limit=1))) == 1
    with pytest.raises(InvalidInputError, match="2 rows for the 3 rows of its manifest"):
        place.rows_of(manifest).check_owned(SECOND, location=output(SECOND))
    assert list(place.states().values()).count("claimed") == 1


def test_a_cleared_run_that_does_not_reprocess_any_more_pays_for_nothing(place: Any) -> None:
    do(place, place.manifest(place.claim("one")), FIRST)
    place.ledger.release(place.claim("two", reprocess=True).claim_id, "the sample failed")
    again = place.claim("two")
    assert (place.names(again), again.skipped) == ([], {"done": 3})


def test_a_ledger_of_an_earlier_release_gets_its_column(place: Any) -> None:
    do(place, place.manifest(place.claim("one")), FIRST)
    execute(place.connection, f"ALTER TABLE {place.table} DROP COLUMN EARLIER_JOB")
    before = facts(place)
    assert place.claim("two").skipped == {"done": 3}
    place.ledger.release(place.claim("two", reprocess=True).claim_id, "the sample failed")
    assert facts(place) == before
    # A table of another shape is nobody's ledger, and gets no column.
    execute(place.connection, f"ALTER TABLE {place.table} DROP COLUMN EARLIER_JOB")
    execute(place.connection, f"ALTER TABLE {place.table} DROP COLUMN WORK_DIGEST")
    with pytest.raises(InvalidInputError, match="it lacks WORK_DIGEST, EARLIER_JOB"):
        place.claim("three")


def test_a_ledger_that_cannot_be_extended_is_refused(place: Any) -> None:
    """As for a role without OWNERSHIP. No ALTER TABLE extends a view."""
    columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items() if name != "EARLIER_JOB")
    execute(place.connection, f"CREATE VIEW {place.table} AS SELECT {columns}")
    with pytest.raises(InvalidInputError, match=r"it lacks EARLIER_JOB\. Nothing was written to it"):
        place.claim("one")
