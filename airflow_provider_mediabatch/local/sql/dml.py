"""INSERT, UPDATE, DELETE, MERGE and TRUNCATE TABLE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa
from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_identifier, not_supported
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.casts import cast, text
from airflow_provider_mediabatch.local.sql.expression_types import is_semi_structured, kind
from airflow_provider_mediabatch.local.sql.handlers import handles
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, Stats
from airflow_provider_mediabatch.local.stores.tables import load_history
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn


def assigned(node: exp.Expr, column: TableColumn) -> exp.Expr:
    """A typed expression as a value for a column.

    :raises SnowflakeError: 002023 for text or numbers into VARIANT: Snowflake takes PARSE_JSON or TO_VARIANT only.
    """
    target = types.parse(column.type)
    source = kind(node)
    if source in (exp.DType.UNKNOWN, exp.DType.NULL) or isinstance(node, exp.Null):
        return node
    if target.this in types.SEMI_STRUCTURED:
        if not is_semi_structured(node):
            raise SnowflakeError(
                2023,
                "22000",
                f"SQL compilation error:\nExpression type does not match column data type, expecting {column.type} "
                f"but got {types.snowflake(node.type)} for column {column.name}",  # type: ignore[arg-type]
            )
        return cast(node, target) if source == exp.DType.VARIANT else node
    if target.this in types.TEXTS:
        return text(node)
    if is_semi_structured(node) or (source in types.TEXTS and target.this not in types.TEXTS):
        return cast(node, target)
    times = types.TIMESTAMPS | {exp.DType.TIME}
    if target.this in times and types.parameters(target) not in ([], [9]):
        return cast(node, target)
    if source != target.this and target.this in types.TIMESTAMPS | {exp.DType.BOOLEAN}:
        return cast(node, target)
    return node


def changed(names: Sequence[str], counts: Sequence[int], statement_type: int, duplicates: int = 0) -> Result:
    """The reply to DML: one row, one count a column. There are no stats of a statement that changed nothing.

    :param duplicates: see :class:`~airflow_provider_mediabatch.local.statement_result.Stats`.
    """
    columns = [ResultColumn.number(f"number of {name}") for name in names]
    table = pa.table({f"c{i}": pa.array([count], pa.int64()) for i, count in enumerate(counts)})
    found = dict(zip(names, counts, strict=True))
    inserted, deleted, updated = (found.get(f"rows {what}", 0) for what in ("inserted", "deleted", "updated"))
    stats = Stats(inserted, deleted, updated, duplicates) if any(counts) else None
    return Result(columns, table, statement_type, stats=stats)


def execute(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Run a DuckDB DML statement; the number of rows that it changed."""
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def target_of(translation: Translation, node: exp.Expr, privilege: str) -> Table:
    """The table that a statement changes; a view is refused."""
    if not isinstance(node, exp.Table):
        raise not_supported(f"changing {node.sql('snowflake')}")
    found = translation.names.lookup(node, privilege)
    if found.kind != "TABLE":
        raise SnowflakeError(2262, "42601", f"SQL compilation error:\nView {found.full_name} cannot be changed")
    return found


def columns_of(target: Table, names: list[str] | None) -> list[TableColumn]:
    """The named columns of a table, or all of them."""
    if names is None:
        return list(target.columns)
    known = {c.name: c for c in target.columns}
    for name in names:
        if name not in known:
            raise invalid_identifier(name)
    return [known[name] for name in names]


@handles(exp.Update)
def update(ctx: Context, tree: exp.Expr) -> Result:
    """``UPDATE t SET … [FROM …] [WHERE …]``."""
    refuse_arrays(ctx)
    translation = Translation(ctx)
    target = target_of(translation, tree.this, "UPDATE")
    tree = translation.resolve_names(tree)
    origins, joins = _origins(tree.this, [tree.args["from_"].this] if tree.args.get("from_") else [])
    columns = columns_of(target, [a.this.name for a in tree.expressions])
    expressions = [a.expression for a in tree.expressions]
    where = tree.args.get("where")
    if where is not None:
        expressions.append(where.this)
    done, found = translation.expressions(expressions, origins, joins)
    sets = [set_value(c, assigned(v, c)) for c, v in zip(columns, done, strict=False)]
    made = exp.Update(this=found[0].this, expressions=sets)
    if len(found) > 1:
        made.set("from_", exp.From(this=_joined(found[1:])))
    if where is not None:
        made.set("where", exp.Where(this=done[-1]))
    sql, ambiguous = (
        translation.sql(made),
        _several_partners(translation, found, done[-1] if where is not None else None),
    )
    several, pairs = 0, 0

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        nonlocal several, pairs
        if ambiguous:
            several, pairs = connection.execute(ambiguous).fetchone() or (0, 0)
        return execute(connection, sql)

    count = write_locked(ctx, translation, target, work)
    return changed(["rows updated", "multi-joined rows updated"], [count, several], 12800, duplicates=pairs)


def _several_partners(translation: Translation, found: list[exp.Join], where: exp.Expr | None) -> str | None:
    """SQL that counts the rows of an UPDATE's table that more than one row of FROM matches, and those further rows.

    None without FROM.
    """
    if len(found) < 2:
        return None
    target = found[0].this.copy()
    pairs = (
        exp.select("COUNT(*) AS mb_matches")
        .from_(target, copy=False)
        .join(_joined([j.copy() for j in found[1:]]), join_type="CROSS")
    )
    if where is not None:
        pairs = pairs.where(where.copy())
    row = exp.column("rowid", table=target.alias_or_name, quoted=True)
    pairs = pairs.group_by(row).having("COUNT(*) > 1")
    return f"SELECT COUNT(*), COALESCE(SUM(mb_matches - 1), 0)::BIGINT FROM ({translation.sql(pairs)}) AS mb_pairs"


@handles(exp.Delete)
def delete(ctx: Context, tree: exp.Expr) -> Result:
    """``DELETE FROM t [USING …] [WHERE …]``."""
    refuse_arrays(ctx)
    translation = Translation(ctx)
    target = target_of(translation, tree.this, "DELETE")
    tree = translation.resolve_names(tree)
    origins, joins = _origins(tree.this, list(tree.args.get("using") or []))
    where = tree.args.get("where")
    done, found = translation.expressions([where.this] if where is not None else [exp.true()], origins, joins)
    made = exp.Delete(this=found[0].this)
    if len(found) > 1:
        made.set("using", [_joined(found[1:])])
    if where is not None:
        made.set("where", exp.Where(this=done[0]))
    sql = translation.sql(made)
    count = write_locked(ctx, translation, target, lambda connection: execute(connection, sql))
    return changed(["rows deleted"], [count], 13056)


@handles(exp.TruncateTable)
def truncate(ctx: Context, tree: exp.Expr) -> Result:
    """``TRUNCATE [TABLE] [IF EXISTS] t``."""
    translation = Translation(ctx)
    try:
        target = target_of(translation, tree.expressions[0], "TRUNCATE")
    except SnowflakeError as error:
        if tree.args.get("exists") and error.code == 2003:
            return Result.status()
        raise

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        load_history.forget(connection, target)
        return execute(connection, f"DELETE FROM {target.sql}")

    with transactions.of(ctx.session).loading(ctx, target.physical):
        count = write_locked(ctx, translation, target, work)
    return replace(Result.status(), stats=Stats(numRowsDeleted=count))


def set_value(column: TableColumn, value: exp.Expr) -> exp.EQ:
    """``column = value`` of a SET clause."""
    return exp.EQ(this=exp.column(column.name, quoted=True), expression=value)


def _origins(target: exp.Expr, others: list[exp.Expr]) -> tuple[list[exp.Expr], list[exp.Join]]:
    """The relations of an UPDATE or DELETE, and the joins written between them."""
    joins: list[exp.Join] = []
    for other in others:
        joins += other.args.get("joins") or []
        other.set("joins", None)
    return [target, *others], joins


def _joined(joins: list[exp.Join]) -> exp.Expr:
    """Joins as one relation for FROM or USING: the first stands alone, the others join it."""
    first = joins[0].this
    if len(joins) > 1:
        first.set("joins", [j.copy() for j in joins[1:]])
    return first  # type: ignore[no-any-return]


def write_locked(
    ctx: Context, translation: Translation, target: Table, work: Callable[[duckdb.DuckDBPyConnection], int]
) -> int:
    """Do an UPDATE, DELETE or MERGE, which have the table to themselves.

    :param work: executes it on a DuckDB connection.
    :returns: the rows changed.
    """
    return transactions.of(ctx.session).write(
        ctx,
        work,
        targets={target.physical},
        reads=translation.reads,
        exclusive=True,
        repeatable=translation.repeatable,
    )


def refuse_arrays(ctx: Context) -> None:
    """Refuse bound arrays, which only INSERT carries out.

    :raises SnowflakeError: 000002 where one is bound.
    """
    if any(isinstance(value, list) for value in ctx.bindings.values()):
        raise not_supported(
            "bound arrays (executemany) for UPDATE, DELETE and MERGE: stage the rows in a table and use MERGE"
        )
