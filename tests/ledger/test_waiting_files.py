"""Files that wait for more: none is claimed, and a later run takes every one of them."""

from __future__ import annotations

import os
import time
from typing import Any

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.files.start_rule import StartRule

ALL = ["a.jpg", "b.jpg", "c.jpg"]
OUTPUT = "@DB.SC.OUT/MB_JOB_0/"
FOUR = StartRule(min_files=4, max_delay=3600)


def _age(place: Any, name: str, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(place.folder / name, (moment, moment))


def test_a_later_run_takes_all_that_waited(place: Any) -> None:
    waiting = place.claim("one", rule=FOUR)
    assert waiting.waiting.startswith("3 files wait for min_files=4, the oldest for 0:0")
    assert (place.names(waiting), waiting.skipped) == ([], {"waiting": 3})
    assert place.states() == {}
    place.write("d.jpg")
    assert place.names(place.claim("two", rule=FOUR)) == [*ALL, "d.jpg"]
    assert place.claim("three", rule=FOUR).waiting == "", "files that another run works on do not wait"


def test_an_old_file_of_a_run_that_failed_starts_the_next_run_with_all_that_is_there(place: Any) -> None:
    _age(place, "a.jpg", 3700)
    failed = place.claim("one", rule=FOUR)
    assert (place.names(failed), failed.waiting) == (ALL, "")
    place.ledger.release(failed.claim_id, "the sample failed")
    place.write("d.jpg")
    assert place.names(place.claim("two", limit=2, rule=FOUR)) == ["a.jpg", "b.jpg"]
    assert place.names(place.claim("three", rule=FOUR)) == [], "c.jpg and d.jpg are young"


def test_files_of_a_run_that_was_killed_are_counted(place: Any) -> None:
    """Its claim can be taken over: otherwise its files would wait for others to come."""
    place.claim("killed", pattern=".*/[ab].jpg")
    assert place.claim("two", rule=StartRule(min_files=3)).waiting.startswith("1 files wait")
    place.ended.add("killed")
    assert place.names(place.claim("two", rule=StartRule(min_files=3))) == ALL


def test_a_run_that_has_claimed_does_not_wait_again(place: Any) -> None:
    claim = place.claim("one", rule=StartRule(min_files=3))
    (place.folder / "b.jpg").unlink()
    again = place.claim("one", rule=StartRule(min_files=3))
    assert place.names(again) == ["a.jpg", "c.jpg"], "a retry, though a file is gone"
    place.rows_of(place.manifest(again)).record_done(
        None,
        BatchResult("DB.SC.MB_JOB_0", OUTPUT, 2, 2, 1.0, "p", "DB.SC.MODEL", "V1", "predict"),
    )
    assert place.names(place.claim("one", rule=StartRule(min_files=3))) == ["a.jpg", "c.jpg"], "it finds its job again"
    place.write("late.jpg")
    assert place.names(place.claim("one", rule=StartRule(min_files=3))) == ["late.jpg"]
    assert claim.waiting == again.waiting == ""
