"""Arguments as users and templates give them, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.coercion import number, truth_value
from airflow_provider_mediabatch.exceptions import InvalidInputError

DEFAULT_COLUMN = "FILE_PATH"
"""The column of listed paths where nothing names it otherwise."""


def normalize_column_name(name: str) -> str:
    """A column's name as Snowflake stores it. Text that is no plain identifier is taken as it is, as if quoted."""
    try:
        return sql.resolve(name)
    except ValueError:
        return name


def shorten(given: str) -> str:
    """An argument of SQL as one short line, for messages and pages."""
    text = " ".join(given.split())
    return text if len(text) <= 120 else text[:119] + "…"


T = TypeVar("T")


@contextmanager
def raise_invalid_input() -> Iterator[None]:
    """Make an :class:`InvalidInputError` of a ValueError that a pure check in the block raises.

    :raises InvalidInputError: with the check's message.
    """
    try:
        yield
    except ValueError as error:
        raise InvalidInputError(str(error)) from None


def read_arguments(task: Any, readers: Mapping[str, Callable[[str, Any], Any]]) -> None:
    """Turn a task's arguments into what they mean, after Airflow has rendered them and before they are used.

    An argument without a reader, such as a name, is None when its template rendered to nothing, which is "None".

    :param task: its attributes are replaced. Doing so twice changes nothing.
    :param readers: argument to its function of :mod:`~airflow_provider_mediabatch.core.coercion`.
    :raises InvalidInputError: naming the argument and what it takes.
    """
    with raise_invalid_input():
        for name, reader in readers.items():
            setattr(task, name, reader(name, getattr(task, name)))
    for name in task.template_fields:
        if name not in readers and getattr(task, name) == "None":
            setattr(task, name, None)


def defaulting(reader: Callable[[str, Any], T | None], default: T) -> Callable[[str, Any], T]:
    """A reader that gives a default when nothing is given.

    :param reader: a function of :mod:`~airflow_provider_mediabatch.core.coercion`, or one like them.
    :param default: what the argument is then.
    """

    def read(name: str, value: object) -> T:
        found = reader(name, value)
        return default if found is None else found

    return read


def flag(default: bool) -> Callable[[str, Any], bool]:
    """What reads a truth value.

    :param default: what it is when nothing is given.
    """
    return defaulting(truth_value, default)


def share(name: str, value: object) -> float | None:
    """A number from 0 to 1, or None when nothing is given.

    :raises ValueError: for anything else.
    """
    return number(name, value, most=1)


def default_deferrable() -> bool:
    """Airflow's ``[operators] default_deferrable``."""
    from airflow.sdk import conf

    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def deferrable_flag(name: str, value: object) -> bool:
    """Whether to wait in the triggerer; Airflow's default when nothing is given.

    :raises ValueError: for what is no truth value.
    """
    found = truth_value(name, value)
    return default_deferrable() if found is None else found
