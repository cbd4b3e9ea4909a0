"""Arguments as users and templates give them, as values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError

DEFAULT_COLUMN = "FILE_PATH"
"""The column of listed paths where nothing names it otherwise."""


def normalize_column_name(name: str) -> str:
    """A column's name as Snowflake stores it. Text that is no plain identifier is taken as it is, as if quoted."""
    try:
        return sql.resolve(name)
    except ValueError:
        return name


@contextmanager
def raise_invalid_input() -> Iterator[None]:
    """Make an :class:`InvalidInputError` of a ValueError that a pure check in the block raises.

    :raises InvalidInputError: with the check's message.
    """
    try:
        yield
    except ValueError as error:
        raise InvalidInputError(str(error)) from None


def parse_positive_int(name: str, value: int | str | None) -> int | None:
    """A positive number, which a template gives as text; None when nothing is given.

    :param name: the argument, for the message.
    :raises InvalidInputError: for anything else.
    """
    if value is None or value == "":
        return None
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise InvalidInputError(f"{name}={value!r} is not a positive number")
    return number


def parse_seconds(name: str, value: float | timedelta | str | None) -> float | None:
    """A duration, which may be a number of seconds, or text of one from a template; None when nothing is given.

    :param name: the argument, for the message.
    :raises InvalidInputError: for anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InvalidInputError(f"{name}={value!r} is neither a number of seconds nor a timedelta")
    return seconds


def parse_bool(value: bool | str | None) -> bool:
    """A truth value, which a template gives as text."""
    return value if isinstance(value, bool) else str(value or "").strip().lower() in ("true", "1", "yes", "on")
