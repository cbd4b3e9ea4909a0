"""Text in DuckDB's SQL, where a backslash is a character like any other."""

from __future__ import annotations


def text_literal(value: str) -> str:
    """A string literal of DuckDB."""
    return "'" + value.replace("'", "''") + "'"
