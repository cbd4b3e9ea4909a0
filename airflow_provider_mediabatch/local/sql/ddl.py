"""CREATE, ALTER, DROP and COMMENT for tables and views."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sqlglot import exp

from airflow_provider_mediabatch.core.sql import qualified, quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, does_not_exist, not_supported, syntax_error
from airflow_provider_mediabatch.local.session.access import (
    record_created,
    record_dropped,
    require_privilege,
    require_table_privilege,
)
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.columns import column_name, declared, refuse_twins
from airflow_provider_mediabatch.local.sql.dml import assigned
from airflow_provider_mediabatch.local.sql.handlers import handles
from airflow_provider_mediabatch.local.sql.queries import described, result_types
from airflow_provider_mediabatch.local.sql.schema_changes import change, definition
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result, Stats
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn


@handles(exp.Create)
def create(ctx: Context, tree: exp.Expr) -> Result:
    """``CREATE [OR REPLACE] [TEMPORARY | TRANSIENT] TABLE | VIEW``."""
    assert isinstance(tree, exp.Create)
    if tree.kind == "VIEW":
        return _create_view(ctx, tree)
    if tree.kind != "TABLE":
        raise not_supported(f"CREATE {tree.kind}")
    return _create_table(ctx, tree)


def _create_table(ctx: Context, tree: exp.Create) -> Result:
    if tree.args.get("clone"):
        raise not_supported("CREATE TABLE … CLONE")
    translation = Translation(ctx)
    schema = tree.this
    node = schema.this if isinstance(schema, exp.Schema) else schema
    table = Table(*translation.names.name(node), columns=(), owner=ctx.session.role, **_properties(tree))
    _check_schema(ctx, table)
    columns = declared(ctx, schema.expressions) if isinstance(schema, exp.Schema) else []
    like = tree.find(exp.LikeProperty)
    if like is not None:
        columns = list(translation.names.lookup(like.this, "SELECT").columns)
    query = ""
    if isinstance(tree.expression, exp.Query):
        columns, query = _selected(ctx, tree.expression, columns)
        if isinstance(schema, exp.Schema) and all(isinstance(e, exp.Identifier) for e in schema.expressions):
            columns = _named(columns, [column_name(e) for e in schema.expressions])
    elif tree.expression is not None:
        raise not_supported(f"CREATE TABLE … {tree.expression.sql('snowflake')[:50]}")
    if not columns:
        raise syntax_error("a table needs a column")
    table = replace(table, columns=tuple(columns))
    refuse_twins(table)
    done, replaced = "successfully created", False

    def build() -> list[str]:
        nonlocal done, replaced
        existing = ctx.session.tables.find(table.database, table.schema, table.name)
        if existing is not None and existing.temporary != table.temporary:
            existing = None if table.temporary else _permanent(ctx, table)
        if existing is not None and tree.args.get("exists") and not tree.args.get("replace"):
            done = "already exists, statement succeeded"
            return []
        statements, replaced = _room_for(ctx, tree, table, existing), existing is not None
        if not query:
            return [*statements, definition(table), table.remark()]
        # The query may read the table that is replaced, so it is answered before that is dropped.
        rows = quoted(f"mb_rows_{uuid.uuid4().hex}")
        return [
            f"CREATE TEMPORARY TABLE {rows} AS {query}",
            *statements,
            definition(table),
            f"INSERT INTO {table.sql} SELECT * FROM {rows}",
            f"DROP TABLE {rows}",
            table.remark(),
        ]

    inserted = change(ctx, build, [table])
    name = table.name
    if "created" not in done:
        return Result.status(f"{name} {done}.")
    _note_created(ctx, tree, table, replaced)
    status = Result.status(f"Table {name} {done}.")
    return replace(status, stats=Stats(inserted)) if query else status


def _note_created(ctx: Context, tree: exp.Create, table: Table, replaced: bool) -> None:
    """A temporary table is its session's own, any other object its role's."""
    if table.temporary:
        ctx.session.tables.put_temporary(table)
    else:
        keep = replaced and tree.find(exp.CopyGrantsProperty) is not None
        record_created(ctx, table.kind, table.database, table.schema, table.name, keep_grants=keep)


def _room_for(ctx: Context, tree: exp.Create, table: Table, existing: Table | None) -> list[str]:
    """What is to be done before a table or view can be made: OR REPLACE drops the one that is there."""
    if existing is not None and tree.args.get("replace"):
        require_table_privilege(ctx, "OWNERSHIP", existing)
        return [f"DROP {existing.kind} {existing.sql}"]
    ctx.session.tables.check_free(table)
    return []


def _permanent(ctx: Context, table: Table) -> Table | None:
    """The permanent table of the name, past a temporary one that hides it."""
    return next(
        (t for t in ctx.session.tables.all(table.database, table.schema) if t.name == table.name and not t.temporary),
        None,
    )


def _check_schema(ctx: Context, table: Table) -> None:
    """The schema is there, and the role may create the object in it; a temporary one needs USAGE only."""
    if not ctx.stores.storage.schema_exists(table.database, table.schema):
        raise does_not_exist("Schema", qualified(table.database, table.schema))
    privilege = "USAGE" if table.temporary else f"CREATE {table.kind}"
    require_privilege(ctx, privilege, "SCHEMA", qualified(table.database, table.schema))


# What they are for (time travel, streams) is refused by name.
_IGNORED = {"DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS", "CHANGE_TRACKING"}
_OFF = {"ENABLE_SCHEMA_EVOLUTION": "FALSE", "DEFAULT_DDL_COLLATION": ""}


def _is_off(entry: exp.Expr) -> bool:
    """Whether it is an option at the value with which it changes nothing."""
    value = entry.args.get("value")
    return isinstance(value, exp.Expr) and _OFF.get(entry.name.upper()) == value.name.upper()


def _properties(tree: exp.Create) -> dict[str, Any]:
    found: dict[str, Any] = {}
    properties = tree.args.get("properties")
    for entry in properties.expressions if properties is not None else []:
        if isinstance(entry, exp.TemporaryProperty):
            found["temporary"] = True
        elif isinstance(entry, exp.TransientProperty):
            found["transient"] = True
        elif isinstance(entry, exp.SchemaCommentProperty):
            found["comment"] = entry.this.name
        elif (
            isinstance(entry, exp.LikeProperty | exp.Cluster | exp.CopyGrantsProperty)
            or entry.name.upper() in _IGNORED
            or _is_off(entry)
        ):
            continue
        elif entry.sql("snowflake").upper().strip() != "SCOPED":
            raise not_supported(f"CREATE … {entry.sql('snowflake')}")
    return found


def _named(columns: list[TableColumn], names: list[str]) -> list[TableColumn]:
    """The columns of ``CREATE TABLE t (a, b) AS SELECT …``: names without types."""
    if len(names) != len(columns):
        raise SnowflakeError(2026, "42601", "SQL compilation error:\nInvalid column definition list")
    return [replace(column, name=name) for column, name in zip(columns, names, strict=True)]


def _selected(ctx: Context, query: exp.Query, declared: list[TableColumn]) -> tuple[list[TableColumn], str]:
    """The columns of CREATE TABLE AS, and the query in DuckDB SQL."""
    translation = Translation(ctx)
    done = translation.query(translation.resolve_names(query))
    text = translation.sql(done)
    transactions.of(ctx.session).before_read(translation.reads)
    relation = ctx.session.duckdb.sql(text)
    results = described(relation, done)
    if declared and len(declared) != len(results):
        raise SnowflakeError(2026, "42601", "SQL compilation error:\nInvalid column definition list")
    assert isinstance(done, exp.Query)
    kinds = result_types(relation, done)
    columns = declared or [TableColumn(r.name, k) for r, k in zip(results, kinds, strict=True)]
    names = [f"C{i}" for i in range(len(columns))]
    values = []
    for name, column, kind in zip(names, columns, kinds, strict=True):
        reference = exp.column(name, table="MB_ROWS", quoted=True)
        reference.type = types.parse(kind)
        values.append(translation.sql(assigned(reference, column)))
    listed = ", ".join(quoted(name) for name in names)
    return columns, f"SELECT {', '.join(values)} FROM ({text}) AS MB_ROWS({listed})"


def _create_view(ctx: Context, tree: exp.Create) -> Result:
    translation = Translation(ctx, deferred=True)
    schema = tree.this
    node = schema.this if isinstance(schema, exp.Schema) else schema
    table = Table(*translation.names.name(node), columns=(), kind="VIEW", owner=ctx.session.role, **_properties(tree))
    _check_schema(ctx, table)
    if not isinstance(tree.expression, exp.Query):
        raise syntax_error("a view needs a query")
    if tree.expression.find(exp.Placeholder) is not None:
        words = "SQL compilation error:\nBind variables not allowed in view and UDF definitions."
        raise SnowflakeError(2210, "42601", words)
    table = replace(table, text=tree.expression.sql("snowflake"))
    done = translation.query(translation.resolve_names(tree.expression))
    hidden = not table.temporary and any(t.temporary for t in translation.names.tables.values())
    if translation.names.relations or hidden:
        raise not_supported("a view over a stage, a table function or a temporary table")
    text = translation.sql(done)
    relation = ctx.session.duckdb.sql(text)
    results = described(relation, done)
    kinds = result_types(relation, done)
    named = [column_name(e) for e in schema.expressions] if isinstance(schema, exp.Schema) else []
    if named and len(named) != len(results):
        raise SnowflakeError(2026, "42601", "SQL compilation error:\nInvalid column definition list")
    names = named or [r.name for r in results]
    table = replace(table, columns=tuple(TableColumn(n, k) for n, k in zip(names, kinds, strict=True)))
    refuse_twins(table)
    message, replaced = "successfully created", False

    def build() -> list[str]:
        nonlocal message, replaced
        existing = ctx.session.tables.find(table.database, table.schema, table.name)
        if existing is not None and existing.temporary != table.temporary:
            existing = None if table.temporary else _permanent(ctx, table)
        if existing is not None and tree.args.get("exists"):
            message = "already exists, statement succeeded"
            return []
        statements, replaced = _room_for(ctx, tree, table, existing), existing is not None
        listed = ", ".join(quoted(c.name) for c in table.columns)
        kind = "TEMPORARY VIEW" if table.temporary else "VIEW"
        return [*statements, f"CREATE {kind} {table.sql} ({listed}) AS {text}", table.remark()]

    change(ctx, build, [table])
    if "created" in message:
        _note_created(ctx, tree, table, replaced)
    return Result.status(f"View {table.name} {message}.")


@handles(exp.Drop)
def drop(ctx: Context, tree: exp.Expr) -> Result:
    """``DROP TABLE | VIEW [IF EXISTS]``."""
    kind = str(tree.args["kind"]).upper()
    if kind not in ("TABLE", "VIEW"):
        raise not_supported(f"DROP {kind}")
    translation = Translation(ctx)
    nodes = tree.args.get("tables") or [tree.this]
    if len(nodes) != 1:
        raise not_supported("dropping several objects at once")
    name = translation.names.name(nodes[0])
    found: Table | None = None

    def build() -> list[str]:
        nonlocal found
        found = ctx.session.tables.find(*name)
        if found is None:
            if tree.args.get("exists"):
                return []
            raise does_not_exist(kind.capitalize(), ".".join(name))
        if found.kind != kind:
            raise SnowflakeError(
                1003, "42000", f"SQL compilation error:\n{found.full_name} is a {found.kind}, not a {kind}."
            )
        require_table_privilege(ctx, "OWNERSHIP", found)
        return [f"DROP {kind} {found.sql}"]

    place = Table(*name, columns=())
    change(ctx, build, [place])
    if found is None:
        return Result.status(f"Drop statement executed successfully ({name[-1]} already dropped).")
    if found.temporary:
        ctx.session.tables.drop_temporary(found)
    else:
        record_dropped(ctx, found.kind, found.database, found.schema, found.name)
    return Result.status(f"{found.name} successfully dropped.")


@handles(exp.Comment)
def comment(ctx: Context, tree: exp.Expr) -> Result:
    """``COMMENT ON TABLE | VIEW … IS '…'``."""
    kind = str(tree.args["kind"]).upper()
    if kind not in ("TABLE", "VIEW"):
        raise not_supported(f"COMMENT ON {kind}")
    new = replace(Translation(ctx).names.lookup(tree.this, "OWNERSHIP"), comment=tree.expression.name)
    change(ctx, lambda: [new.remark()], [new])
    if new.temporary:
        ctx.session.tables.put_temporary(new)
    return Result.status()
