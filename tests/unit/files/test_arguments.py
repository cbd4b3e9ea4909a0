"""Arguments as a template gives them: text."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import parse_seconds


@pytest.mark.parametrize(("value", "seconds"), [(None, None), ("", None), ("7.5", 7.5), (timedelta(minutes=1), 60.0)])
def test_a_duration(value: str | timedelta | None, seconds: float | None) -> None:
    assert parse_seconds("max_delay", value) == seconds


@pytest.mark.parametrize("value", ["soon", "nan", math.nan, "inf", -math.inf])
def test_what_is_no_duration_is_refused(value: str | float) -> None:
    with pytest.raises(InvalidInputError, match=r"max_delay=.* is neither a number of seconds nor a timedelta"):
        parse_seconds("max_delay", value)
