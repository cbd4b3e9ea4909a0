"""From a statement's text to its handler, and what happens around every statement: ownership of what it makes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.dispatch import chain
from airflow_provider_mediabatch.local.errors import SnowflakeError, cancelled
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.sql.execute import run_sql
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Pending, Result, ResultColumn
from airflow_provider_mediabatch.local.statements import register_all as register_all
from airflow_provider_mediabatch.local.statements.handlers import find, is_locked
from airflow_provider_mediabatch.local.statements.system_functions import call_system_function, is_system_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.session.query import Query

_READ_ONLY = {"SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "DESC", "LIST", "LS", "EXPLAIN", "("}
_COUNTS = {
    "INSERT": (["number of rows inserted"], 12544),
    "UPDATE": (["number of rows updated", "number of multi-joined rows updated"], 12800),
    "DELETE": (["number of rows deleted"], 13056),
}
"""What DML answers, and its type of statement."""
_RESULT_SCAN = ["SELECT", "*", "FROM", "TABLE", "(", "RESULT_SCAN", "("]


def execute(ctx: Context, sql: str, query: Query) -> Result | FileTransfer | Pending:
    """Run one statement to its end, or to the point where only waiting is left.

    :raises SnowflakeError: the statement's failure.
    """
    try:
        return _execute(ctx, sql, query)
    except Exception as error:
        if ctx.failure is not None:
            raise ctx.failure from error
        raise
    finally:
        for action in ctx.at_end:
            action()


def _execute(ctx: Context, sql: str, query: Query) -> Result | FileTransfer | Pending:
    cursor = Cursor(sql, ctx.bindings)
    if chain.is_chain(cursor):
        return chain.run(cursor, ctx.session, lambda text, given: _link(ctx, text, given, query))
    if ctx.describe_only and cursor.tokens[0].value.upper() not in _READ_ONLY:
        # Describing must not execute; what every other statement answers is its counts or one line of text.
        names, kind = _COUNTS.get(cursor.tokens[0].value.upper(), (None, 24576))
        columns = [ResultColumn.number(name) for name in names] if names else [ResultColumn.text("status")]
        return Result.of(columns, [], kind)
    if is_system_call(cursor):
        # It needs no warehouse, and must get through while a statement of the session runs: it may cancel that one.
        return call_system_function(ctx, cursor)
    handler = find(cursor)
    if handler is not None and not is_locked(handler):
        return handler(ctx, cursor)
    if (whole := _whole_result(cursor)) is not None:
        earlier = ctx.earlier_result(whole)
        return Result(earlier.columns, earlier.table)
    if ctx.session.warehouse is None and not ctx.describe_only and _computes(cursor):
        raise SnowflakeError(
            606,
            "57P03",
            "No active warehouse selected in the current session. "
            "Select an active warehouse with the 'use warehouse' command.",
        )
    with ctx.session.lock:
        if ctx.cancelled.is_set():
            raise cancelled()
        ctx.session.current = query
        try:
            if not cursor.tokens[0].is_word("ROLLBACK"):
                transactions.of(ctx.session).raise_if_aborted()
            if handler is not None and not ctx.describe_only and not ctx.keeps_transaction and _commits(cursor):
                transactions.of(ctx.session).commit()
            outcome = handler(ctx, cursor) if handler is not None else run_sql(ctx, sql)
        except BaseException:
            transactions.of(ctx.session).after_failure()
            raise
        finally:
            ctx.session.current = None
    if ctx.describe_only and isinstance(outcome, Result):
        return replace(outcome, table=outcome.table.slice(0, 0))
    return outcome


def _link(ctx: Context, sql: str, bindings: Mapping[int, object], query: Query) -> Result | FileTransfer | Pending:
    """Run one statement of a chain."""
    return execute(replace(ctx, bindings=bindings, failure=None, at_end=[]), sql, query)


def _whole_result(cursor: Cursor) -> str | None:
    """The query id in ``SELECT * FROM TABLE(RESULT_SCAN('<id>'))``.

    The clients send exactly this for every asynchronous statement. The kept result is its answer as it is, columns
    that share a name included, and needs nothing of the session.
    """
    words = [token.value.upper() for token in cursor.tokens]
    if len(words) == 10 and words[:7] == _RESULT_SCAN and words[8:] == [")", ")"] and cursor.tokens[7].kind == "string":
        return cursor.tokens[7].value
    return None


def _computes(cursor: Cursor) -> bool:
    """Whether a statement needs a warehouse: it reads rows from somewhere or changes them.

    SHOW, DESCRIBE, LIST, DDL and SELECTs of constants do not.
    """
    first = cursor.tokens[0].value.upper()
    if first in ("SELECT", "WITH"):
        return any(token.is_word("FROM") for token in cursor.tokens)
    return first in ("INSERT", "UPDATE", "DELETE", "MERGE") or (first == "COPY" and cursor.tokens[1].is_word("INTO"))


def _commits(cursor: Cursor) -> bool:
    """Whether a statement is DDL, which commits what is open (user guide, page "Transactions", section "DDL").

    That of tables and views commits by itself.
    """
    first, second = (token.value.upper() for token in (cursor.tokens * 2)[:2])
    return first in ("CREATE", "DROP", "COMMENT") or (first == "ALTER" and second != "SESSION")
