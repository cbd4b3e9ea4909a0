"""A task's arguments are read once they are rendered."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_mediabatch.core.coercion import whole_number
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import flag, read_arguments, share

READERS = {"size": whole_number, "fast": flag(default=True), "slow": flag(default=False), "part": share}


def test_each_argument_becomes_what_it_means() -> None:
    fields = ("size", "other", "name")
    task = SimpleNamespace(template_fields=fields, size="4", fast="", slow="yes", part="0.5", other="4", name="None")
    for _ in range(2):
        read_arguments(task, READERS)
        assert task == SimpleNamespace(
            template_fields=fields, size=4, fast=True, slow=True, part=0.5, other="4", name=None
        )


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidInputError, match="part='2': use a number from 0 to 1"):
        read_arguments(SimpleNamespace(part="2"), {"part": share})
