"""Chains of statements: ``first ->> second ->> …``, where ``FROM $1`` is the result of the statement before.

Source: Snowflake's reference, page "Flow operators".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_provider_mediabatch.local.errors import not_supported, syntax_error
from airflow_provider_mediabatch.local.lexer import Cursor, Token
from airflow_provider_mediabatch.local.session.session import Session
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Pending, Result

OPERATOR = "->>"
Outcome = Result | FileTransfer | Pending
Execute = Callable[[str, Mapping[int, object]], Outcome]


@dataclass(frozen=True)
class _Link:
    """One statement of a chain: its tokens, and the values that were bound in it, by position from 1."""

    tokens: list[Token]
    bindings: dict[int, object]


def is_chain(cursor: Cursor) -> bool:
    """Whether the statement at the cursor is several, joined by the pipe operator."""
    return any(token.kind == "op" and token.value == OPERATOR for token in cursor.tokens)


def run(cursor: Cursor, session: Session, execute: Execute) -> Outcome:
    """Run the statements of a chain one after the other; the last one's outcome is the chain's.

    :param cursor: the chain.
    :param session: keeps the results while the chain runs.
    :param execute: runs one statement with its bindings.
    :raises SnowflakeError: that of the first statement that fails.
    """
    ids: list[str] = []
    links = _links(cursor)
    try:
        for link in links[:-1]:
            outcome = execute(_text(cursor.sql, link.tokens, ids), link.bindings)
            if not isinstance(outcome, Result):
                raise not_supported(f"{link.tokens[0].value.upper()} before the end of a chain of statements")
            ids.append(str(uuid.uuid4()))
            session.temporary[ids[-1]] = outcome
        return execute(_text(cursor.sql, links[-1].tokens, ids), links[-1].bindings)
    finally:
        for each in ids:
            del session.temporary[each]


def _links(cursor: Cursor) -> list[_Link]:
    links, bound = [_Link([], {})], 0
    for token in cursor.tokens:
        if token.kind == "op" and token.value == OPERATOR:
            links.append(_Link([], {}))
            continue
        if token.kind == "op" and token.value == "?":
            bound += 1
            if bound in cursor.bindings:
                links[-1].bindings[len(links[-1].bindings) + 1] = cursor.bindings[bound]
        links[-1].tokens.append(token)
    if not all(link.tokens for link in links):
        raise syntax_error(f"syntax error: {OPERATOR} needs a statement on both sides")
    return links


def _text(sql: str, tokens: list[Token], ids: list[str]) -> str:
    """A statement's text with its references to earlier ones as calls of RESULT_SCAN.

    :param ids: the keys of the results so far.
    """
    text, position, in_from = "", tokens[0].start, False
    for previous, token in zip([None, *tokens], tokens, strict=False):
        after_from = previous is not None and (previous.is_word("FROM") or previous.is_word("JOIN"))
        after_reference = in_from and previous is not None and previous.value == ","
        in_from = in_from and (token.value == "," or after_reference)
        if not (token.kind == "word" and token.value[1:].isdigit() and (after_from or after_reference)):
            continue
        number = int(token.value[1:])
        if not 1 <= number <= len(ids):
            raise syntax_error(f"{token.value} refers to no statement of the chain")
        text += f"{sql[position : token.start]}TABLE(RESULT_SCAN('{ids[-number]}'))"
        position, in_from = token.end, True
    return text + sql[position : tokens[-1].end]
