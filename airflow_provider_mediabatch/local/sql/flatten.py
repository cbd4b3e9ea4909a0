"""FLATTEN in DuckDB.

Source: Snowflake's reference, page "FLATTEN", section "Output".
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from airflow_provider_mediabatch.local.errors import not_supported, syntax_error
from airflow_provider_mediabatch.local.sql.functions import call
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter, rule

_REACHED = {"ARRAY": r"^(\[\d+\])+$", "OBJECT": r"^[^\[]*$"}
_ROW = "MB_ROW"


def _is_true(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Boolean) and bool(node.this)


@rule(exp.Lateral)
def _lateral(rewriter: Rewriter, node: exp.Lateral) -> exp.Expr:
    """FLATTEN as a lateral query that unnests a list.

    DuckDB does that row by row, in order. Over json_each it would join, and the elements would come last to first.
    """
    explode = node.this
    if not isinstance(explode, exp.Explode):
        return node
    given: dict[str, exp.Expr] = {}
    for argument in [explode.this, *explode.expressions]:
        if isinstance(argument, exp.Kwarg):
            given[argument.this.name.upper()] = argument.expression
        else:
            given["INPUT"] = argument
    unknown = set(given) - {"INPUT", "PATH", "OUTER", "RECURSIVE", "MODE"}
    if unknown:
        raise syntax_error(f"unknown argument of FLATTEN: {', '.join(sorted(unknown))}")
    recursive = _is_true(given.get("RECURSIVE"))
    mode = given["MODE"].name.upper() if "MODE" in given else "BOTH"
    if mode not in ("BOTH", "OBJECT", "ARRAY"):
        raise syntax_error(f"MODE of FLATTEN is OBJECT, ARRAY or BOTH, not '{mode}'")
    value = given["INPUT"].copy()
    path = given["PATH"].name if "PATH" in given else ""
    if path:
        value = call("JSON_EXTRACT", value, exp.Literal.string("$." + path))
    flattened = "mb_input" if mode == "BOTH" else f"CASE WHEN json_type(mb_input) = '{mode}' THEN mb_input END"
    elements = f"MB_FLATTENED{'_ALL' if recursive else ''}({flattened})"
    if recursive and mode != "BOTH":  # only what is reached by arrays, or by objects
        elements = f"list_filter({elements}, lambda x: regexp_matches(x.p, '{_REACHED[mode]}'))"
    if _is_true(given.get("OUTER")):
        elements = f"MB_FLATTENED_OUTER({elements})"
    query = sqlglot.parse_one(
        f"""SELECT 1 AS "SEQ", e.k AS "KEY",
                   mb_path || CASE WHEN e.p = '' OR e.p[1] = '[' THEN e.p ELSE mb_dot || e.p END AS "PATH",
                   e.i AS "INDEX", e.v AS "VALUE", {"coalesce(e.t, mb_input)" if recursive else "mb_input"} AS "THIS"
            FROM (SELECT UNNEST({elements}) AS e) AS mb_elements""",
        read="duckdb",
    )
    for column in list(query.find_all(exp.Column)):
        if column.name == "mb_input":
            column.replace(value.copy())
        elif column.name in ("mb_path", "mb_dot"):
            column.replace(exp.Literal.string(path if column.name == "mb_path" else "." if path else ""))
    names = node.args["alias"].this
    made = exp.Lateral(this=exp.Subquery(this=query), alias=exp.TableAlias(this=names.copy()))
    made.meta[_ROW] = True
    return made


@rule(exp.Select)
def _numbered(rewriter: Rewriter, node: exp.Select) -> exp.Expr:
    """A SEQ for each input record: the number of the row that was flattened.

    The rows of what stands before FLATTEN are numbered only where SEQ is used.
    """
    before: list[exp.Expr] = []
    for source, join in _sources(node):
        if source.meta.get(_ROW):
            used = [c for c in node.find_all(exp.Column) if c.table == source.alias and c.name == "SEQ"]
            if used and before:
                before = [_with_row_number(each, number) for number, each in enumerate(before)]
                sequence = _sequence(before, source if join is not None and join.side == "LEFT" else None)
                for column in used:
                    column.replace(sequence.copy())
        before.append(source)
    return node


def _sources(select: exp.Select) -> Iterator[tuple[exp.Expr, exp.Join | None]]:
    if (origin := select.args.get("from_")) is not None:
        yield origin.this, None
    for join in select.args.get("joins") or []:
        yield join.this, join


def _with_row_number(source: exp.Expr, number: int) -> exp.Expr:
    """A source with what :func:`_row` refers to."""
    if source.meta.get(_ROW):
        return source
    if not source.alias_or_name or source.args.get("joins"):
        raise not_supported("SEQ of FLATTEN beside tables that are joined in parentheses")
    column = exp.alias_(exp.Window(this=exp.RowNumber(), over="OVER"), f"{_ROW}_{number}", quoted=True)
    numbered = exp.Subquery(
        this=exp.select("*", column).from_(source.copy()),
        alias=exp.TableAlias(this=exp.to_identifier(source.alias_or_name, quoted=True)),
    )
    numbered.meta[_ROW] = f"{_ROW}_{number}"
    source.replace(numbered)
    return numbered


def _row(source: exp.Expr) -> exp.Expr:
    """What is different in each row of a source: the number, or of FLATTEN's rows for one record the path."""
    name = source.meta[_ROW] if isinstance(source.meta[_ROW], str) else "PATH"
    return exp.column(name, table=source.alias_or_name, quoted=True)


def _sequence(before: list[exp.Expr], optional: exp.Expr | None) -> exp.Expr:
    rows = [_row(source) for source in before]
    numbered = len(rows) == 1 and rows[0].name != "PATH"
    made = exp.cast(rows[0] if numbered else call("HASH", *rows), "DECIMAL(38, 0)")
    if optional is None:
        return made
    return exp.If(this=exp.Not(this=exp.Is(this=_row(optional), expression=exp.null())), true=made, false=exp.null())
