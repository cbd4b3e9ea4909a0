"""Operator arguments as they come from templates and users, as values."""

from __future__ import annotations

from typing import Any

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError


def column_name_of(name: str) -> str:
    """A column's name as Snowflake stores it. Text that is no plain identifier is taken as it is, as if quoted."""
    try:
        return sql.resolve(name)
    except ValueError:
        return name


def checked(check: Any, value: Any) -> None:
    """Run a check that raises ValueError; its message becomes an :class:`InvalidInputError`."""
    try:
        check(value)
    except ValueError as error:
        raise InvalidInputError(str(error)) from None


def positive_integer(name: str, value: int | str | None) -> int | None:
    """A positive number, which a template gives as text."""
    if value is None or value == "":
        return None
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise InvalidInputError(f"{name}={value!r} is not a positive number")
    return number


def truth(value: bool | str | None) -> bool:
    """A truth value, which a template gives as text."""
    return value if isinstance(value, bool) else str(value or "").strip().lower() in ("true", "1", "yes", "on")
