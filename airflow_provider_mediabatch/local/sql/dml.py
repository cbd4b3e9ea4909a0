"""INSERT, UPDATE, DELETE, MERGE and TRUNCATE TABLE."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa
from sqlglot import exp

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.casts import cast, text
from airflow_provider_mediabatch.local.sql.errors import translated
from airflow_provider_mediabatch.local.sql.expression_types import is_semi_structured, kind
from airflow_provider_mediabatch.local.sql.handlers import handles
from airflow_provider_mediabatch.local.sql.sources import forget
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn

_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")
_CONSTANTS = (exp.Literal, exp.Null, exp.Boolean)


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
        return node
    if target.this in types.TEXTS:
        return text(node)
    if is_semi_structured(node) or (source in types.TEXTS and target.this not in types.TEXTS):
        return cast(node, target)
    if source != target.this and target.this in types.TIMESTAMPS | {exp.DType.BOOLEAN}:
        return cast(node, target)
    return node


def changed(names: Sequence[str], counts: Sequence[int], statement_type: int) -> Result:
    """The reply to DML: one row, one count a column."""
    columns = [ResultColumn.number(f"number of {name}") for name in names]
    table = pa.table({f"c{i}": pa.array([count], pa.int64()) for i, count in enumerate(counts)})
    return Result(columns, table, statement_type)


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


def insert_rows(ctx: Context, target: Table, sql: str, reads: set[tuple[str, str]] | None = None) -> int:
    """Add the rows of a DuckDB query, whose columns are the table's in their order: one INSERT of the transaction."""
    statement = f"INSERT INTO {target.sql} {sql}"
    with translated(ctx):
        return transactions.of(ctx.session).write(
            ctx,
            lambda connection: execute(connection, statement),
            target=target.physical,
            reads=reads or set(),
            exclusive=False,
        )


@handles(exp.Insert)
def insert(ctx: Context, tree: exp.Expr) -> Result:
    """``INSERT [OVERWRITE] INTO t [(columns)] VALUES … | SELECT …``."""
    assert isinstance(tree, exp.Insert)
    translation = Translation(ctx)
    schema = tree.this
    names: list[str] | None = None
    if isinstance(schema, exp.Schema):
        names = [i.name if i.args.get("quoted") else i.name.upper() for i in schema.expressions]
        schema = schema.this
    target = target_of(translation, schema, "INSERT")
    columns = columns_of(target, names)
    source = tree.expression
    if tree.args.get("with_") is not None and isinstance(source, exp.Query):
        source.set("with_", tree.args["with_"].pop())
    if isinstance(source, exp.Values):
        sql = _values(ctx, translation, source, columns)
    elif isinstance(source, exp.Query):
        sql = _selected(ctx, translation, source, columns)
    else:
        raise not_supported("an INSERT without VALUES or a query")
    listed = ", ".join(quoted(c.name) for c in columns)
    statement = f"INSERT INTO {target.sql} ({listed}) {sql}"
    overwrite = bool(tree.args.get("overwrite"))

    transaction = transactions.of(ctx.session)

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        if not overwrite:
            return execute(connection, statement)
        return _overwrite(connection, target, f"({listed})", sql, alone=not transaction.collecting)

    count = transaction.write(
        ctx,
        work,
        target=target.physical,
        reads=translation.reads,
        exclusive=overwrite,
        repeatable=translation.repeatable,
    )
    return changed(["rows inserted"], [count], 12544)


def _overwrite(connection: duckdb.DuckDBPyConnection, target: Table, columns: str, sql: str, *, alone: bool) -> int:
    """INSERT OVERWRITE: the rows are computed before the table is emptied, since they may be its own.

    :param alone: not inside a transaction, so that it has to be one itself.
    """
    aside = f"temp.mb_overwrite_{secrets.token_hex(8)}"
    if alone:
        connection.execute("BEGIN TRANSACTION")
    try:
        connection.execute(f"CREATE TEMPORARY TABLE {aside} AS {sql}")
        connection.execute(f"DELETE FROM {target.sql}")
        count = execute(connection, f"INSERT INTO {target.sql} {columns} SELECT * FROM {aside}")
        connection.execute(f"DROP TABLE {aside}")
        if alone:
            connection.execute("COMMIT")
    except duckdb.Error:
        if alone:
            with contextlib.suppress(duckdb.Error):  # a failed COMMIT has rolled back already
                connection.execute("ROLLBACK")
        raise
    return count


def columns_of(target: Table, names: list[str] | None) -> list[TableColumn]:
    """The named columns of a table, or all of them."""
    if names is None:
        return list(target.columns)
    known = {c.name: c for c in target.columns}
    for name in names:
        if name not in known:
            raise SnowflakeError(
                904, "42000", f"SQL compilation error: error line 1 at position 0\ninvalid identifier '{name}'"
            )
    return [known[name] for name in names]


def _values(ctx: Context, translation: Translation, source: exp.Values, columns: list[TableColumn]) -> str:
    rows = [r.expressions if isinstance(r, exp.Tuple) else [r] for r in source.expressions]
    for row in rows:
        check_width(len(row), columns)
    if len(rows) == 1 and any(isinstance(v, list) for v in ctx.bindings.values()):
        return _selected(ctx, translation, exp.Select(expressions=[c.copy() for c in rows[0]]), columns)
    if all(isinstance(c, _CONSTANTS) for row in rows for c in row):
        # Many rows of constants need no look at names and types of columns.
        cells = [c.copy() for row in rows for c in row]
        for cell in cells:
            cell.type = exp.DataType.build("VARCHAR" if cell.is_string else "UNKNOWN")
    else:
        prepared = translation.resolve_names(exp.Select(expressions=[c.copy() for row in rows for c in row]))
        for projection in prepared.expressions:
            if isinstance(projection, exp.Column) and projection.name == "DEFAULT":
                raise not_supported("DEFAULT in VALUES")
        cells, _ = translation.expressions([p.unalias() for p in prepared.expressions], [])
        for cell, given in zip(cells, (c for row in rows for c in row), strict=True):
            if cell.is_type(*_SEMI_STRUCTURED):
                text = f"SQL compilation error:\nInvalid expression [{given.sql('snowflake')}] in VALUES clause"
                raise SnowflakeError(2014, "22000", f"{text}: INSERT … SELECT takes it")
    width = len(columns)
    values = [assigned(cell, columns[i % width]) for i, cell in enumerate(cells)]
    tuples = [exp.Tuple(expressions=values[i : i + width]) for i in range(0, len(values), width)]
    return translation.sql(exp.Values(expressions=tuples))


def check_width(width: int, columns: list[TableColumn]) -> None:
    """Check that a row has as many values as there are columns.

    :raises SnowflakeError: 002020 where it has not.
    """
    if width != len(columns):
        raise SnowflakeError(
            2020,
            "21S01",
            "SQL compilation error:\nInsert value list does not match column list "
            f"expecting {len(columns)} but got {width}",
        )


def _selected(ctx: Context, translation: Translation, source: exp.Query, columns: list[TableColumn]) -> str:
    prepared = translation.resolve_names(source)
    if translation.names.batch:
        _batch(ctx, translation, prepared)
    query = translation.query(prepared)
    assert isinstance(query, exp.Query)
    selects = query.selects
    if any(s.is_star for s in selects):
        raise not_supported("an INSERT from a SELECT * whose columns are not known")
    check_width(len(selects), columns)
    names = [f"C{i}" for i in range(len(selects))]
    outer: list[exp.Expr] = []
    for name, projection, column in zip(names, selects, columns, strict=True):
        reference = exp.column(name, table="MB_ROWS", quoted=True)
        reference.type = projection.type
        value = assigned(reference, column)
        outer.append(value)
    alias = exp.TableAlias(
        this=exp.to_identifier("MB_ROWS", quoted=True), columns=[exp.to_identifier(n, quoted=True) for n in names]
    )
    wrapped = exp.Select(expressions=outer).from_(exp.Subquery(this=query, alias=alias), copy=False)
    return translation.sql(wrapped)


def _batch(ctx: Context, translation: Translation, prepared: exp.Expr) -> None:
    """Bound arrays become a relation with one row for each element: one statement for the whole batch."""
    if not isinstance(prepared, exp.Select) or prepared.args.get("from_") is not None:
        raise not_supported("bound arrays in a statement other than INSERT … VALUES (…) or INSERT … SELECT ?, ?")
    name = f"mb_batch_{secrets.token_hex(8)}"
    data = pa.table({f"B{position}": pa.array(values) for position, values in translation.names.batch.items()})
    connection = ctx.session.duckdb
    connection.register(name, data)
    transactions.of(ctx.session).on_end(lambda: forget(connection, name))
    alias = exp.TableAlias(this=exp.to_identifier("MB_BATCH", quoted=True))
    prepared.from_(translation.names.relation(f"SELECT * FROM {name}", alias), copy=False)


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
    count = _execute_locked(ctx, translation, target, translation.sql(made))
    return changed(["rows updated", "multi-joined rows updated"], [count, 0], 12800)


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
    count = _execute_locked(ctx, translation, target, translation.sql(made))
    return changed(["rows deleted"], [count], 13056)


@handles(exp.TruncateTable)
def truncate(ctx: Context, tree: exp.Expr) -> Result:
    """``TRUNCATE [TABLE] [IF EXISTS] t``."""
    translation = Translation(ctx)
    try:
        target = target_of(translation, tree.expressions[0], "TRUNCATE")
    except SnowflakeError as error:
        if tree.args.get("exists") and error.code == 2003:
            return Result.status("Statement executed successfully.")
        raise
    _execute_locked(ctx, translation, target, f"DELETE FROM {target.sql}")
    ctx.stores.stages.loads.forget(target.full_name)
    return Result.status("Statement executed successfully.")


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
        target=target.physical,
        reads=translation.reads,
        exclusive=True,
        repeatable=translation.repeatable,
    )


def _execute_locked(ctx: Context, translation: Translation, target: Table, sql: str) -> int:
    return write_locked(ctx, translation, target, lambda connection: execute(connection, sql))


def refuse_arrays(ctx: Context) -> None:
    """Refuse bound arrays, which only INSERT carries out.

    :raises SnowflakeError: 000002 where one is bound.
    """
    if any(isinstance(value, list) for value in ctx.bindings.values()):
        raise not_supported(
            "bound arrays (executemany) for UPDATE, DELETE and MERGE: stage the rows in a table and use MERGE"
        )
