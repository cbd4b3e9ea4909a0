"""Identifiers and literals as SQL."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.core import sql


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMAGES", "IMAGES"),
        ("MB_1$", "MB_1$"),
        ("images", '"images"'),
        ("MY TABLE", '"MY TABLE"'),
        ('A"B', '"A""B"'),
        ("SELECT", '"SELECT"'),
    ],
)
def test_a_name_is_bare_only_when_snowflake_reads_it_back_unchanged(name: str, expected: str) -> None:
    assert sql.identifier(name) == expected


@pytest.mark.parametrize("name", ["", "A\0B"])
@pytest.mark.parametrize("write", [sql.identifier, sql.quoted])
def test_no_identifier(name: str, write: Any) -> None:
    with pytest.raises(ValueError, match="is not an identifier"):
        write(name)


def test_a_column_is_always_quoted() -> None:
    assert sql.quoted("IMAGE") == '"IMAGE"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t", ("T",)),
        ('db."my schema".t', ("DB", "my schema", "T")),
        ('"a.b".c', ("a.b", "C")),
        ('"a""b"', ('a"b',)),
    ],
)
def test_a_users_name_is_resolved(text: str, expected: tuple[str, ...]) -> None:
    assert sql.split(text) == expected


@pytest.mark.parametrize("text", ["", "a b", "a.", ".a", "1a", 'a"b', '""', "a;b"])
def test_no_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a Snowflake name|has an empty part"):
        sql.split(text)


def test_one_identifier() -> None:
    assert sql.resolve("images") == "IMAGES"
    with pytest.raises(ValueError, match="is not one identifier"):
        sql.resolve("a.b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (3, "3"),
        (0.5, "0.5"),
        (float("nan"), "'nan'::FLOAT"),
        ("it's", "'it''s'"),
        (r"f\d", r"'f\\d'"),
        (["a", "b'"], "('a', 'b''')"),
    ],
)
def test_literals(value: Any, expected: str) -> None:
    assert sql.literal(value) == expected


def test_a_literal_holds_no_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        sql.literal("a\0")
