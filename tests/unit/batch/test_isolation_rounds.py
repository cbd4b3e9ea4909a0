"""Isolation on paper: whatever is bad, the rounds end, stay within their size and name exactly the bad rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mediabatch.batch import isolation_rounds
from airflow_provider_mediabatch.batch.isolation_rounds import Part, Settled, next_parts


def rounds(rows: int, bad: set[int], max_jobs: int) -> list[Settled]:
    """All parts of an isolation of so many rows."""
    settled: list[Settled] = []
    while parts := next_parts(rows, settled, max_jobs):
        assert len(parts) <= max_jobs
        assert all(part.rows for part in parts)
        settled += [Settled(part, 0, not bad & set(range(part.low, part.high))) for part in parts]
    return settled


def named(parts: list[Settled]) -> set[int]:
    return {row for item in parts for row in range(item.part.low, item.part.high)}


def test_one_bad_row_of_forty() -> None:
    settled = rounds(40, {17}, 8)
    assert [len([item for item in settled if item.part.round == number]) for number in (1, 2, 3)] == [8, 5, 0]
    assert [item.part for item in isolation_rounds.poison(settled)] == [Part(2, 17, 18)]
    assert named(isolation_rounds.good(settled)) == set(range(40)) - {17}


def test_all_bad_is_the_model() -> None:
    settled = rounds(40, set(range(40)), 8)
    assert len(settled) == 8
    assert isolation_rounds.model_fails(settled)


def test_too_many_to_cut_count_as_bad_together() -> None:
    settled = rounds(80, {0, 10, 20, 30, 40}, 8)
    assert len(settled) == 8
    assert not isolation_rounds.model_fails(settled)
    assert {item.part.rows for item in isolation_rounds.poison(settled)} == {10}
    assert named(isolation_rounds.poison(settled)) == set(range(50))


@given(st.data(), st.integers(2, 3000), st.integers(2, 40))
def test_every_row_is_good_or_bad_once(data: st.DataObject, rows: int, max_jobs: int) -> None:
    bad = data.draw(st.sets(st.integers(0, rows - 1), max_size=20))
    settled = rounds(rows, bad, max_jobs)
    assert settled == rounds(rows, bad, max_jobs), "a retry comes to the same parts"
    if isolation_rounds.model_fails(settled):
        assert bad
        return
    good, poison = isolation_rounds.good(settled), isolation_rounds.poison(settled)
    assert sum(item.part.rows for item in good + poison) == rows
    assert named(good) | named(poison) == set(range(rows))
    assert bad <= named(poison)
    if all(item.part.rows == 1 for item in poison):
        assert named(poison) == bad
    if len(bad) <= max_jobs // 2:
        assert named(poison) == bad, "few enough are always told apart"
    assert len({item.part for item in settled}) == len(settled)
    assert [Settled.of(json.loads(json.dumps(item.to_list()))) for item in settled] == settled


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
    assert isolation_rounds.error_of(log, Part(1, 0, 1), 8) == says


def test_an_error_is_short_and_says_when_it_is_of_many() -> None:
    text = isolation_rounds.error_of("ValueError: " + "x" * 5000, Part(1, 0, 1000), 8)
    assert len(text) == isolation_rounds.MAX_ERROR
    assert text.startswith("one or more of 1,000 files that failed together (with max_isolation_jobs=8")


def test_a_result_lists_no_more_than_an_xcom_holds() -> None:
    many = [{"path": f"@DB.SC.STAGE/{'é' * 1000}{number}", "error": "x" * 600} for number in range(300)]
    found = isolation_rounds.listed(many)
    assert len(json.dumps(found)) < 25_000
    assert len(isolation_rounds.listed({"path": "p", "error": "e"} for _ in range(300))) == isolation_rounds.MAX_LISTED


@pytest.mark.parametrize("arguments", [(1, 0.1), (101, 0.1), ("x", 0.1), (8, -0.1), (8, 1.1), (8, "much"), (8, "nan")])
def test_arguments_out_of_range_are_refused(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="use a"):
        isolation_rounds.check_arguments(*arguments)
    assert isolation_rounds.check_arguments("8", "0.25") == (8, 0.25)
