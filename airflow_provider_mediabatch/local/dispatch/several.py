"""Several statements in one request: how many a session takes, and where each of them begins and ends.

Source: Snowflake's reference, page "Parameters", section "MULTI_STATEMENT_COUNT"; the Python connector's
``num_statements`` and the ``resultIds`` that it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_parameter
from airflow_provider_mediabatch.local.lexer import Token, tokenize
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn

_PARAMETER = "MULTI_STATEMENT_COUNT"
_STATEMENT_TYPE = 40960


@dataclass(frozen=True)
class Statement:
    """One of several statements: its text, and the values that were bound in it, by position from 1."""

    sql: str
    bindings: Mapping[int, object]


def statements(ctx: Context, sql: str) -> list[Statement]:
    """The statements of a request; one where it is not to be split.

    :raises SnowflakeError: 000008 where there are not as many as the request or its session wants, which is one; 000900
        where there is none.
    """
    given = ctx.parameters.get(_PARAMETER, ctx.session.parameters.get(_PARAMETER, 1))
    if not str(given).isdigit():
        raise invalid_parameter(_PARAMETER, given)
    wanted, parts = int(str(given)), _parts(sql)
    if not parts:
        raise SnowflakeError(900, "42601", "SQL compilation error:\nEmpty SQL statement.")
    if wanted not in (0, len(parts)):
        raise SnowflakeError(
            8,
            "0A000",
            f"Actual statement count {len(parts)} did not match the desired statement count {wanted}.",
        )
    if len(parts) == 1:
        return [Statement(sql, ctx.bindings)]
    found, bound = [], 0
    for tokens in parts:
        count = sum(1 for token in tokens if token.kind == "op" and token.value == "?")
        bindings = {i: ctx.bindings[bound + i] for i in range(1, count + 1) if bound + i in ctx.bindings}
        found.append(Statement(sql[tokens[0].start : tokens[-1].end], bindings))
        bound += count
    return found


def _parts(sql: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokenize(sql):
        if token.kind == "op" and token.value == ";" and not _has_body(parts[-1]):
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _has_body(tokens: list[Token]) -> bool:
    """Whether a statement begins like a procedure or function, in whose body semicolons may stand."""
    words = [token.value.upper() for token in tokens[:6] if token.kind == "word"]
    return words[:1] == ["CREATE"] and any(word in ("PROCEDURE", "FUNCTION") for word in words)


def result() -> Result:
    """The answer to the request itself; the statements' own are fetched by their ids."""
    columns = [ResultColumn.text("multiple statement execution")]
    return Result.of(columns, [("Multiple statements executed successfully.",)], _STATEMENT_TYPE)
