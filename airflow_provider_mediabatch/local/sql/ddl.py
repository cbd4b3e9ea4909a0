"""CREATE, ALTER, DROP and COMMENT for tables and views."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from airflow_provider_mediabatch.local.context import Context
from airflow_provider_mediabatch.local.errors import SnowflakeError, does_not_exist, not_supported, syntax_error
from airflow_provider_mediabatch.local.results import Result
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.dml import assigned
from airflow_provider_mediabatch.local.sql.run import described, handles
from airflow_provider_mediabatch.local.sql.storage import Table, TableColumn
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

_RETRIES = 50


def change(ctx: Context, build: Callable[[], list[str]], tables: list[Table]) -> None:
    """Run DDL as a transaction of its own; an open transaction is committed first, as in Snowflake.

    :param build: checks names and returns DuckDB's statements; called again when another session's DDL came in between.
    :param tables: those that change.
    """
    transaction = transactions.of(ctx.session)
    transaction.commit()
    connection = ctx.session.duckdb
    for attempt in range(_RETRIES):
        statements = build()
        try:
            connection.execute("BEGIN TRANSACTION")
            for statement in statements:
                connection.execute(statement)
            connection.execute("COMMIT")
            break
        except duckdb.Error as error:
            try:
                connection.execute("ROLLBACK")
            except duckdb.Error:
                pass  # a failed COMMIT has rolled back already
            if not isinstance(error, duckdb.TransactionException) or attempt == _RETRIES - 1:
                raise
            time.sleep(random.uniform(0, 0.01 * (attempt + 1)))
    ctx.engine.storage.committed({table.physical for table in tables})
    transaction.after_read()


def definition(table: Table) -> str:
    """The DuckDB statement that makes the table.

    A declared length is a CHECK, because DuckDB ignores it; PRIMARY KEY and UNIQUE are left out, because Snowflake does not
    enforce them.
    """
    columns = []
    for column in table.columns:
        kind = types.parse(column.type)
        text = f"{quoted(column.name)} {types.storage(kind)}"
        if not column.nullable:
            text += " NOT NULL"
        length = types.parameters(kind)
        if column.type.startswith("VARCHAR") and length[0] < types.MAX_TEXT:
            text += f" CHECK (length({quoted(column.name)}) <= {length[0]})"
        if column.default is not None:
            text += f" DEFAULT ({column.default})"
        columns.append(text)
    temporary = "TEMPORARY " if table.temporary else ""
    return f"CREATE {temporary}TABLE {table.sql} ({', '.join(columns)})"


@handles(exp.Create)
def create(ctx: Context, tree: exp.Expression) -> Result:
    """``CREATE [OR REPLACE] [TEMPORARY | TRANSIENT] TABLE | VIEW``."""
    assert isinstance(tree, exp.Create)
    if tree.kind == "VIEW":
        return _create_view(ctx, tree)
    if tree.kind != "TABLE":
        raise not_supported(f"CREATE {tree.kind}")
    return _create_table(ctx, tree)


def _create_table(ctx: Context, tree: exp.Create) -> Result:
    translation = Translation(ctx)
    schema = tree.this
    node = schema.this if isinstance(schema, exp.Schema) else schema
    table = Table(*translation.names.name(node), columns=(), owner=ctx.session.role, **_properties(tree))
    _check_schema(ctx, table)
    columns = _declared(ctx, schema.expressions) if isinstance(schema, exp.Schema) else []
    like = tree.find(exp.LikeProperty)
    if like is not None:
        columns = list(translation.names.lookup(like.this).columns)
    query = ""
    if isinstance(tree.expression, exp.Query):
        columns, query = _selected(ctx, tree.expression, columns)
    elif tree.expression is not None:
        raise not_supported(f"CREATE TABLE … {tree.expression.sql('snowflake')[:50]}")
    if not columns:
        raise syntax_error("a table needs a column")
    table = replace(table, columns=tuple(columns))
    _refuse_twins(table)
    done = "successfully created"

    def build() -> list[str]:
        nonlocal done
        existing = ctx.engine.storage.find(ctx.session, table.database, table.schema, table.name)
        if existing is not None and existing.temporary != table.temporary:
            existing = None if table.temporary else _permanent(ctx, table)
        if existing is not None and tree.args.get("exists") and not tree.args.get("replace"):
            done = "already exists, statement succeeded"
            return []
        statements = []
        if existing is not None and tree.args.get("replace"):
            statements.append(f"DROP {existing.kind} {existing.sql}")
        else:
            ctx.engine.storage.check_free(ctx.session, table)
        statements += [definition(table), table.remark()]
        if query:
            statements.insert(-1, f"INSERT INTO {table.sql} {query}")
        return statements

    change(ctx, build, [table])
    if table.temporary and "created" in done:
        ctx.session.temporary["table", table.database, table.schema, table.name] = table
    name = table.name
    return Result.status(f"Table {name} {done}." if "created" in done else f"{name} {done}.")


def _permanent(ctx: Context, table: Table) -> Table | None:
    """The permanent table of the name, past a temporary one that hides it."""
    return next(
        (
            t
            for t in ctx.engine.storage.tables(ctx.session, table.database, table.schema)
            if t.name == table.name and not t.temporary
        ),
        None,
    )


def _check_schema(ctx: Context, table: Table) -> None:
    if not ctx.engine.storage.schema_exists(table.database, table.schema):
        raise does_not_exist("Schema", f"{table.database}.{table.schema}")


def _refuse_twins(table: Table) -> None:
    seen: dict[str, str] = {}
    for column in table.columns:
        other = seen.setdefault(column.name.lower(), column.name)
        if other != column.name:
            raise not_supported(f"two columns that differ only in case: {other} and {column.name}")
        if sum(c.name == column.name for c in table.columns) > 1:
            raise SnowflakeError(2025, "42S21", f"SQL compilation error:\nduplicate column name '{column.name}'")


_IGNORED = {
    "DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS", "CHANGE_TRACKING", "ENABLE_SCHEMA_EVOLUTION",
    "DEFAULT_DDL_COLLATION",
}  # fmt: skip


def _properties(tree: exp.Create) -> dict[str, object]:
    found: dict[str, object] = {}
    properties = tree.args.get("properties")
    for entry in properties.expressions if properties is not None else []:
        if isinstance(entry, exp.TemporaryProperty):
            found["temporary"] = True
        elif isinstance(entry, exp.TransientProperty):
            found["transient"] = True
        elif isinstance(entry, exp.SchemaCommentProperty):
            found["comment"] = entry.this.name
        elif isinstance(entry, exp.LikeProperty | exp.Cluster | exp.CopyGrantsProperty) or (isinstance(entry, exp.Property) and entry.name.upper() in _IGNORED):
            continue
        elif entry.sql("snowflake").upper().strip() != "SCOPED":
            raise not_supported(f"CREATE … {entry.sql('snowflake')}")
    return found


def _name(node: exp.Expression) -> str:
    identifier = node.find(exp.Identifier)
    if identifier is None:
        raise syntax_error(f"{node.sql('snowflake')} is not a column name")
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()


def _declared(ctx: Context, entries: list[exp.Expression]) -> list[TableColumn]:
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
                name = _name(exp.Tuple(expressions=[part.copy()]))
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
    column = TableColumn(_name(exp.Tuple(expressions=[node.this.copy()])), types.snowflake(node.args["kind"]))
    for constraint in node.args.get("constraints") or []:
        rule = constraint.kind if isinstance(constraint, exp.ColumnConstraint) else constraint
        if isinstance(rule, exp.NotNullColumnConstraint):
            column = replace(column, nullable=bool(rule.args.get("allow_null")))
        elif isinstance(rule, exp.DefaultColumnConstraint):
            column = replace(column, default=_default(ctx, rule.this, column))
        elif isinstance(rule, exp.PrimaryKeyColumnConstraint):
            column = replace(column, primary_key=True, nullable=False)
        elif isinstance(rule, exp.UniqueColumnConstraint):
            column = replace(column, unique_key=True)
        elif isinstance(rule, exp.CommentColumnConstraint):
            column = replace(column, comment=rule.this.name)
        elif not isinstance(rule, exp.Reference):
            raise not_supported(f"the column constraint {constraint.sql('snowflake')}")
    return column


def _default(ctx: Context, node: exp.Expression, column: TableColumn) -> str:
    translation = Translation(ctx, deferred=True)
    prepared = translation.prepare(exp.Select(expressions=[node.copy()]))
    values, _ = translation.expressions([p.unalias() for p in prepared.expressions], [])
    return translation.sql(assigned(values[0], column))


def _selected(ctx: Context, query: exp.Query, declared: list[TableColumn]) -> tuple[list[TableColumn], str]:
    """The columns of CREATE TABLE AS, and the query in DuckDB SQL."""
    translation = Translation(ctx)
    done = translation.query(translation.prepare(query))
    text = translation.sql(done)
    transactions.of(ctx.session).before_read(translation.reads)
    relation = ctx.session.duckdb.sql(text)
    results = described(relation, done)
    if declared and len(declared) != len(results):
        raise SnowflakeError(2026, "42601", "SQL compilation error:\nInvalid column definition list")
    assert isinstance(done, exp.Query)
    kinds = [types.from_duckdb(str(kind)) for kind in relation.types]
    for i, projection in enumerate(done.selects if len(done.selects) == len(results) else []):
        if projection.type is not None and results[i].type in ("object", "array"):
            kinds[i] = results[i].type.upper()
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
    if table.temporary:
        raise not_supported("temporary views: use a temporary table")
    _check_schema(ctx, table)
    if not isinstance(tree.expression, exp.Query):
        raise syntax_error("a view needs a query")
    table = replace(table, text=tree.expression.sql("snowflake"))
    done = translation.query(translation.prepare(tree.expression))
    if translation.names.relations or any(t.temporary for t in translation.names.tables.values()):
        raise not_supported("a view over a stage, a table function or a temporary table")
    text = translation.sql(done)
    relation = ctx.session.duckdb.sql(text)
    results = described(relation, done)
    kinds = [types.from_duckdb(str(kind)) for kind in relation.types]
    named = (
        [_name(exp.Tuple(expressions=[e.copy()])) for e in schema.expressions] if isinstance(schema, exp.Schema) else []
    )
    if named and len(named) != len(results):
        raise SnowflakeError(2026, "42601", "SQL compilation error:\nInvalid column definition list")
    names = named or [r.name for r in results]
    table = replace(table, columns=tuple(TableColumn(n, k) for n, k in zip(names, kinds, strict=True)))
    _refuse_twins(table)
    message = "successfully created"

    def build() -> list[str]:
        nonlocal message
        existing = ctx.engine.storage.find(ctx.session, table.database, table.schema, table.name)
        if existing is not None and tree.args.get("exists"):
            message = "already exists, statement succeeded"
            return []
        statements = []
        if existing is not None and tree.args.get("replace"):
            statements.append(f"DROP {existing.kind} {existing.sql}")
        else:
            ctx.engine.storage.check_free(ctx.session, table)
        listed = ", ".join(quoted(c.name) for c in table.columns)
        return [*statements, f"CREATE VIEW {table.sql} ({listed}) AS {text}", table.remark()]

    change(ctx, build, [table])
    return Result.status(f"View {table.name} {message}.")


@handles(exp.Drop)
def drop(ctx: Context, tree: exp.Expression) -> Result:
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
        found = ctx.engine.storage.find(ctx.session, *name)
        if found is None:
            if tree.args.get("exists"):
                return []
            raise does_not_exist(kind.capitalize(), ".".join(name))
        if found.kind != kind:
            raise SnowflakeError(
                1003, "42000", f"SQL compilation error:\n{found.full_name} is a {found.kind}, not a {kind}."
            )
        return [f"DROP {kind} {found.sql}"]

    place = Table(*name, columns=())
    change(ctx, build, [place])
    if found is None:
        return Result.status("Drop statement executed successfully.")
    if found.temporary:
        del ctx.session.temporary["table", found.database, found.schema, found.name]
    return Result.status(f"{found.name} successfully dropped.")


@handles(exp.Comment)
def comment(ctx: Context, tree: exp.Expression) -> Result:
    """``COMMENT ON TABLE | VIEW | COLUMN … IS '…'``."""
    kind = str(tree.args["kind"]).upper()
    if kind not in ("TABLE", "VIEW"):
        raise not_supported(f"COMMENT ON {kind}")
    found = Translation(ctx).names.lookup(tree.this)
    text = tree.expression.name
    _remember(ctx, lambda t: replace(t, comment=text), found)
    return Result.status("Statement executed successfully.")


def _remember(ctx: Context, update: Callable[[Table], Table], found: Table) -> None:
    new = update(found)
    change(ctx, lambda: [new.remark()], [new])
    if new.temporary:
        ctx.session.temporary["table", new.database, new.schema, new.name] = new


@handles(exp.Alter)
def alter(ctx: Context, tree: exp.Expression) -> Result:
    """``ALTER TABLE``: ADD, DROP, RENAME COLUMN, RENAME TO, ALTER COLUMN, SET COMMENT. The table is written anew."""
    if str(tree.args["kind"]).upper() != "TABLE":
        raise not_supported(f"ALTER {tree.args['kind']}")
    translation = Translation(ctx)
    name = translation.names.name(tree.this)
    if tree.args.get("exists") and ctx.engine.storage.find(ctx.session, *name) is None:
        return Result.status("Statement executed successfully.")
    changed: list[Table] = []

    def build() -> list[str]:
        old = ctx.engine.storage.get(ctx.session, *name)
        new, origin = old, {c.name: c.name for c in old.columns}
        for action in tree.args["actions"]:
            new, origin = _altered(ctx, translation, new, origin, action)
        changed[:] = [old, new]
        return list(_rewritten(ctx, old, new, origin))

    place = Table(*name, columns=())
    owner = transactions.of(ctx.session)
    owner.commit()
    timeout = float(ctx.session.parameters.get("LOCK_TIMEOUT", 43200))
    ctx.engine.locks.acquire(place.physical, owner, timeout=timeout, stop=ctx.cancelled)
    try:
        change(ctx, build, [place])
    finally:
        ctx.engine.locks.release(owner)
    old, new = changed
    ctx.engine.storage.committed({new.physical})
    if old.temporary:
        del ctx.session.temporary["table", old.database, old.schema, old.name]
        ctx.session.temporary["table", new.database, new.schema, new.name] = new
    return Result.status("Statement executed successfully.")


def _altered(
    ctx: Context, translation: Translation, table: Table, origin: dict[str, str], action: exp.Expression
) -> tuple[Table, dict[str, str]]:
    """The table after one action; ``origin`` maps each column to the column that its values come from."""
    names = [c.name for c in table.columns]
    origin = dict(origin)
    if isinstance(action, exp.ColumnDef):
        column = column_of(ctx, action)
        if column.name in names:
            if action.args.get("exists"):
                return table, origin
            raise SnowflakeError(2028, "42601", f"SQL compilation error:\ncolumn '{column.name}' already exists")
        return replace(table, columns=(*table.columns, column)), origin
    if isinstance(action, exp.Drop):
        for node in action.args.get("tables") or [action.this]:
            gone = _name(exp.Tuple(expressions=[node.copy()]))
            if gone not in names:
                if action.args.get("exists"):
                    continue
                raise SnowflakeError(904, "42000", f"SQL compilation error:\ninvalid identifier '{gone}'")
            origin.pop(gone, None)
            table = replace(table, columns=tuple(c for c in table.columns if c.name != gone))
        return table, origin
    if isinstance(action, exp.RenameColumn):
        old, new = (_name(exp.Tuple(expressions=[n.copy()])) for n in (action.this, action.args["to"]))
        if old not in names:
            raise SnowflakeError(904, "42000", f"SQL compilation error:\ninvalid identifier '{old}'")
        if new in names:
            raise SnowflakeError(2028, "42601", f"SQL compilation error:\ncolumn '{new}' already exists")
        origin[new] = origin.pop(old)
        return replace(
            table, columns=tuple(replace(c, name=new) if c.name == old else c for c in table.columns)
        ), origin
    if isinstance(action, exp.AlterRename):
        database, schema, name = translation.names.name(action.this)
        return replace(table, database=database, schema=schema, name=name), origin
    if isinstance(action, exp.AlterColumn):
        return _altered_column(ctx, table, action), origin
    if isinstance(action, exp.AlterSet):
        for entry in action.find_all(exp.SchemaCommentProperty):
            return replace(table, comment=entry.this.name), origin
    raise not_supported(f"ALTER TABLE … {action.sql('snowflake')}")


def _altered_column(ctx: Context, table: Table, action: exp.AlterColumn) -> Table:
    name = _name(exp.Tuple(expressions=[action.this.copy()]))
    found = next((c for c in table.columns if c.name == name), None)
    if found is None:
        raise SnowflakeError(904, "42000", f"SQL compilation error:\ninvalid identifier '{name}'")
    new = found
    if action.args.get("dtype") is not None:
        new = replace(new, type=types.snowflake(action.args["dtype"]))
    elif action.args.get("comment") is not None:
        new = replace(new, comment=action.args["comment"].name)
    elif action.args.get("allow_null") is not None or action.args.get("drop"):
        if action.args.get("allow_null") is None:
            new = replace(new, default=None)
        else:
            new = replace(new, nullable=bool(action.args["drop"]))
    elif action.args.get("default") is not None:
        new = replace(new, default=_default(ctx, action.args["default"], new))
    else:
        raise not_supported(f"ALTER TABLE … {action.sql('snowflake')}")
    return replace(table, columns=tuple(new if c.name == name else c for c in table.columns))


def _rewritten(ctx: Context, old: Table, new: Table, origin: dict[str, str]) -> Iterator[str]:
    if old.kind != "TABLE":
        raise not_supported("ALTER TABLE on a view")
    _refuse_twins(new)
    if (old.database, old.schema, old.name) != (new.database, new.schema, new.name):
        ctx.engine.storage.check_free(ctx.session, new)
    if old == new:
        return
    kinds = {c.name: c.type for c in old.columns}
    aside = replace(new, schema=old.schema, database=old.database, name=f"{old.name}.mb_old")
    values = []
    for column in new.columns:
        if column.name in origin:
            reference = exp.column(origin[column.name], quoted=True)
            reference.type = types.parse(kinds[origin[column.name]])
            values.append(Translation(ctx).sql(assigned(reference, column)))
        else:
            values.append(column.default or "NULL")
    yield f"ALTER TABLE {old.sql} RENAME TO {quoted(aside.physical[1])}"
    yield definition(new)
    yield f"INSERT INTO {new.sql} SELECT {', '.join(values)} FROM {aside.sql}"
    yield f"DROP TABLE {aside.sql}"
    yield new.remark()
