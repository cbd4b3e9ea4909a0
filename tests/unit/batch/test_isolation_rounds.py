"""Isolation on paper: whatever is bad, the rounds end, stay within their size and name exactly the bad rows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mediabatch.batch import isolation_rounds
from airflow_provider_mediabatch.batch.isolation_rounds import FinishedRange, RowRange, next_ranges


def rounds(rows: int, bad: set[int], max_jobs: int) -> list[FinishedRange]:
    """All parts of an isolation of so many rows."""
    finished: list[FinishedRange] = []
    while row_ranges := next_ranges(rows, finished, max_jobs):
        assert len(row_ranges) <= max_jobs
        assert all(row_range.rows for row_range in row_ranges)
        finished += [
            FinishedRange(row_range, 0, not bad & set(range(row_range.low, row_range.high))) for row_range in row_ranges
        ]
    return finished


def named(row_ranges: list[FinishedRange]) -> set[int]:
    return {row for item in row_ranges for row in range(item.row_range.low, item.row_range.high)}


def test_one_bad_row_of_forty() -> None:
    finished = rounds(40, {17}, 8)
    assert [len([item for item in finished if item.row_range.round == number]) for number in (1, 2, 3)] == [8, 5, 0]
    assert [item.row_range for item in isolation_rounds.failed_ranges(finished)] == [RowRange(2, 17, 18)]
    assert named(isolation_rounds.done_ranges(finished)) == set(range(40)) - {17}


def test_all_bad_is_the_model() -> None:
    finished = rounds(40, set(range(40)), 8)
    assert len(finished) == 8
    assert isolation_rounds.every_range_failed(finished)


def test_too_many_to_cut_count_as_bad_together() -> None:
    finished = rounds(80, {0, 10, 20, 30, 40}, 8)
    assert len(finished) == 8
    assert not isolation_rounds.every_range_failed(finished)
    assert {item.row_range.rows for item in isolation_rounds.failed_ranges(finished)} == {10}
    assert named(isolation_rounds.failed_ranges(finished)) == set(range(50))


@given(st.data(), st.integers(2, 3000), st.integers(2, 40))
def test_every_row_is_good_or_bad_once(data: st.DataObject, rows: int, max_jobs: int) -> None:
    bad = data.draw(st.sets(st.integers(0, rows - 1), max_size=20))
    finished = rounds(rows, bad, max_jobs)
    assert finished == rounds(rows, bad, max_jobs), "a retry comes to the same parts"
    if isolation_rounds.every_range_failed(finished):
        assert bad
        return
    done_ranges, failed_ranges = isolation_rounds.done_ranges(finished), isolation_rounds.failed_ranges(finished)
    assert sum(item.row_range.rows for item in done_ranges + failed_ranges) == rows
    assert named(done_ranges) | named(failed_ranges) == set(range(rows))
    assert bad <= named(failed_ranges)
    if all(item.row_range.rows == 1 for item in failed_ranges):
        assert named(failed_ranges) == bad
    if len(bad) <= max_jobs // 2:
        assert named(failed_ranges) == bad, "few enough are always told apart"
    assert len({item.row_range for item in finished}) == len(finished)
    assert [FinishedRange.of(json.loads(json.dumps(item.to_list()))) for item in finished] == finished


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("", "its job has no log"),
        ("model loaded\nkilled", "killed\nmodel loaded"),
        (
            'Traceback (most recent call last):\n  File "m.py", in predict\nPIL.UnidentifiedImageError: no\nbye',
            'PIL.UnidentifiedImageError: no\nTraceback (most recent call last):\n  File "m.py", in predict\nbye',
        ),
    ],
)
def test_the_error_begins_with_the_exception(log: str, says: str) -> None:
    assert isolation_rounds.failed_range_error(log, RowRange(1, 0, 1), 8) == says


def test_a_process_that_died_is_said_before_what_the_log_says_of_something_else() -> None:
    log = "ValueError: handled\nworker 0: model loaded"
    died = isolation_rounds.failed_range_error(log, RowRange(1, 0, 1), 8, "exit code 139 (SIGSEGV)")
    assert died.startswith("The model's process died: exit code 139 (SIGSEGV) (native code")
    assert died.endswith("worker 0: model loaded")
    left = isolation_rounds.failed_range_error("loaded", RowRange(1, 0, 1), 8, "worker 0 ended with exit code 0")
    assert left.startswith("The model's process ended without an exception: worker 0 ended with exit code 0")


def test_an_error_is_short_and_says_when_it_is_of_many() -> None:
    text = isolation_rounds.failed_range_error("ValueError: " + "x" * 5000, RowRange(1, 0, 1000), 8)
    assert len(text) == isolation_rounds.MAX_ERROR
    assert text.startswith("one or more of 1,000 files that failed together (with max_isolation_jobs=8")


def test_a_result_lists_no_more_than_an_xcom_holds() -> None:
    many = [{"path": f"@DB.SC.STAGE/{'é' * 1000}{number}", "error": "x" * 600} for number in range(300)]
    found = isolation_rounds.listed_files(many)
    assert len(json.dumps(found)) < 25_000
    assert (
        len(isolation_rounds.listed_files({"path": "p", "error": "e"} for _ in range(300)))
        == isolation_rounds.MAX_LISTED
    )
