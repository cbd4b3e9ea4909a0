"""Claims, releases, take-overs: each file is one run's, and no file is nobody's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_mediabatch.client.connection import execute, rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import InvalidInputError, LedgerError
from airflow_provider_mediabatch.ledger.claims import REJECTED, LedgerSubject

OUTPUT = "@DB.SC.OUT/MB_JOB_0/"
ALL = ["a.jpg", "b.jpg", "c.jpg"]
LOGGED, LOGGED_AGAIN = "2026-11-28 10:00:00.123000", "2026-11-28 10:00:00.124000"


def _result(job: str = "DB.SC.MB_JOB_0") -> BatchResult:
    return BatchResult(job, "@DB.SC.OUT/MB_JOB_0/", 3, 3, 1.0, "p", "DB.SC.MODEL", "V1", "predict")


def _error_of(path: str) -> str:
    return f"SELECT {sql.literal(path)} AS FILE_PATH, 'not an image: it''s text' AS ERROR"


def test_the_second_run_gets_what_the_first_left(place: Any) -> None:
    assert place.names(place.claim("one", limit=2)) == ALL[:2]
    second = place.claim("two")
    assert place.names(second) == ALL[2:]
    assert second.skipped == {"claimed": 2}
    assert place.names(place.claim("three")) == []


def test_a_run_that_claims_again_gets_its_own(place: Any) -> None:
    first = place.claim("one")
    again = place.claim("one")
    assert place.names(again) == ALL
    assert again.claim_id != first.claim_id
    assert place.names(first) == []
    with pytest.raises(InvalidInputError, match="listed again"):
        place.rows_of(replace(place.manifest(again), claim_id=first.claim_id)).check_owned(
            "DB.SC.MB_JOB_0", location=OUTPUT
        )


def test_files_that_are_gone_at_the_second_try_are_released(place: Any) -> None:
    place.claim("one")
    (place.folder / "b.jpg").unlink()
    assert place.names(place.claim("one")) == ["a.jpg", "c.jpg"]
    assert place.states()["b.jpg"] == "released"


def test_an_empty_listing_gives_everything_back(place: Any) -> None:
    place.claim("one")
    for name in ALL:
        (place.folder / name).unlink()
    assert place.names(place.claim("one")) == []
    assert place.states() == dict.fromkeys(ALL, "released")


def test_done_files_are_done_for_this_version_only(place: Any) -> None:
    claim = place.claim("one")
    manifest = place.manifest(claim)
    place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", location=OUTPUT)
    assert place.rows_of(manifest).record_done(None, _result()) == 3
    assert place.claim("two").skipped == {"done": 3}
    assert place.names(place.claim("two", version="V2")) == ALL
    place.write("b.jpg", content=b"changed")
    assert place.names(place.claim("two")) == ["b.jpg"]


def test_repeating_a_finished_run_finds_its_own_job(place: Any) -> None:
    manifest = place.manifest(place.claim("one"))
    place.rows_of(manifest).record_done(None, _result())
    again = place.manifest(place.claim("one"))
    assert again.row_count == 3
    owned = place.rows_of(again).ownership("DB.SC.MB_JOB_0")
    assert owned.finished
    assert owned.finished_by("MB_JOB") == ("DB.SC.MB_JOB_0", "@DB.SC.OUT/MB_JOB_0/")
    assert owned.finished_by("MB_OTHER") is None


def test_a_late_file_of_the_same_run_is_taken_alone(place: Any) -> None:
    """A cleared run, or a back-fill that reprocesses its interval: what the run has done is not done again."""
    manifest = place.manifest(place.claim("one"))
    place.rows_of(manifest).quarantine_rows("DB.SC.MB_JOB_0", _error_of(f"{place.stage}/b.jpg"))
    place.rows_of(manifest).record_done(None, _result())
    place.write("late.jpg")
    late = place.claim("one")
    assert place.names(late) == ["late.jpg"]
    assert late.skipped == {"done": 2, "quarantined": 1}
    place.rows_of(place.manifest(late)).record_done(None, _result("DB.SC.MB_LATE_0"))
    assert place.states() == {"a.jpg": "done", "b.jpg": "quarantined", "c.jpg": "done", "late.jpg": "done"}
    again = place.claim("one")
    assert place.names(again) == ["late.jpg"], "with nothing open, the last manifest is repeated, so its job is found"
    assert place.rows_of(place.manifest(again)).ownership("DB.SC.MB_LATE_0").finished


def test_reprocessing_takes_done_files_as_a_new_generation(place: Any) -> None:
    place.rows_of(place.manifest(place.claim("one"))).record_done(None, _result())
    claim = place.claim("two", reprocess=True)
    assert (place.names(claim), claim.generation) == (ALL, 1)
    retried = place.claim("two", reprocess=True)
    assert (place.names(retried), retried.generation) == (ALL, 1), "a retry is not another reprocessing"
    assert place.ledger.release(retried.claim_id, "the sample failed") == 3
    assert set(place.states().values()) == {"done"}, "what was done stays done when reprocessing fails"


def test_a_released_claim_is_free_and_can_be_taken_back(place: Any) -> None:
    claim = place.claim("one")
    manifest = place.manifest(claim)
    assert place.ledger.release(claim.claim_id, "validation failed") == 3
    assert set(place.states().values()) == {"released"}
    assert place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", location=OUTPUT).counts == {"claimed": 3}
    place.ledger.release(claim.claim_id, "the sample failed")
    assert place.names(place.claim("two", limit=1)) == ["a.jpg"]
    with pytest.raises(InvalidInputError, match="2 rows for the 3 rows of its manifest"):
        place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", location=OUTPUT)


def test_quarantined_files_wait_for_a_change_or_a_release(place: Any) -> None:
    manifest = place.manifest(place.claim("one"))
    assert place.rows_of(manifest).quarantine_rows("DB.SC.MB_JOB_0", _error_of(f"{place.stage}/b.jpg")) == 1
    place.rows_of(manifest).record_done(None, _result())
    assert place.states() == {"a.jpg": "done", "b.jpg": "quarantined", "c.jpg": "done"}
    assert place.claim("two").skipped == {"done": 2, "quarantined": 1}
    assert place.claim("three", reprocess=True).skipped == {"quarantined": 1}
    assert place.ledger.release_quarantined(LedgerSubject("DB.SC.MODEL", "V1", LOGGED, "predict")) == 1
    assert place.names(place.claim("two")) == ["b.jpg"]


def test_rejected_files_are_taken_back_only_after_an_approval(place: Any) -> None:
    claim = place.claim("one")
    manifest = place.manifest(claim)
    place.ledger.release(claim.claim_id, REJECTED)
    with pytest.raises(InvalidInputError, match=r"3 files .* because their sample was rejected"):
        place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", location=OUTPUT)
    assert set(place.states().values()) == {"released"}
    assert place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", location=OUTPUT, approved=True).counts == {
        "claimed": 3
    }
    assert place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", location=OUTPUT).counts == {"claimed": 3}


@pytest.mark.parametrize(
    ("over", "job", "age", "taken"),
    [
        (True, None, timedelta(0), True),
        (True, "MEDIA.PUBLIC.MB_NO_SUCH_JOB", timedelta(0), True),
        (False, None, timedelta(0), False),
        (False, "MEDIA.PUBLIC.MB_NO_SUCH_JOB", timedelta(0), False),
        (True, None, timedelta(hours=1), False),
    ],
    ids=["run gone", "run and job gone", "approval of three days", "run goes on, job gone", "too young"],
)
def test_taking_over(place: Any, over: bool, job: str | None, age: timedelta, taken: bool) -> None:
    claim = place.claim("one")
    if job:
        place.rows_of(place.manifest(claim)).check_owned(job, location=OUTPUT)
    if over:
        place.ended.add("one")
    assert place.names(place.claim("two", take_over_after=age)) == (ALL if taken else [])


def test_a_ledger_of_another_shape_is_refused_and_nothing_written(place: Any) -> None:
    place.connection.cursor().execute(f"CREATE TABLE {place.table} (FILE_PATH NUMBER, OTHER VARCHAR)")
    with pytest.raises(InvalidInputError) as caught:
        place.claim("one")
    assert "it lacks CONTENT_ID" in str(caught.value)
    assert "FILE_PATH is NUMBER" in str(caught.value)
    assert rows(place.connection, f"SELECT * FROM {place.table}") == []


def test_columns_of_the_users_own_are_left_alone(place: Any) -> None:
    place.ledger.ensure()
    place.connection.cursor().execute(f"ALTER TABLE {place.table} ADD COLUMN NOTE VARCHAR")
    assert place.names(place.claim("one")) == ALL


def test_a_plan_that_pins_another_version_is_refused(place: Any) -> None:
    manifest = place.manifest(place.claim("one"))
    plan: Any = SimpleNamespace(
        model="DB.SC.MODEL", model_version="V2", model_version_created_on=LOGGED, function="predict"
    )
    with pytest.raises(InvalidInputError, match=r"the plan pins DB\.SC\.MODEL version V2"):
        place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", plan, location=OUTPUT)
    plan.model_version, plan.model_version_created_on = "V1", LOGGED_AGAIN
    with pytest.raises(InvalidInputError, match=f"the plan pins DB.SC.MODEL version V1 of {LOGGED_AGAIN}"):
        place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", plan, location=OUTPUT)
    plan.model_version_created_on = ""  # A plan that was written by hand takes whichever version has the name.
    assert place.rows_of(manifest).check_owned("DB.SC.MB_JOB_0", plan, location=OUTPUT).open == len(ALL)


def test_claims_for_a_version_that_was_logged_again_meet_no_earlier_ones(place: Any) -> None:
    one = place.claim("one")
    place.rows_of(place.manifest(one)).record_done(None, _result())
    assert place.claim("two").skipped == {"done": 3}
    again = place.claim("two", logged=LOGGED_AGAIN)
    assert (place.names(again), again.skipped) == (ALL, {})
    manifest = place.manifest(again, model_version_created_on=LOGGED_AGAIN)
    assert place.claim("three", logged=LOGGED_AGAIN).skipped == {"claimed": 3}
    place.ended.add("two")
    assert place.names(place.claim("three", logged=LOGGED_AGAIN)) == ALL, "it is taken over"
    assert place.rows_of(manifest).jobs_to_load("dag") == []
    assert [job.files for job in place.rows_of(place.manifest(one)).jobs_to_load("dag")] == [3]


def test_a_claim_waits_for_the_one_before_and_not_for_ever(
    place: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.ledger.ensure()
    with engine.connect() as other:
        other.cursor().execute("BEGIN")
        other.cursor().execute(f"UPDATE {place.table}_LOCK SET CLAIM_ID = 'x'")
        timer = threading.Timer(1.5, lambda: other.cursor().execute("COMMIT"))
        timer.start()
        assert place.names(place.claim("one")) == ALL
        timer.join()
        other.cursor().execute("BEGIN")
        other.cursor().execute(f"UPDATE {place.table}_LOCK SET CLAIM_ID = 'x'")
        monkeypatch.setattr("airflow_provider_mediabatch.ledger.ledger_session.LOCK_TIMEOUT", 1)
        execute(place.connection, "ALTER SESSION SET LOCK_TIMEOUT = 1")
        with pytest.raises(LedgerError, match="waited 1 s for a lock"):
            place.claim("two")
        other.cursor().execute("ROLLBACK")
    assert place.states() == dict.fromkeys(ALL, "claimed")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [None, 900])
def test_eight_processes_claim_ten_thousand_files(
    make_place: Callable[[], Any], engine: Any, limit: int | None
) -> None:
    """Overlapping listings: every file is held once, and, without a limit, none is left."""
    place = make_place()
    place.write(*(f"f{number:05}.jpg" for number in range(10_000)))
    place.listing()  # content ids are known before all processes ask at once
    code = Path(__file__).with_name("claimer.py")
    tasks = [
        {
            "stage_path": f"{place.stage}/",
            "pattern": f".*[{''.join(str((digit + offset) % 10) for offset in range(6))}][.]jpg",
            "ledger": place.table,
            "run_id": f"run {digit}",
            "limit": limit,
        }
        for digit in range(8)
    ]
    ended = subprocess.run(
        [sys.executable, str(code), json.dumps(engine.parameters), json.dumps(tasks)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    held = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    assert len(held) == len(tasks)
    states = place.states()
    assert sum(item["rows"] for item in held) == len(states)
    found = rows(place.connection, f"SELECT CLAIM_ID, COUNT(*) AS N FROM {place.table} GROUP BY 1")
    assert {row["CLAIM_ID"]: row["N"] for row in found} == {
        item["claim_id"]: item["rows"] for item in held if item["rows"]
    }
    if limit is None:
        assert len(states) == 10_000
    else:
        assert all(item["rows"] == limit for item in held)
