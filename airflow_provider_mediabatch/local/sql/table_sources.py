"""Relations that are not tables: RESULT_SCAN, staged files, directory tables, INFER_SCHEMA, job history.

Each kind registers its own with :func:`table_source`. The translator puts the DuckDB SQL that they return in the
place of the reference, and learns its columns from DuckDB.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import cancelled, not_supported, syntax_error
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.statement_result import Result

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

TableSource = Callable[["Context", Any], str]
_sources: dict[str, TableSource] = {}
_ROWS_A_SECOND = 100_000  # of GENERATOR(TIMELIMIT => …)


def table_source(name: str) -> Callable[[TableSource], TableSource]:
    """Register the relation behind a name.

    :param name: ``STAGE`` and ``DIRECTORY`` for ``FROM @stage/path (…)`` and ``DIRECTORY(@stage)``; otherwise the
        name of the function inside ``TABLE(…)``, dotted as it is written (``SNOWFLAKE.SPCS.GET_JOB_HISTORY``), and
        for a service's function its name alone after an exclamation mark (``!SPCS_GET_METRICS``).

    The function gets the context and sqlglot's node (the call, or the stage's Table node, see :func:`arguments` and
    :func:`stage_reference`) and returns a DuckDB query whose columns have their final names and types.
    """

    def register(source: TableSource) -> TableSource:
        _sources[name.upper()] = source
        return source

    return register


def is_known(name: str) -> bool:
    """Whether there is such a source."""
    return name.upper() in _sources


def find(name: str) -> TableSource:
    """The registered source; refused by name where there is none."""
    source = _sources.get(name.upper())
    if source is None:
        raise not_supported(f"the table function {name}")
    return source


def value(node: exp.Expr) -> object:
    """The Python value of a literal argument."""
    if isinstance(node, exp.Literal):
        return node.this if node.is_string else (int(node.this) if node.this.isdigit() else float(node.this))
    if isinstance(node, exp.RawString):  # $$text$$
        return str(node.this)
    if isinstance(node, exp.Neg):
        inner = value(node.this)
        assert isinstance(inner, int | float)
        return -inner
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Tuple | exp.Array):
        return [value(item) for item in node.expressions]
    if isinstance(node, exp.Paren | exp.Cast):
        return value(node.this)
    if isinstance(node, exp.Var):
        return node.name
    raise syntax_error(f"a constant is needed here, not {node.sql('snowflake')}")


def stage_text(node: exp.Expr) -> str | None:
    """The text of an unquoted stage among a function's arguments, ``@db.schema.stage/path``; None for anything else."""
    text = node.sql() if isinstance(node, exp.Parameter | exp.Dot | exp.Div) else ""
    return text.replace(" / ", "/") if text.startswith("@") else None


def arguments(call: exp.Expr) -> tuple[list[object], dict[str, object]]:
    """A call's literal arguments: those by position and those by name (upper case)."""
    positional: list[object] = []
    named: dict[str, object] = {}
    for argument in call.expressions:
        if isinstance(argument, exp.Kwarg | exp.PropertyEQ):
            named[argument.this.name.upper()] = value(argument.expression)
        else:
            positional.append(value(argument))
    return positional, named


def stage_reference(node: exp.Expr) -> tuple[str, dict[str, object]]:
    """The ``@stage/path`` of a STAGE or DIRECTORY node, and the options in its parentheses (FILE_FORMAT, PATTERN)."""
    inner = node.this if isinstance(node, exp.Table) else node
    if isinstance(inner, exp.DirectoryStage):
        inner = inner.this
    options: dict[str, object] = {}
    for key, name in (("format", "FILE_FORMAT"), ("pattern", "PATTERN")):
        given = node.args.get(key)
        if given is not None:
            options[name] = value(given) if isinstance(given, exp.Literal | exp.Var) else given.sql("snowflake")
    return str(inner.name), options


def relation(ctx: Context, result: Result) -> str:
    """A query over an earlier result, with its column names and types.

    The result stays registered on the session's connection until its transaction ends, since writes may be repeated.
    """
    if len({column.name for column in result.columns}) < len(result.columns):
        raise not_supported(
            "an earlier result with two columns of one name, other than SELECT * FROM TABLE(RESULT_SCAN())"
        )
    name = f"mb_result_{secrets.token_hex(8)}"
    transactions.of(ctx.session).register(name, result.table)
    casts = {"variant": "JSON", "object": "JSON", "array": "JSON"}
    columns = []
    for position, column in enumerate(result.columns):
        reference = quoted(result.table.column_names[position])
        if column.type in casts:
            reference = f"CAST({reference} AS {casts[column.type]})"
        elif column.type == "fixed":
            reference = f"CAST({reference} AS DECIMAL({column.precision or 38}, {column.scale or 0}))"
        columns.append(f"{reference} AS {quoted(column.name)}")
    return f"SELECT {', '.join(columns)} FROM {name}"


@table_source("RESULT_SCAN")
def result_scan(ctx: Context, node: exp.Expr) -> str:
    """``RESULT_SCAN('<query id>')`` or ``RESULT_SCAN(LAST_QUERY_ID())``: an earlier statement's result."""
    positional, _ = arguments(node)
    return relation(ctx, ctx.earlier_result(str(positional[0])))


@table_source("GENERATOR")
def generator(ctx: Context, node: exp.Expr) -> str:
    """``GENERATOR(ROWCOUNT => n, TIMELIMIT => seconds)``: rows without a column that can be named.

    With TIMELIMIT alone it takes that long, and the number of rows is not said. Without either there are none.
    """
    count, seconds = (
        None if node.args.get(name) is None else value(node.args[name]) for name in ("rowcount", "timelimit")
    )
    if count is None and seconds is not None:
        if not ctx.describe_only and ctx.cancelled.wait(float(str(seconds))):
            raise cancelled()
        count = int(str(seconds)) * _ROWS_A_SECOND
    return f"SELECT range AS mb_row FROM range({int(str(count or 0))})"
