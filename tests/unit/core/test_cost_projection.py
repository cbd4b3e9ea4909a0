"""Scaling the sample's speed to the full run."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core.cost_projection import duration, project


def test_hours_fall_with_replicas_but_credits_do_not() -> None:
    one = project(files=3600, seconds_per_file=2, credits_per_hour=0.5, price_per_credit=3)
    four = project(files=3600, seconds_per_file=2, replicas=4, credits_per_hour=0.5, price_per_credit=3)
    assert (one.hours, four.hours) == (2, 0.5)
    assert one.credits == four.credits == 1
    assert one.cost == four.cost == 3


def test_lines_say_only_what_is_known() -> None:
    assert project(files=1200, seconds_per_file=None, credits_per_hour=1).lines() == [
        ("Files in the full run", "1,200")
    ]
    assert project(
        files=1200, seconds_per_file=3, credits_per_hour=1, price_per_credit=2.5, currency="EUR"
    ).lines() == [
        ("Files in the full run", "1,200"),
        ("Expected duration", "1 h"),
        ("Expected credits", "1.00"),
        ("Expected cost", "2.50 EUR"),
    ]


@pytest.mark.parametrize("wrong", ["files", "seconds_per_file", "credits_per_hour", "price_per_credit"])
def test_negative_numbers_are_refused_by_name(wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        project(**({"files": 1, "seconds_per_file": 1.0} | {wrong: -1}))  # type: ignore[arg-type]


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
