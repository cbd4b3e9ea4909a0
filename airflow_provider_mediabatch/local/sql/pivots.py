"""PIVOT and UNPIVOT as ordinary queries.

A pivoted source becomes one that groups by its other columns, with a CASE for each value; an unpivoted one is joined
with the names of its columns. Names are resolved already.

Source: the reference's pages "PIVOT" and "UNPIVOT".
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported

Columns = Callable[[exp.Select], list[str]]
Values = Callable[[exp.Select], list[tuple[exp.Expr, str]]]


def expand(tree: exp.Expr, columns: Columns, values: Values) -> None:
    """Replace the pivoted sources of a statement, the inner ones first.

    :param columns: gives the names of a query's columns.
    :param values: runs a query and gives the values of its only column as constants, each with its text.
    """
    for pivot in reversed(list(tree.find_all(exp.Pivot, bfs=True))):
        source = pivot.parent
        if not isinstance(source, exp.Table | exp.Subquery) or len(source.args["pivots"]) != 1:
            raise not_supported("several PIVOT or UNPIVOT of one source")
        if len(pivot.expressions) != 1 or len(pivot.args["fields"]) != 1 or pivot.args.get("group"):
            raise not_supported("PIVOT with several aggregates or columns")
        inner = source.copy()
        inner.set("pivots", None)
        inner.set("joins", None)
        whole = _with_ctes(exp.select("*").from_(inner), source)
        names = columns(whole)
        made = (
            _unpivot(pivot, inner, names) if pivot.args.get("unpivot") else _pivot(pivot, inner, names, source, values)
        )
        alias = pivot.args.get("alias") or source.args.get("alias")
        if alias is None:
            name = source.name if isinstance(source, exp.Table) else "MB_PIVOT"
            alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
        replaced = exp.Subquery(this=made, alias=alias.copy())
        replaced.set("joins", [join.copy() for join in source.args.get("joins") or []] or None)
        source.replace(replaced)


def _with_ctes(select: exp.Select, source: exp.Expr) -> exp.Select:
    """A query beside a source, which sees the same WITH clauses."""
    ancestor = source.parent
    found: list[exp.Expr] = []
    while ancestor is not None:
        clause = ancestor.args.get("with_")
        found = [*(clause.expressions if clause is not None else []), *found]
        ancestor = ancestor.parent
    if found:
        select.set("with_", exp.With(expressions=[each.copy() for each in found]))
    return select


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)


def _alias(node: exp.Expr, name: str) -> exp.Expr:
    return exp.Alias(this=node, alias=exp.to_identifier(name, quoted=True))


def _known(name: str, names: list[str]) -> None:
    if name not in names:
        raise SnowflakeError(904, "42000", f"SQL compilation error:\ninvalid identifier '{name}'")


def _pivot(pivot: exp.Pivot, inner: exp.Expr, names: list[str], source: exp.Expr, values: Values) -> exp.Select:
    aggregate, field = pivot.expressions[0].unalias(), pivot.args["fields"][0]
    column = field.this.name
    used = {column, *(each.name for each in aggregate.find_all(exp.Column))}
    for name in used:
        _known(name, names)
    default = pivot.args.get("default_on_null")
    kept = [name for name in names if name not in used]
    select = exp.select(*(_column(name) for name in kept)).from_(inner)
    for value, name in _listed(field, inner, source, values):
        argument = aggregate.this
        whole = exp.Literal.number(1) if isinstance(argument, exp.Star) else argument.copy()
        equal = exp.EQ(this=_column(column), expression=value.copy())
        made = aggregate.copy()
        made.set("this", exp.Case(ifs=[exp.If(this=equal, true=whole)]))
        if isinstance(default, exp.Expr):
            made = exp.Coalesce(this=made, expressions=[default.copy()])
        select = select.select(_alias(made, name), copy=False)
    return select.group_by(*(_column(name) for name in kept), copy=False) if kept else select


def _listed(field: exp.In, inner: exp.Expr, source: exp.Expr, values: Values) -> list[tuple[exp.Expr, str]]:
    """The values that become columns, with the names of these: a text's has its quotes."""
    given: list[exp.Expr] = list(field.expressions) or [field.args["query"]]
    first = given[0].unnest() if isinstance(given[0], exp.Subquery) else given[0]
    if isinstance(first, exp.PivotAny):
        every = (
            exp.select(_column(field.this.name))
            .distinct()
            .from_(inner.copy())
            .where(_column(field.this.name).is_(exp.null()).not_())
        )
        order = (
            first.this
            if isinstance(first.this, exp.Order)
            else exp.Order(expressions=[exp.Ordered(this=_column(field.this.name))])
        )
        every.set("order", order.copy())
        return values(_with_ctes(every, source))
    if isinstance(first, exp.Select):
        return values(_with_ctes(first.copy(), source))
    return [
        (each.this, each.alias) if isinstance(each, exp.PivotAlias) else (each, each.sql("snowflake")) for each in given
    ]


def _unpivot(pivot: exp.Pivot, inner: exp.Expr, names: list[str]) -> exp.Select:
    value, field = pivot.expressions[0].name, pivot.args["fields"][0]
    listed = [
        (each.this.name, each.alias) if isinstance(each, exp.PivotAlias) else (each.name, each.name)
        for each in field.expressions
    ]
    for name, _ in listed:
        _known(name, names)
    label = exp.column("MB_NAME", table="MB_NAMES", quoted=True)
    found = exp.Case(
        ifs=[
            exp.If(this=exp.EQ(this=label.copy(), expression=exp.Literal.string(name)), true=_column(name))
            for name, _ in listed
        ]
    )
    shown: exp.Expr = label
    if any(name != alias for name, alias in listed):
        shown = exp.Case(
            ifs=[
                exp.If(
                    this=exp.EQ(this=label.copy(), expression=exp.Literal.string(name)), true=exp.Literal.string(alias)
                )
                for name, alias in listed
            ]
        )
    columns = [name for name in names if name not in {each for each, _ in listed}]
    rows = exp.Values(
        expressions=[exp.Tuple(expressions=[exp.Literal.string(name)]) for name, _ in listed],
        alias=exp.TableAlias(
            this=exp.to_identifier("MB_NAMES", quoted=True), columns=[exp.to_identifier("MB_NAME", quoted=True)]
        ),
    )
    select = exp.select(*(_column(name) for name in columns), _alias(shown, field.this.name), _alias(found, value))
    select = select.from_(inner).join(rows, join_type="CROSS", copy=False)
    return select if pivot.args.get("include_nulls") else select.where(found.copy().is_(exp.null()).not_(), copy=False)
