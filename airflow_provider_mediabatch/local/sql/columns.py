"""Columns as CREATE TABLE and ALTER TABLE declare them."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported, syntax_error
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.dml import assigned
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn


def column_name(node: exp.Expr) -> str:
    """The name in a node that holds one identifier, as Snowflake resolves it."""
    identifier = node.find(exp.Identifier)
    if identifier is None:
        raise syntax_error(f"{node.sql('snowflake')} is not a column name")
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()


def declared(ctx: Context, entries: list[exp.Expr]) -> list[TableColumn]:
    """The columns of CREATE TABLE, with the keys that are declared beside them."""
    columns: dict[str, TableColumn] = {}
    for entry in entries:
        if isinstance(entry, exp.ColumnDef):
            column = column_of(ctx, entry)
            if column.name in columns:
                raise SnowflakeError(2025, "42S21", f"SQL compilation error:\nduplicate column name '{column.name}'")
            columns[column.name] = column
    for entry in entries:
        for key in [entry, *entry.find_all(exp.PrimaryKey, exp.UniqueColumnConstraint)]:
            if isinstance(entry, exp.ColumnDef) or not isinstance(key, exp.PrimaryKey | exp.UniqueColumnConstraint):
                continue
            listed = key.expressions if isinstance(key, exp.PrimaryKey) else key.this.expressions
            for part in listed:
                name = column_name(part)
                if name not in columns:
                    raise SnowflakeError(904, "42000", f"SQL compilation error:\ninvalid identifier '{name}'")
                primary = isinstance(key, exp.PrimaryKey)
                columns[name] = replace(
                    columns[name],
                    primary_key=primary or columns[name].primary_key,
                    unique_key=not primary or columns[name].unique_key,
                    nullable=columns[name].nullable and not primary,
                )
    return list(columns.values())


def column_of(ctx: Context, node: exp.ColumnDef) -> TableColumn:
    """A column as it is declared."""
    if node.args.get("kind") is None:
        raise syntax_error(f"column {node.name} has no type")
    column = TableColumn(column_name(node.this), types.snowflake(node.args["kind"]))
    for constraint in node.args.get("constraints") or []:
        rule = constraint.kind if isinstance(constraint, exp.ColumnConstraint) else constraint
        if isinstance(rule, exp.NotNullColumnConstraint):
            column = replace(column, nullable=bool(rule.args.get("allow_null")))
        elif isinstance(rule, exp.DefaultColumnConstraint):
            column = replace(column, default=default(ctx, rule.this, column))
        elif isinstance(rule, exp.AutoIncrementColumnConstraint | exp.GeneratedAsIdentityColumnConstraint):
            column = replace(column, identity=_identity(rule))
        elif isinstance(rule, exp.PrimaryKeyColumnConstraint):
            column = replace(column, primary_key=True, nullable=False)
        elif isinstance(rule, exp.UniqueColumnConstraint):
            column = replace(column, unique_key=True)
        elif isinstance(rule, exp.CommentColumnConstraint):
            column = replace(column, comment=rule.this.name)
        elif not isinstance(rule, exp.Reference):
            raise not_supported(f"the column constraint {constraint.sql('snowflake')}")
    return column


def _identity(rule: exp.Expr) -> tuple[int, int]:
    """Start and step of ``AUTOINCREMENT | IDENTITY [(start, step) | START n INCREMENT n] [ORDER | NOORDER]``."""
    start, step = rule.args.get("start"), rule.args.get("increment")
    return int(start.name) if start is not None else 1, int(step.name) if step is not None else 1


def default(ctx: Context, node: exp.Expr, column: TableColumn) -> str:
    """A column's DEFAULT in DuckDB SQL."""
    translation = Translation(ctx, deferred=True)
    prepared = translation.resolve_names(exp.Select(expressions=[node.copy()]))
    values, _ = translation.expressions([p.unalias() for p in prepared.expressions], [])
    return translation.sql(assigned(values[0], column))


def refuse_twins(table: Table) -> None:
    """Refuse a name given twice, and names that DuckDB would not tell apart."""
    seen: dict[str, str] = {}
    for column in table.columns:
        other = seen.setdefault(column.name.lower(), column.name)
        if other != column.name:
            raise not_supported(f"two columns that differ only in case: {other} and {column.name}")
        if sum(c.name == column.name for c in table.columns) > 1:
            raise SnowflakeError(2025, "42S21", f"SQL compilation error:\nduplicate column name '{column.name}'")
