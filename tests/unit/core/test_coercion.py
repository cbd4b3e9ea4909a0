"""What a template gives, as what it means."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_mediabatch.core.coercion import duration, is_given, number, seconds, truth_value, whole_number


@pytest.mark.parametrize("reader", [whole_number, number, seconds, duration, truth_value])
@pytest.mark.parametrize("nothing", [None, "", "None", " None\n"])
def test_what_a_template_of_nothing_renders_to_is_not_given(reader: Any, nothing: str | None) -> None:
    assert reader("x", nothing) is None
    assert not is_given(nothing)
    assert is_given(0)
    assert is_given(False)


@pytest.mark.parametrize(("value", "found"), [(3, 3), ("3", 3), (" 3\n", 3), (3.0, 3), ("+3", 3)])
def test_a_whole_number(value: object, found: int) -> None:
    assert whole_number("x", value) == found


@pytest.mark.parametrize("value", [0, "0", -1, 2.5, "2.5", "many", True, "True", "1_0", "nan", math.inf, [1], "٣"])
def test_what_is_no_whole_number_from_1(value: object) -> None:
    with pytest.raises(ValueError, match=r"x=.*: use a whole number from 1\b"):
        whole_number("x", value)


def test_the_range_of_a_whole_number() -> None:
    assert whole_number("x", "0", 0, 2) == 0
    with pytest.raises(ValueError, match="x='3': use a whole number from 0 to 2"):
        whole_number("x", "3", 0, 2)


@pytest.mark.parametrize(("value", "found"), [(0, 0.0), ("0.5", 0.5), (1, 1.0), ("1e-3", 0.001)])
def test_a_number(value: object, found: float) -> None:
    assert number("x", value, most=1) == found


@pytest.mark.parametrize("value", ["-0.1", 1.5, "nan", "inf", math.nan, True, "much", timedelta(1)])
def test_what_is_no_number_from_0_to_1(value: object) -> None:
    with pytest.raises(ValueError, match=r"x=.*: use a number from 0 to 1"):
        number("x", value, most=1)


@pytest.mark.parametrize("value", ["7.5", 7.5, timedelta(seconds=7.5)])
def test_a_duration(value: object) -> None:
    assert seconds("x", value) == 7.5
    assert duration("x", value) == timedelta(seconds=7.5)


@pytest.mark.parametrize("value", ["soon", "nan", math.nan, "inf", -math.inf, True, "1:00:00"])
def test_what_is_no_duration(value: object) -> None:
    for reader in (seconds, duration):
        with pytest.raises(ValueError, match=r"x=.* is neither a number of seconds nor a timedelta"):
            reader("x", value)


def test_a_duration_longer_than_a_timedelta() -> None:
    assert seconds("x", "1e30") == 1e30
    with pytest.raises(ValueError, match="longer than a timedelta can be"):
        duration("x", "1e30")


@pytest.mark.parametrize("value", [True, "True", " true", "yes", "ON", "1", 1])
def test_true(value: object) -> None:
    assert truth_value("x", value) is True


@pytest.mark.parametrize("value", [False, "False", "no", "off", "0", 0])
def test_false(value: object) -> None:
    assert truth_value("x", value) is False


@pytest.mark.parametrize("value", ["maybe", 2, 0.5, [True]])
def test_what_is_no_truth_value(value: object) -> None:
    with pytest.raises(ValueError, match=r"x=.*: use True or False"):
        truth_value("x", value)
