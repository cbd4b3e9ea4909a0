"""ALTER TABLE: the table is written again with its new columns, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.session.access import require_table_privilege
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.columns import column_name, column_of, refuse_twins
from airflow_provider_mediabatch.local.sql.dml import assigned
from airflow_provider_mediabatch.local.sql.handlers import handles
from airflow_provider_mediabatch.local.sql.schema_changes import change, definition
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn


@handles(exp.Alter)
def alter(ctx: Context, tree: exp.Expr) -> Result:
    """``ALTER TABLE``: ADD, DROP, RENAME COLUMN, RENAME TO, ALTER COLUMN, SET COMMENT. The table is written again."""
    if str(tree.args["kind"]).upper() != "TABLE":
        raise not_supported(f"ALTER {tree.args['kind']}")
    translation = Translation(ctx)
    name = translation.names.name(tree.this)
    if tree.args.get("exists") and ctx.session.tables.find(*name) is None:
        return Result.status()
    changed: list[Table] = []

    def build() -> list[str]:
        old = ctx.session.tables.get(*name)
        require_table_privilege(ctx, "OWNERSHIP", old)
        new, origin = old, {c.name: c.name for c in old.columns}
        for action in tree.args["actions"]:
            new, origin = _altered(translation, new, origin, action)
        changed[:] = [old, new]
        return list(_rewritten(ctx, old, new, origin))

    place = Table(*name, columns=())
    owner = transactions.of(ctx.session)
    owner.commit()
    timeout = float(ctx.session.parameters.get("LOCK_TIMEOUT", 43200))
    ctx.stores.locks.acquire(place.physical, owner, statement=ctx.query_id, timeout=timeout, stop=ctx.cancelled)
    try:
        change(ctx, build, [place])
    finally:
        ctx.stores.locks.release(owner)
    old, new = changed
    ctx.stores.storage.committed({new.physical})
    if old.temporary:
        ctx.session.tables.drop_temporary(old)
        ctx.session.tables.put_temporary(new)
    return Result.status()


Altered = tuple[Table, dict[str, str]]


def _altered(translation: Translation, table: Table, origin: dict[str, str], action: exp.Expr) -> Altered:
    """The table after one action; ``origin`` maps each column to the column that its values come from."""
    if isinstance(action, exp.ColumnDef):
        return _added(translation, table, origin, action)
    if isinstance(action, exp.Drop):
        return _dropped(table, origin, action)
    if isinstance(action, exp.RenameColumn):
        return _renamed(table, origin, action)
    if isinstance(action, exp.AlterRename):
        database, schema, name = translation.names.name(action.this)
        return replace(table, database=database, schema=schema, name=name), origin
    if isinstance(action, exp.AlterColumn):
        return _altered_column(table, action), origin
    comment = next(action.find_all(exp.SchemaCommentProperty), None) if isinstance(action, exp.AlterSet) else None
    if comment is None:
        raise not_supported(f"ALTER TABLE … {action.sql('snowflake')}")
    return replace(table, comment=comment.this.name), origin


def _invalid(name: str) -> SnowflakeError:
    return SnowflakeError(904, "42000", f"SQL compilation error:\ninvalid identifier '{name}'")


def _taken(name: str) -> SnowflakeError:
    return SnowflakeError(2028, "42601", f"SQL compilation error:\ncolumn '{name}' already exists")


def _added(translation: Translation, table: Table, origin: dict[str, str], action: exp.ColumnDef) -> Altered:
    column = column_of(translation.ctx, action)
    if any(c.name == column.name for c in table.columns):
        if action.args.get("exists"):
            return table, origin
        raise _taken(column.name)
    return replace(table, columns=(*table.columns, column)), origin


def _dropped(table: Table, origin: dict[str, str], action: exp.Drop) -> Altered:
    for node in action.args.get("tables") or [action.this]:
        gone = column_name(node)
        if gone not in (c.name for c in table.columns):
            if action.args.get("exists"):
                continue
            raise _invalid(gone)
        origin = {new: old for new, old in origin.items() if new != gone}
        table = replace(table, columns=tuple(c for c in table.columns if c.name != gone))
    return table, origin


def _renamed(table: Table, origin: dict[str, str], action: exp.RenameColumn) -> Altered:
    old, new = column_name(action.this), column_name(action.args["to"])
    names = [c.name for c in table.columns]
    if old not in names:
        raise _invalid(old)
    if new in names:
        raise _taken(new)
    origin = {new if name == old else name: source for name, source in origin.items()}
    return replace(table, columns=tuple(replace(c, name=new) if c.name == old else c for c in table.columns)), origin


def _altered_column(table: Table, action: exp.AlterColumn) -> Table:
    name = column_name(action.this)
    found = next((c for c in table.columns if c.name == name), None)
    if found is None:
        raise _invalid(name)
    new = found
    if action.args.get("dtype") is not None:
        new = _retyped(found, types.snowflake(action.args["dtype"]))
    elif action.args.get("comment") is not None:
        new = replace(new, comment=action.args["comment"].name)
    elif action.args.get("allow_null") is not None or action.args.get("drop"):
        if action.args.get("allow_null") is None:
            new = replace(new, default=None)
        else:
            new = replace(new, nullable=bool(action.args["allow_null"]))
    elif action.args.get("default") is not None:
        raise SnowflakeError(2, "0A000", "SQL compilation error:\nUnsupported feature 'Alter Column Set Default'.")
    else:
        raise not_supported(f"ALTER TABLE … {action.sql('snowflake')}")
    return replace(table, columns=tuple(new if c.name == name else c for c in table.columns))


def _retyped(column: TableColumn, kind: str) -> TableColumn:
    """A column with more digits before the point, with fewer that hold its values, or with room for more text or bytes.

    Source: Snowflake's reference, page "ALTER TABLE … ALTER COLUMN", the table of actions.

    :raises SnowflakeError: 002108 for another type or scale, 040050 for a shorter text.
    """
    old, new = types.parse(column.type), types.parse(kind)
    text = f"SQL compilation error: cannot change column {column.name} from type {column.type} to {kind}"
    resized = old.this == new.this and old.this in (types.DECIMALS | types.TEXTS | types.BINARIES)
    if kind != column.type and not (resized and types.scale(old) == types.scale(new)):
        raise SnowflakeError(2108, "22000", text)
    if new.this not in types.DECIMALS and types.parameters(new) < types.parameters(old):
        why = f"because reducing the byte-length of {kind.partition('(')[0].lower()} is not supported."
        raise SnowflakeError(40050, "22000", f"{text} {why}")
    return replace(column, type=kind)


def _rewritten(ctx: Context, old: Table, new: Table, origin: dict[str, str]) -> Iterator[str]:
    if old.kind != "TABLE":
        raise not_supported("ALTER TABLE on a view")
    refuse_twins(new)
    if (old.database, old.schema, old.name) != (new.database, new.schema, new.name):
        ctx.session.tables.check_free(new)
    if old == new:
        return
    if any(column.identity for column in (*old.columns, *new.columns)):
        raise not_supported("ALTER TABLE of a table with AUTOINCREMENT")
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
