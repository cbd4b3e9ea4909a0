"""Running ordinary SQL: which module answers which statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.sql import alter as alter
from airflow_provider_mediabatch.local.sql import ddl as ddl
from airflow_provider_mediabatch.local.sql import dml as dml
from airflow_provider_mediabatch.local.sql import handlers, queries
from airflow_provider_mediabatch.local.sql import information_schema as information_schema
from airflow_provider_mediabatch.local.sql import insert as insert
from airflow_provider_mediabatch.local.sql import merge as merge
from airflow_provider_mediabatch.local.sql import multi_insert as multi_insert
from airflow_provider_mediabatch.local.sql.errors import translated
from airflow_provider_mediabatch.local.sql.parse import parse
from airflow_provider_mediabatch.local.statement_result import Result

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context


def run_sql(ctx: Context, sql: str) -> Result:
    """Run one statement of ordinary SQL.

    :raises SnowflakeError: with Snowflake's code; ``not supported by the local engine`` for what is not translated.
    """
    tree = parse(sql)
    with translated(ctx):
        if isinstance(tree, exp.Query | exp.Values):
            return queries.select(ctx, tree)
        handler = handlers.find(tree)
        if handler is None:
            raise not_supported(f"the statement {sql.strip()[:100]}")
        return handler(ctx, tree)
