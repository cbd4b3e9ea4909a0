"""``KEY = value`` clauses, as stages, file formats and COPY have them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor


def value(cursor: Cursor) -> Any:
    """One value: a string, number, TRUE or FALSE, a word, a name, ``(a, b)`` as a list or ``(K = v …)`` as a dict."""
    if cursor.accept("("):
        first, second = cursor.peek(), cursor.peek(1)
        if first is not None and first.kind == "word" and second is not None and second.value == "=":
            group = options(cursor)
            cursor.expect(")")
            return group
        items = []
        while not cursor.accept(")"):
            items.append(value(cursor))
            cursor.accept(",")
        return items
    if cursor.accept("?"):
        bound = cursor.binding()
        return bound if not isinstance(bound, str) else _plain(bound)
    token = cursor.next()
    if token.kind == "number":
        return float(token.value) if "." in token.value else int(token.value)
    if token.kind == "string":
        return token.value
    if token.kind in ("word", "quoted"):
        following = cursor.peek()
        if following is not None and following.value == ".":  # a qualified name, kept as SQL
            cursor.position -= 1
            start = token.start
            cursor.name()
            return cursor.sql[start : cursor.tokens[cursor.position - 1].end]
        return _plain(token.value) if token.kind == "word" else cursor.sql[token.start : token.end]
    cursor.position -= 1
    cursor.fail("expected a value")
    raise AssertionError


def _plain(word: str) -> Any:
    return {"TRUE": True, "FALSE": False}.get(word.upper(), word)


def options(cursor: Cursor, known: Collection[str] | None = None) -> dict[str, Any]:
    """All ``KEY = value`` that follow, up to the end of the statement or a closing parenthesis; keys in upper case.

    :param known: the keys that the statement has; another one is Snowflake's "invalid property" error.
    """
    found: dict[str, Any] = {}
    while not cursor.at_end():
        token = cursor.peek()
        if token is None or (token.kind == "op" and token.value == ")"):
            break
        if cursor.accept(","):
            continue
        key = cursor.identifier()
        if known is not None and key not in known:
            raise invalid_argument(f"invalid property '{key}'")
        cursor.expect("=")
        found[key] = value(cursor)
    return found


def boolean(key: str, given: Any) -> bool:
    """The value of a TRUE | FALSE option."""
    if isinstance(given, bool):
        return given
    if str(given).upper() in ("TRUE", "FALSE"):
        return str(given).upper() == "TRUE"
    raise invalid_argument(f"invalid value '{given}' for property '{key}': expected TRUE or FALSE")


def refuse(given: dict[str, Any], unsupported: Collection[str], statement: str) -> None:
    """Refuse options that Snowflake has and the engine does not carry out."""
    for key in given:
        if key in unsupported:
            raise not_supported(f"{key} in {statement}")
