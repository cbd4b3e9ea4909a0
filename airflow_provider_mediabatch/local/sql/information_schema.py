"""INFORMATION_SCHEMA: tables, views, columns, schemata, databases, packages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.local.session import visibility
from airflow_provider_mediabatch.local.sql import table_sources, types
from airflow_provider_mediabatch.local.sql.table_sources import table_source
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

_T, _N, _L = ResultColumn.text, ResultColumn.number, ResultColumn.timestamp_ltz


def _database(ctx: Context, node: exp.Expr) -> str | None:
    return node.args["catalog"].name if node.args.get("catalog") is not None else ctx.session.database


@table_source("INFORMATION_SCHEMA.TABLES")
def tables(ctx: Context, node: exp.Expr) -> str:
    """Tables and views of the database."""
    rows = []
    for table in visibility.tables(ctx, _database(ctx, node)):
        kind = "VIEW" if table.kind == "VIEW" else "LOCAL TEMPORARY" if table.temporary else "BASE TABLE"
        created = utc_time(table.created_on)
        rows.append(
            (
                table.database,
                table.schema,
                table.name,
                table.owner,
                kind,
                "YES" if table.transient else "NO",
                created,
                table.comment,
            )
        )
    columns = [_T("TABLE_CATALOG"), _T("TABLE_SCHEMA"), _T("TABLE_NAME"), _T("TABLE_OWNER"), _T("TABLE_TYPE")]
    columns += [_T("IS_TRANSIENT"), _L("CREATED"), _T("COMMENT")]
    return table_sources.relation(ctx, Result.of(columns, rows))


@table_source("INFORMATION_SCHEMA.VIEWS")
def views(ctx: Context, node: exp.Expr) -> str:
    """Views of the database with their text."""
    found = [t for t in visibility.tables(ctx, _database(ctx, node)) if t.kind == "VIEW"]
    columns = [_T("TABLE_CATALOG"), _T("TABLE_SCHEMA"), _T("TABLE_NAME"), _T("TABLE_OWNER"), _T("VIEW_DEFINITION")]
    rows = [(t.database, t.schema, t.name, t.owner, t.text) for t in found]
    return table_sources.relation(ctx, Result.of(columns, rows))


@table_source("INFORMATION_SCHEMA.COLUMNS")
def columns(ctx: Context, node: exp.Expr) -> str:
    """Columns of the database's tables and views."""
    rows = []
    names = {"VARCHAR": "TEXT"}
    for table in visibility.tables(ctx, _database(ctx, node)):
        for position, column in enumerate(table.columns, 1):
            described = types.column(column.name, column.type)
            base = column.type.partition("(")[0]
            rows.append(
                (
                    table.database,
                    table.schema,
                    table.name,
                    column.name,
                    position,
                    column.shown_default,
                    "YES" if column.nullable else "NO",
                    names.get(base, base),
                    described.length,
                    described.precision if base == "NUMBER" else None,
                    described.scale if base == "NUMBER" else None,
                    column.comment,
                )
            )
    head = [_T("TABLE_CATALOG"), _T("TABLE_SCHEMA"), _T("TABLE_NAME"), _T("COLUMN_NAME"), _N("ORDINAL_POSITION")]
    head += [_T("COLUMN_DEFAULT"), _T("IS_NULLABLE"), _T("DATA_TYPE"), _N("CHARACTER_MAXIMUM_LENGTH")]
    head += [_N("NUMERIC_PRECISION"), _N("NUMERIC_SCALE"), _T("COMMENT")]
    return table_sources.relation(ctx, Result.of(head, rows))


@table_source("INFORMATION_SCHEMA.SCHEMATA")
def schemata(ctx: Context, node: exp.Expr) -> str:
    """Schemas of the database."""
    found = visibility.schemas(ctx, _database(ctx, node))
    rows = [(r["database_name"], r["name"], r["owner"], r["created_on"], r["comment"]) for r in found]
    columns = [_T("CATALOG_NAME"), _T("SCHEMA_NAME"), _T("SCHEMA_OWNER"), _L("CREATED"), _T("COMMENT")]
    return table_sources.relation(ctx, Result.of(columns, rows))


@table_source("INFORMATION_SCHEMA.DATABASES")
def databases(ctx: Context, node: exp.Expr) -> str:
    """All databases."""
    rows = [(r["name"], r["owner"], r["created_on"], r["comment"]) for r in visibility.databases(ctx)]
    columns = [_T("DATABASE_NAME"), _T("DATABASE_OWNER"), _L("CREATED"), _T("COMMENT")]
    return table_sources.relation(ctx, Result.of(columns, rows))


@table_source("INFORMATION_SCHEMA.PACKAGES")
def packages(ctx: Context, node: exp.Expr) -> str:
    """Packages of the engine's own environment, as those that a warehouse would offer.

    snowflake-ml asks which of its versions are there when a model is logged; an error would be fatal to it.
    """
    from importlib.metadata import distributions

    found = {(d.metadata["Name"] or "").lower(): d.version for d in distributions()}
    runtime = f"{sys.version_info.major}.{sys.version_info.minor}"
    rows = [(name, version, "python", runtime) for name, version in sorted(found.items()) if name]
    columns = [_T("PACKAGE_NAME"), _T("VERSION"), _T("LANGUAGE"), _T("RUNTIME_VERSION")]
    return table_sources.relation(ctx, Result.of(columns, rows))
