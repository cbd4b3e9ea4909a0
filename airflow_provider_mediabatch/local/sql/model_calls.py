"""Methods of models in SQL: ``MODEL(m, v)!PREDICT(a, b)``, and ``TABLE(m!PREDICT(a) OVER (PARTITION BY c))``.

A call becomes a function of DuckDB that hands the rows to a process with the model, one for each method that the
statement calls. A table function becomes a subquery in the place of the table that it stands beside.

Source: Snowflake's SQL reference, page "Model methods"; the statements of snowflake-ml's ``ModelVersion.run``; the
functions that it generates for a logged model.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument, not_supported
from airflow_provider_mediabatch.local.session.access import require_privilege
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.functions import call
from airflow_provider_mediabatch.local.sql.known_values import CAN_BE_NULL
from airflow_provider_mediabatch.local.stores.jobs.model_process import ModelProcess
from airflow_provider_mediabatch.local.stores.models.methods import Method, methods

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.models.model import ModelVersion

OUTPUT = "MB_OUTPUT"
"""The column of a method's rows as JSON."""


@dataclass(frozen=True)
class ModelCall:
    """One call of a method: what is called, and with what.

    :param arguments: each in the type that the method takes, NULL for parameters that were left out.
    :param window: its OVER, or None.
    :param can_be_null: of the partition and each argument, once the query is translated.
    """

    version: ModelVersion
    method: Method
    arguments: list[exp.Cast]
    window: exp.Window | None
    can_be_null: list[bool] = field(default_factory=list)


def read(ctx: Context, node: exp.ModelAttribute) -> ModelCall:
    """The call at a node whose names are resolved; the role must have USAGE on the model.

    :raises SnowflakeError: where there is no such model, version, method, or it does not take these arguments.
    """
    window = node.expression if isinstance(node.expression, exp.Window) else None
    function = window.this if window is not None else node.expression
    if not isinstance(function, exp.Func):
        raise not_supported(f"the reference {node.sql('snowflake')}")
    name, chosen = _model(node.this)
    place = ctx.qualify(name)
    version = ctx.stores.models.version(*place, chosen)
    require_privilege(ctx, "USAGE", "MODEL", qualified(*place))
    if "WAREHOUSE" not in (version.manifest.get("target_platforms") or ["WAREHOUSE"]):
        raise invalid_argument(f"Model {qualified(*place)} version {version.name} does not run in a warehouse")
    wanted = _method_name(function)
    method = next((m for m in methods(version.dir) if m.name == wanted), None)
    if method is None:
        raise SnowflakeError(2140, "42601", f"SQL compilation error:\nUnknown function {wanted}")
    return ModelCall(version, method, _arguments(function, method), window)


def _model(node: exp.Expr) -> tuple[tuple[str, ...], str | None]:
    """The name of the model and that of the version, or None."""
    chosen = None
    if isinstance(node, exp.Anonymous) and node.name.upper() == "MODEL" and 1 <= len(node.expressions) <= 2:
        chosen = node.expressions[1].name if len(node.expressions) == 2 else None
        node = node.expressions[0]
    parts = node.parts if isinstance(node, exp.Dot | exp.Column) else [node]
    return tuple(part.name for part in parts), chosen


def _method_name(function: exp.Func) -> str:
    name = function.this if isinstance(function, exp.Anonymous) else function.sql_name()
    return name.name if isinstance(name, exp.Identifier) else str(name).upper()


def _arguments(function: exp.Func, method: Method) -> list[exp.Cast]:
    given = list(function.expressions) if isinstance(function, exp.Anonymous) else list(function.iter_expressions())
    if any(isinstance(argument, exp.Kwarg | exp.PropertyEQ | exp.Star) for argument in given):
        raise not_supported("arguments of a model's method by name, and *")
    kinds = [*method.arguments, *(() if method.wide else method.param_arguments)]
    if not len(method.arguments) <= len(given) <= len(kinds):
        raise SnowflakeError(
            939,
            "22023",
            f"SQL compilation error: error line 1 at position 0\n"
            f"invalid number of arguments for function [{method.name}], expected {len(kinds)}, got {len(given)}",
        )
    given += [exp.null() for _ in kinds[len(given) :]]
    return [exp.Cast(this=value.copy(), to=types.parse(kind)) for value, kind in zip(given, kinds, strict=True)]


def scalar(ctx: Context, node: exp.ModelAttribute) -> exp.Expr:
    """What a call in an expression becomes: the OBJECT of the method's outputs."""
    found = read(ctx, node)
    if found.method.kind != "FUNCTION":
        raise SnowflakeError(2140, "42601", f"SQL compilation error:\nUnknown function {found.method.name}")
    if found.window is not None:
        raise not_supported("OVER behind a model's FUNCTION")
    return _rows(ctx, found, exp.null(), lambda token, row: call(token, row))


def table_function(ctx: Context, node: exp.TableFromRows) -> None:
    """Put a subquery in the place of the table beside ``TABLE(m!METHOD(…) [OVER (PARTITION BY …)])``.

    Its columns are those of the table, then those of the method. A method that takes a whole partition has no row of
    the table for a row of its own: the columns by which the rows are partitioned have values, the others are NULL.
    """
    join, select = node.parent, node.find_ancestor(exp.Select)
    origin, joins = (select.args.get(part) if select is not None else None for part in ("from_", "joins"))
    if select is None or not origin or not joins or joins[0] is not join or join.args.get("on") or join.side:
        raise not_supported("a model's table function other than directly behind one table in FROM")
    found = read(ctx, node.this)
    if found.method.kind != "TABLE_FUNCTION":
        raise SnowflakeError(2141, "42601", f"SQL compilation error:\nUnknown table function {found.method.name}")
    window = found.window
    if window is not None and (window.args.get("order") or window.args.get("spec")):
        raise not_supported("ORDER BY in the OVER of a model's table function")
    source = origin.this
    name = source.alias_or_name or "MB_INPUT"
    by = list(window.args.get("partition_by") or []) if window is not None else []
    made = (_of_partitions if found.method.partitioned else _of_rows)(ctx, found, source, by)
    alias = node.args.get("alias")
    if alias is not None and alias.this is not None:
        for column in select.find_all(exp.Column):
            if column.table == alias.name:
                column.set("table", exp.to_identifier(name, quoted=True))
    source.replace(made.subquery(exp.to_identifier(name, quoted=True)))
    join.pop()


def _of_rows(ctx: Context, found: ModelCall, source: exp.Expr, by: list[exp.Expr]) -> exp.Select:
    partition = exp.Cast(this=exp.Array(expressions=[e.copy() for e in by]), to=types.parse("VARCHAR"))
    rows = _rows(ctx, found, partition if by else exp.null(), lambda token, row: call(token, row))
    inner = exp.select("*", exp.alias_(rows, OUTPUT, quoted=True)).from_(source.copy())
    star = exp.Star(except_=[exp.to_identifier(OUTPUT, quoted=True)])
    return exp.select(star, *_outputs(found)).from_(inner.subquery("MB_ROWS"))


def _of_partitions(ctx: Context, found: ModelCall, source: exp.Expr, by: list[exp.Expr]) -> exp.Select:
    by = [e for e in by if not isinstance(e, exp.Literal)]
    rows = _rows(ctx, found, exp.null(), lambda token, row: call("UNNEST", call(token, call("LIST", row))))
    columns = {e.name: e for e in by if isinstance(e, exp.Column)}
    kept = [exp.alias_(column.copy(), f"MB_BY_{i}", quoted=True) for i, column in enumerate(columns.values())]
    groups = exp.select(*kept, exp.alias_(rows, OUTPUT, quoted=True)).from_(source.copy()).group_by(*by)
    values = [
        exp.alias_(exp.column(f"MB_BY_{i}", table="MB_GROUPS", quoted=True), column, quoted=True)
        for i, column in enumerate(columns)
    ]
    star = exp.Column(this=exp.Star(replace=values or None), table=exp.to_identifier("MB_NULLS", quoted=True))
    nulls = exp.select("*").from_(source.copy()).subquery(exp.to_identifier("MB_NULLS", quoted=True))
    return (
        exp.select(star, *_outputs(found))
        .from_(groups.subquery(exp.to_identifier("MB_GROUPS", quoted=True)))
        .join(nulls, on=exp.false(), join_type="left")
    )


def _outputs(found: ModelCall) -> list[exp.Expr]:
    """The columns of a table function, out of its rows as JSON."""
    columns = []
    for feature, name, kind in found.method.outputs:
        path = exp.JSONPath(expressions=[exp.JSONPathRoot(), exp.JSONPathKey(this=feature)])
        value: exp.Expr = exp.JSONExtract(this=exp.column(OUTPUT, quoted=True), expression=path, variant_extract=True)
        target = types.parse(kind)
        if target.this in types.BINARIES:
            value = exp.Unhex(this=exp.Cast(this=value, to=types.parse("VARCHAR")))
        else:
            value = exp.Cast(this=value, to=target)
        columns.append(exp.alias_(value, name, quoted=True))
    return columns


def _rows(ctx: Context, found: ModelCall, partition: exp.Expr, build: Callable[[str, exp.Expr], exp.Expr]) -> exp.Expr:
    """A node that becomes the call once its arguments are translated.

    :param partition: a text that tells the partitions apart.
    :param build: makes the expression, given the name of DuckDB's function and the row of its arguments.
    """
    kinds = ["VARCHAR", *(types.storage(argument.to) for argument in found.arguments)]
    row = "STRUCT(" + ", ".join(f"v{i} {kind}" for i, kind in enumerate(kinds)) + ")"
    token = _function(ctx, found, row)

    def translated(node: exp.Expr) -> exp.Expr:
        found.can_be_null[:] = node.meta.get(CAN_BE_NULL) or []
        packed = exp.Cast(this=call("ROW", *node.expressions), to=exp.DataType.build(row, dialect="duckdb"))
        return exp.Cast(this=build(token, packed), to=exp.DataType.build("JSON", dialect="duckdb"))

    node = exp.Anonymous(this="MB_MODEL", expressions=[partition, *found.arguments])
    node.meta.update(returns="OBJECT", build=translated)
    return node


def _function(ctx: Context, found: ModelCall, row: str) -> str:
    """Make DuckDB's function for a method; its name."""
    token = f"MB_MODEL_{secrets.token_hex(8).upper()}"
    method = found.method
    jobs = ctx.stores.jobs
    spec = {
        "model_dir": str(found.version.dir / "model"),
        "function": method.target,
        "input_names": list(method.inputs),
        "wide": method.wide,
        "partitioned": method.partitioned,
    }
    process = ModelProcess(jobs.launcher, jobs.new_directory(), spec, method.name, ctx.cancelled)
    ctx.at_end.append(process.close)
    whole = method.partitioned

    def function(rows: pa.ChunkedArray) -> pa.Array:
        try:
            return _by_partition(process, rows, found) if whole else process.call(_table(rows, found))
        except SnowflakeError as error:
            ctx.failure = ctx.failure or error
            raise

    types_ = (f"{row}[]", "VARCHAR[]") if whole else (row, "VARCHAR")
    options: dict[str, Any] = {"type": "arrow", "null_handling": "special", "side_effects": True}
    transactions.of(ctx.session).hold(
        token,
        lambda connection: connection.create_function(token, function, [types_[0]], types_[1], **options),
        lambda connection: connection.remove_function(token),
    )
    return token


def _table(rows: pa.ChunkedArray, found: ModelCall) -> pa.Table:
    """Rows of structs as the columns that the process reads: the partition, then the arguments."""
    table = pa.Table.from_struct_array(rows)
    names = ["partition", *(str(i) for i in range(1, table.num_columns))]
    nullable = found.can_be_null or [True] * len(names)
    fields = [
        each.with_name(name).with_nullable(null) for each, name, null in zip(table.schema, names, nullable, strict=True)
    ]
    return pa.table(table.columns, pa.schema(fields))


def _by_partition(process: ModelProcess, lists: pa.ChunkedArray, found: ModelCall) -> pa.Array:
    answers = [
        process.call(_table(pa.chunked_array([scalar.values]), found)) if scalar.is_valid else None
        for chunk in lists.chunks
        for scalar in chunk
    ]
    return pa.array([None if rows is None else rows.to_pylist() for rows in answers], pa.list_(pa.string()))
