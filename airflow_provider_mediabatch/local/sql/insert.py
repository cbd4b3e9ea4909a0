"""INSERT: rows of VALUES, of a query, and of bound arrays."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import duckdb
import pyarrow as pa
from sqlglot import exp

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.sql.dml import assigned, changed, columns_of, execute, target_of
from airflow_provider_mediabatch.local.sql.handlers import handles
from airflow_provider_mediabatch.local.sql.semi_structured import as_json
from airflow_provider_mediabatch.local.sql.staged_values import VARIANT
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn

_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")
_CONSTANTS = (exp.Literal, exp.Null, exp.Boolean)


@handles(exp.Insert)
def insert(ctx: Context, tree: exp.Expr) -> Result:
    """``INSERT [OVERWRITE] INTO t [(columns)] VALUES … | SELECT …``."""
    return insert_rows(ctx, tree)


def insert_rows(ctx: Context, tree: exp.Expr, also: transactions.Action | None = None) -> Result:
    """Carry out an INSERT.

    :param also: what to write in the same transaction; it is repeated with the rows where that is.
    """
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

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        if also is not None:
            also(connection)
        if not overwrite:
            return execute(connection, statement)
        return _overwrite(connection, target, f"({listed})", sql)

    count = transactions.of(ctx.session).write(
        ctx,
        work,
        targets={target.physical},
        reads=translation.reads,
        exclusive=overwrite,
        repeatable=translation.repeatable,
    )
    return changed(["rows inserted"], [count], 12544)


def _overwrite(connection: duckdb.DuckDBPyConnection, target: Table, columns: str, sql: str) -> int:
    """INSERT OVERWRITE: the rows are computed before the table is emptied, since they may be its own."""
    with computed(connection, sql) as aside:
        connection.execute(f"DELETE FROM {target.sql}")
        return execute(connection, f"INSERT INTO {target.sql} {columns} SELECT * FROM {aside}")


@contextlib.contextmanager
def computed(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[str]:
    """The rows of a query as a temporary table, for several statements that are one."""
    aside = f"temp.mb_computed_{secrets.token_hex(8)}"
    connection.execute(f"CREATE TEMPORARY TABLE {aside} AS {sql}")
    yield aside
    connection.execute(f"DROP TABLE {aside}")


def _values(ctx: Context, translation: Translation, source: exp.Values, columns: list[TableColumn]) -> str:
    rows = [r.expressions if isinstance(r, exp.Tuple) else [r] for r in source.expressions]
    for row in rows:
        check_width(len(row), columns)
    if len(rows) == 1 and any(isinstance(v, list) for v in ctx.bindings.values()):
        return _selected(ctx, translation, exp.Select(expressions=[c.copy() for c in rows[0]]), columns)
    if all(isinstance(c, _CONSTANTS) for row in rows for c in row):
        # Constants refer to no columns. Resolving names and types of many rows would cost most of the time.
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
    if translation.names.constants.batch:
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
        if projection.unalias().meta.get(VARIANT) and column.type in _SEMI_STRUCTURED:
            value = as_json(reference)
        else:
            value = assigned(reference, column)
        outer.append(value)
    alias = exp.TableAlias(
        this=exp.to_identifier("MB_ROWS", quoted=True), columns=[exp.to_identifier(n, quoted=True) for n in names]
    )
    wrapped = exp.Select(expressions=outer).from_(exp.Subquery(this=query, alias=alias), copy=False)
    return translation.sql(wrapped)


def _batch(ctx: Context, translation: Translation, prepared: exp.Expr) -> None:
    """Bound arrays become a relation with one row for each element: one statement for the whole batch."""
    origin = prepared.args.get("from_")
    rows = origin.this if origin is not None else None
    written = isinstance(rows, exp.Values) and len(rows.expressions) == 1 and not prepared.args.get("joins")
    if not isinstance(prepared, exp.Select) or not (written or origin is None):
        raise not_supported(
            "bound arrays in a statement other than INSERT … VALUES (…), INSERT … SELECT ?, ? "
            "or INSERT … SELECT … FROM VALUES (?, ?)"
        )
    name = f"mb_batch_{secrets.token_hex(8)}"
    data = pa.table(
        {f"B{position}": pa.array(values) for position, values in translation.names.constants.batch.items()}
    )
    transactions.of(ctx.session).register(name, data)
    alias = exp.TableAlias(this=exp.to_identifier("MB_BATCH", quoted=True))
    relation = translation.names.relation(f"SELECT * FROM {name}", alias)
    if not isinstance(rows, exp.Values):
        prepared.from_(relation, copy=False)
        return
    row = rows.expressions[0]
    cells = row.expressions if isinstance(row, exp.Tuple) else [row]
    named = [exp.alias_(c.copy(), n, quoted=True) for c, n in zip(cells, rows.alias_column_names, strict=True)]
    rows.replace(exp.Subquery(this=exp.Select(expressions=named).from_(relation, copy=False), alias=rows.args["alias"]))
