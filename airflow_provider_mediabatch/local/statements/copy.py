"""COPY INTO, both ways: which of the two it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.statements import copy_into_location, copy_into_table
from airflow_provider_mediabatch.local.statements.handlers import statement

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context


@statement("COPY INTO")
def copy_into(ctx: Context, cursor: Cursor) -> Result:
    """``COPY INTO @stage/path FROM …`` unloads, ``COPY INTO table FROM @stage/path`` loads."""
    cursor.expect("COPY", "INTO")
    token = cursor.peek()
    if token is not None and token.kind == "stage":
        return copy_into_location.unload(ctx, cursor)
    if token is not None and token.kind == "string":
        if not token.value.startswith("@"):
            raise not_supported(f"COPY INTO '{token.value}': unload to a stage")
        return copy_into_location.unload(ctx, cursor)
    return copy_into_table.load_table(ctx, cursor)
