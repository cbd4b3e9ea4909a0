"""Statements about statements: cancelling one, or all of a session; waiting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.statement_result import Column, Pending, Result
from airflow_provider_mediabatch.local.statements.handlers import statement

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context


@statement("SELECT SYSTEM$CANCEL_ALL_QUERIES", locked=False)
def cancel_all_queries(ctx: Context, cursor: Cursor) -> Result:
    """``SELECT SYSTEM$CANCEL_ALL_QUERIES(<session>)``: Snowpark sends it with ``None`` whenever a session closes.

    Only this session's statements are cancelled, whatever number is given, as for a user without MONITOR on others.
    """
    for query in ctx.queries.running(ctx.session):
        if query.id != ctx.query_id:
            query.cancel()
    return Result.of([Column.text("SYSTEM$CANCEL_ALL_QUERIES")], [("cancelled all running queries",)])


@statement("SELECT SYSTEM$CANCEL_QUERY", locked=False)
def cancel_query(ctx: Context, cursor: Cursor) -> Result:
    """``SELECT SYSTEM$CANCEL_QUERY('<query id>')`` cancels a statement of the same user, in any session."""
    cursor.expect("SELECT", "SYSTEM$CANCEL_QUERY", "(")
    query_id = cursor.string()
    cursor.expect(")")
    cursor.expect_end()
    query = ctx.queries.find(query_id)
    if query is None or query.done.is_set():
        message = "Identified SQL statement is not currently executing."
    else:
        query.cancel()
        message = f"query [{query_id}] terminated."
    return Result.of([Column.text("SYSTEM$CANCEL_QUERY")], [(message,)])


_UNITS = {"DAYS": 86400.0, "HOURS": 3600.0, "MINUTES": 60.0, "SECONDS": 1.0, "MILLISECONDS": 0.001}


@statement("CALL SYSTEM$WAIT", "SELECT SYSTEM$WAIT")
def wait(ctx: Context, cursor: Cursor) -> Pending:
    """``CALL SYSTEM$WAIT(amount [, unit])``: seconds unless a unit is given."""
    cursor.next()
    cursor.expect("SYSTEM$WAIT", "(")
    amount = cursor.next()
    if amount.kind != "number":
        cursor.fail("expected a number")
    unit = "SECONDS"
    if cursor.accept(","):
        unit = cursor.next().value.upper()
        if unit not in _UNITS:
            cursor.fail(f"expected one of {', '.join(_UNITS)}")
    cursor.expect(")")
    cursor.expect_end()
    end = time.monotonic() + float(amount.value) * _UNITS[unit]
    done = Result.of([Column.text("SYSTEM$WAIT")], [(f"waited {amount.value} {unit.lower()}",)])
    return Pending(lambda: done if time.monotonic() >= end else None)
