"""Statements about statements: cancelling one, or all of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.results import Column, Result
from airflow_provider_mediabatch.local.statements.registry import statement

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.context import Context
    from airflow_provider_mediabatch.local.statements.lexer import Cursor


@statement("SELECT SYSTEM$CANCEL_ALL_QUERIES", locked=False)
def cancel_all_queries(ctx: Context, cursor: Cursor) -> Result:
    """``SELECT SYSTEM$CANCEL_ALL_QUERIES(<session>)``: Snowpark sends it with ``None`` whenever a session closes.

    Only this session's statements are cancelled, whatever number is given, as for a user without MONITOR on others.
    """
    for query in ctx.engine.queries.running(ctx.session):
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
    query = ctx.engine.queries.find(query_id)
    if query is None or query.done.is_set():
        message = "Identified SQL statement is not currently executing."
    else:
        query.cancel()
        message = f"query [{query_id}] terminated."
    return Result.of([Column.text("SYSTEM$CANCEL_QUERY")], [(message,)])
