"""SHOW of databases, schemas, tables, views, columns, warehouses, and DESCRIBE TABLE."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import SnowflakeError, does_not_exist
from airflow_provider_mediabatch.local.session import visibility
from airflow_provider_mediabatch.local.session.access import sees
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import (
    account_scope,
    database_scope,
    schema_scope,
    show_clauses,
)

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn


def _columns(*names: str) -> list[ResultColumn]:
    kinds = {"created_on": ResultColumn.timestamp_ltz, "rows": ResultColumn.number, "bytes": ResultColumn.number}
    return [kinds.get(name, ResultColumn.text)(name) for name in names]


@statement("SHOW DATABASES", "SHOW TERSE DATABASES")
def show_databases(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW DATABASES [LIKE '…'] [IN ACCOUNT]``."""
    cursor.expect("SHOW")
    cursor.accept("TERSE")
    cursor.expect("DATABASES")
    cursor.accept("HISTORY")
    clauses = show_clauses(cursor, account_scope(cursor), limits=True)
    found = clauses.select(visibility.databases(ctx), _name)
    columns = _columns("created_on", "name", "is_default", "is_current", "origin", "owner", "comment", "options",
                       "retention_time", "kind")  # fmt: skip
    rows = [
        (
            r["created_on"],
            r["name"],
            "N",
            _mark(r["name"] == ctx.session.database),
            "",
            r["owner"],
            r["comment"],
            "",
            "1",
            "STANDARD",
        )
        for r in found
    ]
    return Result.of(columns, rows)


def _name(row: dict[str, Any]) -> str:
    return str(row["name"])


def _mark(condition: bool) -> str:
    return "Y" if condition else "N"


@statement("SHOW SCHEMAS", "SHOW TERSE SCHEMAS")
def show_schemas(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW SCHEMAS [LIKE '…'] [IN {ACCOUNT | [DATABASE] <name>}]``."""
    cursor.expect("SHOW")
    cursor.accept("TERSE")
    cursor.expect("SCHEMAS")
    cursor.accept("HISTORY")
    clauses = show_clauses(cursor, database_scope(ctx, cursor), limits=True)
    found = clauses.select(visibility.schemas(ctx, clauses.scope), _name)
    columns = _columns("created_on", "name", "is_default", "is_current", "database_name", "owner", "comment", "options",
                       "retention_time")  # fmt: skip
    here = (ctx.session.database, ctx.session.schema)
    rows = [
        (
            r["created_on"],
            r["name"],
            "N",
            _mark((r["database_name"], r["name"]) == here),
            r["database_name"],
            r["owner"],
            r["comment"],
            "",
            "1",
        )
        for r in found
    ]
    return Result.of(columns, rows)


def _sees_warehouse(ctx: Context, name: str) -> bool:
    return sees(ctx, "WAREHOUSE", (name,))


@statement("SHOW WAREHOUSES")
def show_warehouses(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW WAREHOUSES [LIKE '…']``."""
    cursor.expect("SHOW", "WAREHOUSES")
    clauses = show_clauses(cursor, account_scope(cursor), limits=True)
    found = clauses.select((r for r in ctx.stores.storage.warehouses() if _sees_warehouse(ctx, r["name"])), _name)
    columns = _columns("name", "state", "type", "size", "is_default", "is_current", "created_on", "owner", "comment")
    rows = [
        (
            r["name"],
            "STARTED",
            "STANDARD",
            r["size"],
            "N",
            _mark(r["name"] == ctx.session.warehouse),
            r["created_on"],
            r["owner"],
            r["comment"],
        )
        for r in found
    ]
    return Result.of(columns, rows)


def _tables(ctx: Context, cursor: Cursor, kinds: set[str]) -> list[Table]:
    clauses = show_clauses(cursor, schema_scope(ctx, cursor), limits=True)
    found = [table for table in visibility.tables(ctx, *clauses.scope) if table.kind in kinds]
    return clauses.select(found, lambda table: table.name)


@statement("SHOW TABLES", "SHOW TERSE TABLES", "SHOW OBJECTS", "SHOW TERSE OBJECTS")
def show_tables(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW TABLES | OBJECTS [LIKE '…'] [IN …] [STARTS WITH '…'] [LIMIT n]``."""
    cursor.expect("SHOW")
    cursor.accept("TERSE")
    objects = cursor.accept("OBJECTS")
    if not objects:
        cursor.expect("TABLES")
    cursor.accept("HISTORY")
    rows = []
    for table in _tables(ctx, cursor, {"TABLE", "VIEW"} if objects else {"TABLE"}):
        count = None
        if table.kind == "TABLE":
            count = ctx.session.duckdb.execute(f"SELECT count(*) FROM {table.sql}").fetchall()[0][0]
        kind = "VIEW" if table.kind == "VIEW" else _kind(table)
        place = (utc_time(table.created_on), table.name, table.database, table.schema)
        rows.append((*place, kind, table.comment or "", "", count, None, table.owner, "1", "ROLE"))
    return Result.of(
        _columns("created_on", "name", "database_name", "schema_name", "kind", "comment", "cluster_by", "rows", "bytes",
                 "owner", "retention_time", "owner_role_type"),
        rows,
    )  # fmt: skip


def _kind(table: Table) -> str:
    return "TEMPORARY" if table.temporary else "TRANSIENT" if table.transient else "TABLE"


@statement("SHOW VIEWS", "SHOW TERSE VIEWS")
def show_views(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW VIEWS [LIKE '…'] [IN …]``."""
    cursor.expect("SHOW")
    cursor.accept("TERSE")
    cursor.expect("VIEWS")
    rows = []
    for view in _tables(ctx, cursor, {"VIEW"}):
        place = (utc_time(view.created_on), view.name, "", view.database, view.schema)
        rows.append((*place, view.owner, view.comment or "", view.text, "false", "false", "ROLE"))
    return Result.of(
        _columns("created_on", "name", "reserved", "database_name", "schema_name", "owner", "comment", "text",
                 "is_secure", "is_materialized", "owner_role_type"),
        rows,
    )  # fmt: skip


@statement("SHOW COLUMNS")
def show_columns(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW COLUMNS [LIKE '…'] [IN {TABLE | VIEW | SCHEMA | DATABASE | ACCOUNT} <name>]``."""
    cursor.expect("SHOW", "COLUMNS")
    in_schema = schema_scope(ctx, cursor)

    def in_table_or_schema() -> list[Table]:
        """``IN [TABLE | VIEW] name``, or ``IN`` as for tables."""
        following = cursor.peek(1)
        places = ("ACCOUNT", "DATABASE", "SCHEMA")
        token = cursor.peek()
        if token is None or not token.is_word("IN") or (following and any(map(following.is_word, places))):
            return visibility.tables(ctx, *in_schema())
        cursor.expect("IN")
        _ = cursor.accept("TABLE") or cursor.accept("VIEW")
        table = ctx.session.tables.get(*ctx.qualify(cursor.name()))
        return [seen for seen in visibility.tables(ctx, table.database, table.schema) if seen == table]

    clauses = show_clauses(cursor, in_table_or_schema)
    rows = [
        (t.name, t.schema, c.name, _data_type(c), "true" if c.nullable else "NOT_NULL", c.shown_default or "", "COLUMN",
         "", c.comment or "", t.database, "")
        for t in clauses.scope
        for c in clauses.select(t.columns, lambda column: column.name)
    ]  # fmt: skip
    return Result.of(
        _columns("table_name", "schema_name", "column_name", "data_type", "null?", "default", "kind", "expression",
                 "comment", "database_name", "autoincrement"),
        rows,
    )  # fmt: skip


def _data_type(column: TableColumn) -> str:
    """SHOW COLUMNS describes a type as JSON."""
    base, _, rest = column.type.partition("(")
    numbers = [int(n) for n in rest.rstrip(")").split(",")] if rest else []
    described: dict[str, Any] = {"type": {"NUMBER": "FIXED", "VARCHAR": "TEXT", "FLOAT": "REAL"}.get(base, base)}
    if base == "NUMBER":
        described |= {"precision": numbers[0], "scale": numbers[1]}
    elif base == "VARCHAR":
        described |= {"length": numbers[0], "byteLength": min(numbers[0] * 4, 16_777_216), "fixed": False}
    elif base == "BINARY":
        described |= {"length": numbers[0], "byteLength": numbers[0], "fixed": True}
    elif numbers:
        described |= {"precision": 0, "scale": numbers[0]}
    return json.dumps(described | {"nullable": column.nullable}, separators=(",", ":"))


@statement("DESCRIBE TABLE", "DESC TABLE", "DESCRIBE VIEW", "DESC VIEW")
def describe_table(ctx: Context, cursor: Cursor) -> Result:
    """``DESCRIBE TABLE | VIEW <name>``: one row a column."""
    cursor.next()
    kind = cursor.identifier()
    name = ctx.qualify(cursor.name())
    if cursor.accept("TYPE", "="):
        cursor.expect("COLUMNS")
    cursor.expect_end()
    found = ctx.session.tables.find(*name)
    if found is None or found not in visibility.tables(ctx, found.database, found.schema):
        raise does_not_exist(kind.capitalize(), qualified(*name))
    if kind == "VIEW" and found.kind != "VIEW":
        raise SnowflakeError(
            2003, "02000", "SQL compilation error:\nObject found is of type 'TABLE', not specified type 'VIEW'."
        )
    rows = [
        (c.name, c.type, "COLUMN", _mark(c.nullable), c.shown_default, _mark(c.primary_key), _mark(c.unique_key), None,
         None, c.comment, None, None)
        for c in found.columns
    ]  # fmt: skip
    return Result.of(
        _columns("name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression",
                 "comment", "policy name", "privacy domain"),
        rows,
    )  # fmt: skip
