"""A statement's text as sqlglot's tree."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported, syntax_error
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.sql import model_aliases, time_formats

OVERWRITE = "overwrite"
"""The key, in the ``meta`` of an INSERT into several tables, of whether they are emptied first."""


def parse(sql: str) -> exp.Expr:
    """One statement as sqlglot reads it; ``?`` become ``:1``, ``:2`` and so on, in their order in the text."""
    sql = _exists_first(model_aliases.inlined(sql))
    numbered, position, count = [], 0, 0
    for token in Cursor(sql).tokens:
        if token.kind == "op" and token.value == "?":
            count += 1
            numbered.append(f"{sql[position : token.start]} :{count} ")
            position = token.end
    try:
        statements = sqlglot.parse("".join(numbered) + sql[position:], read="snowflake")
    except (ParseError, TokenError) as error:
        if beyond := _beyond(sql):
            raise not_supported(beyond) from None
        raise syntax_error(_syntax(error)) from None
    found = [s for s in statements if s is not None]
    if len(found) != 1:
        raise not_supported("several statements in one request")
    if isinstance(found[0], exp.Command):
        raise not_supported(f"the statement {sql.strip()[:100]}")
    if isinstance(found[0], exp.MultitableInserts):  # sqlglot leaves OVERWRITE out
        found[0].meta[OVERWRITE] = Cursor(sql).tokens[1].is_word("OVERWRITE")
    for node in list(found[0].find_all(exp.Time)):  # sqlglot does not know that TIME is TO_TIME, without its format
        if node.args.get("zone") is not None:
            words = f"too many arguments for function [{node.sql('snowflake')}] expected 1, got 2"
            raise SnowflakeError(939, "22023", f"SQL compilation error: error line 1 at position 0\n{words}")
        node.replace(exp.func("TO_TIME", node.this, dialect="snowflake"))
    time_formats.mark(found[0])
    if isinstance(found[0], exp.Select):
        found[0].meta["texts"] = _projection_texts(sql)
    return found[0]


_EXISTS = ["IF", "NOT", "EXISTS"]


def _exists_first(sql: str) -> str:
    """``CREATE TABLE t IF NOT EXISTS (…)``, which Snowpark sends, with IF NOT EXISTS where sqlglot reads it."""
    tokens = Cursor(sql).tokens
    words = [token.value.upper() if token.kind == "word" else "" for token in tokens[:20]]
    if words[:1] != ["CREATE"] or "TABLE" not in words:
        return sql
    first = end = words.index("TABLE") + 1
    while end + 2 < len(tokens) and tokens[end + 1].kind == "op" and tokens[end + 1].value == ".":
        end += 2
    if words[first : first + 3] == _EXISTS or words[end + 1 : end + 4] != _EXISTS:
        return sql
    name = sql[tokens[first].start : tokens[end].end]
    return f"{sql[: tokens[first].start]}IF NOT EXISTS {name}{sql[tokens[end + 3].end :]}"


_UNREAD = (
    *("ROW ACCESS POLICY", "MASKING POLICY", "AGGREGATION POLICY", "PROJECTION POLICY"),
    *(f"INTERVAL {part}" for part in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")),
)
_STRUCTURED_NOT_NULL = re.compile(r"\b(?:ARRAY|MAP|OBJECT)\s*\([^()]*\bNOT\s+NULL\b", re.IGNORECASE)
_SCRIPTING = ("LET", "DECLARE", "IF", "FOR", "WHILE", "RETURN")


def _beyond(sql: str) -> str | None:
    """Which of Snowflake's constructs that sqlglot does not read is in a statement; None: the syntax is wrong."""
    words = [token.value.upper() if token.kind == "word" else "" for token in Cursor(sql).tokens]
    if words and words[0] in _SCRIPTING:
        return f"Snowflake Scripting ({words[0]})"
    text = " ".join(words)
    if _STRUCTURED_NOT_NULL.search(sql):
        return "NOT NULL in a structured type"
    return next((unread for unread in _UNREAD if unread in text), None)


def _projection_texts(sql: str) -> list[str]:
    """The texts of a SELECT's result columns as they are written: Snowflake names unnamed columns by them."""
    texts, depth, start = [], 0, 0
    tokens = Cursor(sql).tokens
    if len(tokens) > 1 and tokens[1].kind == "word" and tokens[1].value.upper() in ("DISTINCT", "ALL"):
        del tokens[1]
    for token in tokens[1:] if tokens and tokens[0].is_word("SELECT") else []:
        start = start or token.start
        if token.kind == "op":
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.value, 0)
        ends = depth == 0 and token.is_word("FROM")
        if ends or (depth == 0 and token.kind == "op" and token.value == ","):
            texts.append(sql[start : token.start].strip())
            start = token.end
        if ends:
            return texts
    return [*texts, sql[start:].strip().rstrip(";").strip()]


def _syntax(error: Exception) -> str:
    details = getattr(error, "errors", None)
    if details:
        first = details[0]
        return (
            f"syntax error line {first.get('line')} at position {first.get('col')} "
            f"unexpected '{first.get('highlight')}'."
        )
    return f"syntax error: {error}"
