"""Files that are done stay done, and those that a job may still do are nobody else's: releases, repeated listings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_mediabatch.client.connection import execute, rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError, LedgerError
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.ledger.claims import REJECTED, LedgerSubject
from airflow_provider_mediabatch.ledger.conditions import claim_condition
from airflow_provider_mediabatch.ledger.ledger import Ledger
from airflow_provider_mediabatch.ledger.state_statements import release_sql

OUTPUT = "@DB.SC.OUT/MB_JOB_0/"
SUBJECT = LedgerSubject("DB.SC.MODEL", "V1", "2026-11-28 10:00:00.123000", "predict")


def result(job: str) -> BatchResult:
    return BatchResult(job, OUTPUT, 3, 3, 1.0, "p", "DB.SC.MODEL", "V1", "predict")


def bad(place: Any, name: str) -> str:
    return f"SELECT {sql.literal(f'{place.stage}/{name}')} AS FILE_PATH, 'not an image' AS ERROR"


@pytest.fixture
def hidden(place: Any, engine: Any) -> Iterator[Any]:
    """A connection of a role that submitted no job: whether one is alive it does not know."""
    role = f"{place.table.rpartition('.')[2]}_ROLE"
    place.ledger.ensure()
    for statement in (
        f"CREATE ROLE {role}",
        f"GRANT ROLE {role} TO USER AIRFLOW",
        f"GRANT USAGE ON DATABASE MEDIA TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA MEDIA.PUBLIC TO ROLE {role}",
        f"GRANT USAGE ON WAREHOUSE {place.connection.warehouse} TO ROLE {role}",
        f"GRANT ALL ON TABLE {place.table} TO ROLE {role}",
    ):
        execute(place.connection, statement)
    with engine.connect(role=role) as connection:
        yield connection


def test_a_reprocessing_that_lists_less_leaves_the_others_done(place: Any) -> None:
    place.rows_of(place.manifest(place.claim("one"))).record_done(None, result("DB.SC.MB_JOB_0"))
    place.claim("two", reprocess=True)
    assert place.names(place.claim("two", reprocess=True, limit=1)) == ["a.jpg"]
    assert place.states() == {"a.jpg": "claimed", "b.jpg": "done", "c.jpg": "done"}


def test_a_reprocessing_whose_run_is_lost_leaves_its_files_done(place: Any) -> None:
    place.rows_of(place.manifest(place.claim("one"))).record_done(None, result("DB.SC.MB_JOB_0"))
    place.write("d.jpg")
    assert len(place.names(place.claim("two", reprocess=True))) == 4
    place.ended.add("two")
    taken = place.claim("three")
    assert (place.names(taken), taken.skipped) == (["d.jpg"], {"done": 3}), "only what nobody has done is taken over"
    assert place.states() == {"a.jpg": "done", "b.jpg": "done", "c.jpg": "done", "d.jpg": "claimed"}
    again = place.claim("four", reprocess=True)
    assert (place.names(again), again.generation) == (["a.jpg", "b.jpg", "c.jpg"], 2)


def test_a_file_that_is_released_from_quarantine_is_not_done(place: Any) -> None:
    """A later job could not read it, somebody releases it, and the run that takes it fails."""
    place.rows_of(place.manifest(place.claim("one"))).record_done(None, result("DB.SC.MB_JOB_0"))
    manifest = place.manifest(place.claim("two", reprocess=True))
    place.rows_of(manifest).quarantine_rows("DB.SC.MB_JOB_1", bad(place, "b.jpg"))
    place.rows_of(manifest).record_done(None, result("DB.SC.MB_JOB_1"))
    assert place.ledger.release_quarantined(SUBJECT) == 1
    assert place.ledger.release(place.claim("three").claim_id, "the sample failed") == 1
    assert place.states() == {"a.jpg": "done", "b.jpg": "released", "c.jpg": "done"}


def test_a_rerun_that_reads_a_file_takes_it_out_of_quarantine(place: Any) -> None:
    manifest = place.manifest(place.claim("one"))
    place.rows_of(manifest).quarantine_rows("DB.SC.MB_JOB_0", bad(place, "b.jpg"))
    place.rows_of(manifest).record_done(None, result("DB.SC.MB_JOB_0"))
    place.rows_of(manifest).record_done(None, result("DB.SC.MB_JOB_0"))
    assert place.states() == {"a.jpg": "done", "b.jpg": "quarantined", "c.jpg": "done"}
    place.rows_of(manifest).quarantine_rows("DB.SC.MB_JOB_1", bad(place, "c.jpg"))
    place.rows_of(manifest).record_done(None, result("DB.SC.MB_JOB_1"))
    assert place.states() == {"a.jpg": "done", "b.jpg": "done", "c.jpg": "quarantined"}
    found = rows(place.connection, f"SELECT JOB_NAME, ERROR FROM {place.table} ORDER BY FILE_PATH")
    assert [row["JOB_NAME"] for row in found] == ["DB.SC.MB_JOB_1"] * 3
    assert [row["ERROR"] for row in found] == [None, None, "not an image"]


def test_files_of_a_job_that_may_be_alive_are_not_released(place: Any, hidden: Any) -> None:
    """Somebody clears the sample of a run whose full batch runs, and now it fails or is rejected."""
    claim = place.claim("one")
    manifest = place.manifest(claim)
    place.rows_of(manifest).check_owned("MEDIA.PUBLIC.MB_FULL_X_0", location=OUTPUT)
    assert Ledger(hidden, place.table).release(claim.claim_id, "the sample failed") == 0
    assert set(place.states().values()) == {"claimed"}
    assert place.claim("two").skipped == {"claimed": 3}
    assert Ledger(hidden, place.table).release(claim.claim_id, REJECTED) == 0
    with pytest.raises(InvalidInputError, match="their sample was rejected"):
        place.rows_of(manifest).check_owned("MEDIA.PUBLIC.MB_FULL_X_1", location=OUTPUT)
    place.rows_of(manifest).check_owned("MEDIA.PUBLIC.MB_FULL_X_1", location=OUTPUT, approved=True)
    # The role that submitted the job knows that there is none.
    assert place.ledger.release(claim.claim_id, "the sample failed") == 3


def test_a_job_that_is_noted_while_its_claim_is_released_keeps_its_files(place: Any) -> None:
    """The jobs are looked up first, and the full batch of the run notes its own before the statement."""
    claim = place.claim("one")
    statement = release_sql(place.table, claim_condition(claim.claim_id), "the sample failed", ended=[])
    place.rows_of(place.manifest(claim)).check_owned("MEDIA.PUBLIC.MB_FULL_X_0", location=OUTPUT)
    execute(place.connection, statement)
    assert set(place.states().values()) == {"claimed"}


def test_files_that_are_not_listed_again_wait_for_their_job(place: Any) -> None:
    """What is listed may depend on the time (``since=``). A job that was submitted is not undone by it."""
    claim = place.claim("one")
    place.rows_of(place.manifest(claim)).check_owned("MEDIA.PUBLIC.MB_FULL_X_0", location=OUTPUT)
    place.write("later.jpg")
    assert place.names(place.claim("one", pattern=".*later.*")) == ["later.jpg"]
    assert place.states() == {"a.jpg": "claimed", "b.jpg": "claimed", "c.jpg": "claimed", "later.jpg": "claimed"}
    place.ended.add("one")
    assert len(place.names(place.claim("two"))) == 4, "that job is gone, so its files are free"


def test_a_second_job_beside_one_that_may_be_alive_is_refused(place: Any, hidden: Any) -> None:
    """A listing that was cleared while the job ran, and whose manifest is another one now: its job has another name."""
    manifest = place.manifest(place.claim("one"))
    place.rows_of(manifest).check_owned("MEDIA.PUBLIC.MB_FULL_ABC_0", location=OUTPUT)
    with pytest.raises(LedgerError, match=r"MB_FULL_ABC_0 of an earlier try may still process 3 files") as caught:
        ClaimedRows(hidden, manifest).check_owned("MEDIA.PUBLIC.MB_FULL_XYZ_0", location=OUTPUT)
    assert "This try submitted no job" in str(caught.value)
    assert rows(place.connection, f"SELECT DISTINCT JOB_NAME FROM {place.table}") == [
        {"JOB_NAME": "MEDIA.PUBLIC.MB_FULL_ABC_0"}
    ]
    # The role that submitted the job knows that there is none. Another task of the DAG may run the same manifest.
    place.rows_of(manifest).check_owned("MEDIA.PUBLIC.MB_FULL_XYZ_0", location=OUTPUT)
    ClaimedRows(hidden, manifest).check_owned("MEDIA.PUBLIC.MB_OTHER_XYZ_0", location=OUTPUT)


def test_a_manifest_that_lost_a_file_takes_back_none_of_the_others(place: Any) -> None:
    claim = place.claim("one")
    manifest = place.manifest(claim)
    place.ledger.release(claim.claim_id, "the sample failed")
    assert place.names(place.claim("two", limit=1)) == ["a.jpg"]
    with pytest.raises(InvalidInputError, match="2 rows for the 3 rows of its manifest"):
        place.rows_of(manifest).check_owned("DB.SC.MB_J_0", location=OUTPUT)
    assert place.states() == {"a.jpg": "claimed", "b.jpg": "released", "c.jpg": "released"}


def test_a_released_file_that_a_sample_quarantined_is_not_done_by_a_job_that_left_it_out(place: Any) -> None:
    claim = place.claim("one")
    whole = place.manifest(claim)
    place.rows_of(whole).quarantine_rows("MEDIA.PUBLIC.MB_SAMPLE_X_0", bad(place, "b.jpg"))
    work = f"{place.stage.removeprefix('@')}_WORK"
    execute(place.connection, f"CREATE STAGE {work}")
    kept = f"SELECT * FROM ({claim.relation.query}) WHERE IMG NOT LIKE '%/b.jpg'"
    target = StagePath.parse(f"@{work}/m/").reference
    execute(place.connection, f"COPY INTO {target} FROM ({kept}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    manifest = replace(
        whole, location=f"@{work}/m/", columns=claim.relation.columns, row_count=2, file_count=2, left_out=1
    )
    job = "MEDIA.PUBLIC.MB_FULL_X_0"
    assert place.ledger.release_quarantined(SUBJECT) == 1
    place.rows_of(manifest).check_owned(job, location=OUTPUT)
    assert place.states()["b.jpg"] == "released"
    assert place.names(place.claim("two")) == ["b.jpg"], "another run may take it while the job runs"
    assert place.rows_of(manifest).record_done(None, result(job)) == 2
    assert place.states() == {"a.jpg": "done", "b.jpg": "claimed", "c.jpg": "done"}


def test_a_file_that_was_released_from_quarantine_does_not_wait_for_the_job_that_refused_it(place: Any) -> None:
    manifest = place.manifest(place.claim("one"))
    place.rows_of(manifest).check_owned("MEDIA.PUBLIC.MB_FULL_X_0", location=OUTPUT)
    place.rows_of(manifest).quarantine_rows("MEDIA.PUBLIC.MB_FULL_X_0", bad(place, "b.jpg"))
    place.rows_of(manifest).record_done(None, result("MEDIA.PUBLIC.MB_FULL_X_0"))
    place.ledger.release_quarantined(SUBJECT)
    assert place.names(place.claim("one")) == ["b.jpg"]
    assert rows(place.connection, f"SELECT JOB_NAME FROM {place.table} WHERE STATE = 'claimed'") == [{"JOB_NAME": None}]
