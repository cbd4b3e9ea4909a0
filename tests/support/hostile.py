"""Text that tries to leave the quotes it is put in, for the property tests, and what a statement is made of."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.local.lexer import tokenize

_PIECES = [
    "'", "''", '"', '""', "\\", "\\\\", "\\'", ";", "; DROP TABLE T; --", "--", "//", "/*", "*/", "$$", "..", "../",
    "/", "@", "@~", "%", "%s", "{}", "{{ ds }}", "${HOME}", "?", ":1", "(", ")", ",", " ", "\t", "\n", "\r\n", "é",
    "e\u0301", "ß", "日本", "🐈", "\u202e", "\u00a0", "\u2028", "\ufeff", "\x01", "\x7f", "NULL", "x.jpg", "a",
]  # fmt: skip

_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
"""All that Unicode has but lone surrogates, which UTF-8 cannot carry, and NUL, which is refused."""

TEXT = st.one_of(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8).map("".join),
    st.text(_CHARACTERS, min_size=1, max_size=40),
    st.lists(st.one_of(st.sampled_from(_PIECES), st.text(_CHARACTERS, max_size=4)), max_size=6)
    .map("".join)
    .filter(bool),
)
"""Any text that is not empty."""

# What a user's stage path begins with or ends with is not all kept: slashes before, white space around.
PATHS = TEXT.map(lambda text: text.strip().lstrip("/")).filter(lambda text: text == text.strip())

STAGE_PATHS = st.builds(StagePath, TEXT, TEXT, TEXT, PATHS)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def tokens(statement: str) -> list[tuple[str, str]]:
    """A statement's tokens, as the engine reads them: kind and decoded value."""
    return [(token.kind, token.value) for token in tokenize(statement)]


def skeleton(statement: str) -> list[tuple[str, str]]:
    """The tokens that decide what a statement does: all but the contents of strings and quoted names.

    A stage reference counts as a string, which it becomes when it needs quotes.
    """
    return [
        ("name" if kind == "quoted" else "string", "") if kind in ("string", "quoted", "stage") else (kind, value)
        for kind, value in tokens(statement)
    ]


def tree(statement: str) -> Any:
    """The one statement that sqlglot, a parser of another hand, reads; AssertionError where there are more."""
    import sqlglot

    parsed = sqlglot.parse(statement, dialect="snowflake")
    assert len(parsed) == 1, parsed
    return parsed[0]


def renamed(parsed: Any, names: dict[str, str]) -> Any:
    """The same tree with texts in literals and quoted names replaced."""
    from sqlglot import exp

    copy = parsed.copy()
    for node in copy.find_all(exp.Literal, exp.Identifier, exp.JSONPathKey):
        for old, new in names.items():
            if old in str(node.this):
                node.set("this", str(node.this).replace(old, new))
    return copy
