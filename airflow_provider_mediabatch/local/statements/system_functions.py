"""System functions about statements and the server, and the statements that only call a system function."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import not_supported, syntax_error
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.sql import system_functions
from airflow_provider_mediabatch.local.sql.system_functions import SystemFunction, Waiting, system_function
from airflow_provider_mediabatch.local.statement_result import Pending, Result, ResultColumn

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

_UNITS = {"DAYS": 86400.0, "HOURS": 3600.0, "MINUTES": 60.0, "SECONDS": 1.0, "MILLISECONDS": 0.001}
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None, "NONE": None}


@system_function("SYSTEM$ML_PLATFORM_CAPABILITIES")
def ml_platform_capabilities(ctx: Context, arguments: list[object]) -> object:
    """snowflake-ml asks which ways of logging a model the server has; none of the optional ones is here."""
    return "{}"


@system_function("SYSTEM$IMPORT_MODEL")
def import_model(ctx: Context, arguments: list[object]) -> object:
    """What ``log_model`` sends for a ``TransformersPipeline``: Snowflake fetches that model itself.

    So does snowflake-ml's ``_remote_log_huggingface_model`` (``snowflake/ml/registry/_manager/model_manager.py``).
    """
    raise not_supported(
        "SYSTEM$IMPORT_MODEL, which fetches a model from Hugging Face. Instead of TransformersPipeline(…), "
        "log the pipeline itself: transformers.pipeline(task, model=…)"
    )


@system_function("SYSTEM$CANCEL_ALL_QUERIES")
def cancel_all_queries(ctx: Context, arguments: list[object]) -> object:
    """``SYSTEM$CANCEL_ALL_QUERIES(<session>)``: Snowpark sends it with ``None`` whenever a session closes.

    Only this session's statements are cancelled, whatever number is given, as for a user without MONITOR on others.
    """
    others = [query for query in ctx.queries.running(ctx.session) if query.id != ctx.query_id]
    for query in others:
        query.cancel()
    return f"{len(others)} queries cancelled."


@system_function("SYSTEM$CANCEL_QUERY")
def cancel_query(ctx: Context, arguments: list[object]) -> object:
    """``SYSTEM$CANCEL_QUERY('<query id>')`` cancels a statement of the same user, in any session."""
    (query_id,) = _arguments("SYSTEM$CANCEL_QUERY", arguments, 1, 1)
    query = ctx.queries.find(str(query_id))
    if query is None or query.done.is_set():
        return "Identified SQL statement is not currently executing."
    query.cancel()
    return f"query [{query_id}] terminated."


@system_function("SYSTEM$WAIT")
def wait(ctx: Context, arguments: list[object]) -> object:
    """``SYSTEM$WAIT(amount [, unit])``: seconds unless a unit is given."""
    amount, *rest = _arguments("SYSTEM$WAIT", arguments, 1, 2)
    unit = str(rest[0]).upper() if rest else "SECONDS"
    if unit not in _UNITS or not isinstance(amount, int | float):
        raise syntax_error(f"SYSTEM$WAIT takes a number and one of {', '.join(_UNITS)}")
    end = time.monotonic() + amount * _UNITS[unit]
    return Waiting(lambda: f"waited {amount} {unit.lower()}" if time.monotonic() >= end else None)


def _arguments(name: str, arguments: list[object], least: int, most: int) -> list[object]:
    if not least <= len(arguments) <= most:
        raise syntax_error(f"{name} does not take {len(arguments)} arguments")
    return arguments


def call_system_function(ctx: Context, cursor: Cursor) -> Result | Pending:
    """``SELECT SYSTEM$F(…) [[AS] name]`` and ``CALL SYSTEM$F(…)`` without a warehouse and beside other statements.

    The column of SELECT has the name that any SELECT gives it, that of CALL the function's.
    """
    parsed = _parse_call(cursor)
    if parsed is None:
        raise not_supported(f"the statement {cursor.sql.strip()[:100]}")
    function, arguments, column = parsed
    if ctx.describe_only:
        return Result.of([ResultColumn.text(column)], [])
    value = function(ctx, arguments)
    if not isinstance(value, Waiting):
        return _row(column, value)

    def poll() -> Result | None:
        found = value.poll()
        return None if found is None else _row(column, found)

    return Pending(poll)


def is_system_call(cursor: Cursor) -> bool:
    """Whether the statement at the cursor is one call of a system function with constants, and nothing else."""
    second = cursor.peek(1)
    if second is None or second.kind != "word" or not second.value.upper().startswith("SYSTEM$"):
        return False
    return _parse_call(Cursor(cursor.sql, cursor.bindings)) is not None


def _row(column: str, value: object) -> Result:
    if isinstance(value, bool):
        return Result.of([ResultColumn.boolean(column)], [(value,)])
    return Result.of([ResultColumn.text(column)], [(None if value is None else str(value),)])


def _parse_call(cursor: Cursor) -> tuple[SystemFunction, list[object], str] | None:
    called = cursor.accept("CALL")
    if not called and not cursor.accept("SELECT"):
        return None
    start = cursor.peek()
    name = start.value.upper() if start is not None and start.kind == "word" else ""
    function = system_functions.find(name) if name.startswith("SYSTEM$") else None
    if start is None or function is None:
        return None
    cursor.next()
    if not cursor.accept("("):
        return None
    arguments: list[object] = []
    while not cursor.accept(")"):
        if not _accept_constant(cursor, arguments):
            return None
        if not cursor.accept(",") and (following := cursor.peek()) is not None and following.value != ")":
            return None
    column = name if called else cursor.sql[start.start : cursor.tokens[cursor.position - 1].end].upper()
    following = cursor.peek()
    if cursor.accept("AS") or (following is not None and following.kind in ("word", "quoted")):
        column = cursor.identifier()
    cursor.accept(";")
    return (function, arguments, column) if cursor.at_end() else None


def _accept_constant(cursor: Cursor, arguments: list[object]) -> bool:
    """Take a constant or a bound value; False where something else stands."""
    if cursor.accept("?"):
        arguments.append(cursor.binding())
        return True
    negative = cursor.accept("-")
    token = cursor.peek()
    if token is None:
        return False
    if token.kind == "number":
        number = float(token.value) if "." in token.value else int(token.value)
        arguments.append(-number if negative else number)
    elif token.kind == "string" and not negative:
        arguments.append(token.value)
    elif token.kind == "word" and token.value.upper() in (*_CONSTANTS, *_UNITS) and not negative:
        word = token.value.upper()
        arguments.append(_CONSTANTS.get(word, word))
    else:
        return False
    cursor.next()
    return True
