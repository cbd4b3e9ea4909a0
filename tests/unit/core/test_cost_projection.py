"""Scaling the sample's speed to the full run."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core.cost_projection import duration, project


def test_the_ends_are_a_sample_that_only_started_and_one_that_only_worked() -> None:
    found = project(files=218, sampled=3, seconds_per_file=0.284)
    assert found.seconds == pytest.approx((0.852, 61.912))
    few = project(files=2, sampled=3, seconds_per_file=2)
    assert few.seconds == (4, 4), "no more files than the sample had"


def test_the_duration_falls_with_replicas_and_the_credits_of_the_work_do_not() -> None:
    one = project(files=3600, sampled=1, seconds_per_file=2, credits_per_hour=0.5, price_per_credit=3)
    four = project(files=3600, sampled=1, seconds_per_file=2, replicas=4, credits_per_hour=0.5, price_per_credit=3)
    assert (one.seconds, four.seconds) == ((2, 7200), (2, 1800))
    assert one.credits is not None
    assert four.credits is not None
    assert one.cost is not None
    assert one.credits[1] == pytest.approx(four.credits[1]) == pytest.approx(1)
    assert four.credits[0] == pytest.approx(4 * one.credits[0]), "every node loads the model"
    assert one.cost[1] == pytest.approx(3)


def test_lines_say_only_what_is_known() -> None:
    assert project(files=1200, sampled=3, seconds_per_file=None, credits_per_hour=1).lines() == [
        ("Files in the full run", "1,200")
    ]
    found = project(
        files=1200,
        sampled=3,
        seconds_per_file=3,
        start_seconds=41,
        credits_per_hour=1,
        price_per_credit=2.5,
        currency="EUR",
    )
    assert found.lines() == [
        ("Files in the full run", "1,200"),
        ("Expected duration", "9 s to 1 h"),
        ("Start of the job", "41 s more, as in the sample"),
        ("Expected credits", "under 0.01 to 1.00"),
        ("Expected cost", "under 0.01 to 2.50 EUR"),
        ("Projected from", "3 sampled files"),
    ]
    assert found.summary() == "under 0.01 to 2.50 EUR"
    assert project(files=3, sampled=3, seconds_per_file=2).summary() == "6 s"


@pytest.mark.parametrize("wrong", ["files", "seconds_per_file", "credits_per_hour", "price_per_credit"])
def test_negative_numbers_are_refused_by_name(wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        project(**({"files": 1, "sampled": 1, "seconds_per_file": 1.0} | {wrong: -1}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0154, "15 ms"),
        (1, "1 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations_as_people_read_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
