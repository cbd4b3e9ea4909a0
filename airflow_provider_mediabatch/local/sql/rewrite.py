"""From a typed Snowflake expression to one that means the same in DuckDB.

Works on a tree that :mod:`~airflow_provider_mediabatch.local.sql.annotate` has typed, from the leaves up. What sqlglot
itself translates rightly is not mentioned here. Rules for semi-structured values are in
:mod:`~airflow_provider_mediabatch.local.sql.semi_structured`, those for times in
:mod:`~airflow_provider_mediabatch.local.sql.datetime_functions`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.sql import functions, types
from airflow_provider_mediabatch.local.sql.casts import cast, text
from airflow_provider_mediabatch.local.sql.expression_types import (
    is_numeric,
    is_semi_structured,
    kind,
)
from airflow_provider_mediabatch.local.sql.functions import call
from airflow_provider_mediabatch.local.sql.numeric_scale import branches, leaves, same_scale
from airflow_provider_mediabatch.local.sql.patterns import take_multiline

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

Rule = Callable[["Rewriter", Any], exp.Expr]
_RULES: dict[type[exp.Expr], Rule] = {}


def rule(*classes: type[exp.Expr]) -> Callable[[Rule], Rule]:
    """Register the translation of a kind of expression, by sqlglot's classes."""

    def register(function: Rule) -> Rule:
        for each in classes:
            _RULES[each] = function
        return function

    return register


# Nodes that take semi-structured arguments as they are; every other function gets the value inside.
_AWARE = (
    exp.Count, exp.ArrayAgg, exp.AnyValue, exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.Lag, exp.Lead,
    exp.NthValue, exp.Coalesce, exp.If, exp.Case, exp.Cast, exp.TryCast, exp.Anonymous, exp.ToVariant, exp.ParseJSON,
    exp.Explode, exp.Struct, exp.Array, exp.JSONExtract, exp.GetExtract, exp.Bracket, exp.JSONFormat, exp.Typeof,
    exp.ArraySize, exp.JSONKeys, exp.IsNullValue, exp.IsArray, exp.StripNullValue, exp.ArrayContains, exp.ObjectInsert,
    exp.ObjectAgg, exp.HashAgg, exp.ToArray, exp.ApproxDistinct, exp.CountIf, exp.ArgMax, exp.ArgMin, exp.ArrayToString,
    exp.ArrayAppend, exp.Exists, exp.RowNumber, exp.Nullif, exp.Decode, exp.DecodeCase, exp.ToBoolean, exp.Lateral,
    exp.And, exp.Or, exp.Xor, exp.Not, exp.In, exp.Is,
)  # fmt: skip
_NUMERIC = (exp.Sum, exp.Avg, exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Ln, exp.Log, exp.Pow, exp.Exp,
            exp.Stddev, exp.StddevPop, exp.Variance, exp.Median, exp.Sign)  # fmt: skip


class Rewriter:
    """One statement's translation."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def rewrite(self, tree: exp.Expr) -> exp.Expr:
        """Translate a whole tree; returns its new root."""
        for node in reversed(list(tree.walk(bfs=True))):
            new = self._one(node)
            if new is node:
                continue
            if new.type is None:
                new.type = node.type
            if node is tree:
                tree = new
            else:
                node.replace(new)
        return tree

    def _one(self, node: exp.Expr) -> exp.Expr:
        found = _RULES.get(type(node))
        if found is not None:
            node = found(self, node)
        elif isinstance(node, exp.Func | exp.AggFunc) and not isinstance(node, _AWARE):
            self.unwrap(node, numeric=isinstance(node, _NUMERIC))
        return node

    def unwrap(self, node: exp.Expr, *, numeric: bool) -> None:
        """Give a function the scalars inside its semi-structured arguments."""
        for child in list(node.iter_expressions()):
            if numeric and isinstance(node, exp.AggFunc) and kind(child) == exp.DType.BOOLEAN:
                words = f"Invalid argument types for function '{node.sql_name()}': (BOOLEAN)"
                raise SnowflakeError(1044, "42P13", f"SQL compilation error:\n{words}")
            if numeric and kind(child) in types.TEXTS:
                child.replace(cast(child.copy(), exp.DataType.build("DOUBLE")))
            if not is_semi_structured(child):
                continue
            if kind(child) == exp.DType.ARRAY:
                raise not_supported(f"the function {node.key.upper()} on an ARRAY")
            if isinstance(node, exp.Max | exp.Min):
                raise not_supported(f"{node.key.upper()} over a VARIANT: cast its argument")
            child.replace(cast(child.copy(), exp.DataType.build("DOUBLE")) if numeric else text(child.copy()))


@rule(exp.Cast, exp.TryCast)
def _cast(rewriter: Rewriter, node: exp.Cast) -> exp.Expr:
    inner = node.this
    if isinstance(inner, exp.ConvertTimezone) and kind(node) in types.NTZ | {exp.DType.DATE, exp.DType.TIME}:
        return cast(_wall_clock(inner), node.to)
    return cast(inner, node.to, safe=isinstance(node, exp.TryCast))


def _wall_clock(node: exp.ConvertTimezone) -> exp.Expr:
    wall = exp.AtTimeZone(this=node.args["timestamp"].copy(), zone=node.args["target_tz"].copy())
    wall.type = exp.DataType.build("TIMESTAMPNTZ", dialect="snowflake")
    return wall


@rule(exp.CountIf)
def _count_if(rewriter: Rewriter, node: exp.CountIf) -> exp.Expr:
    """Snowflake counts 0 rows of none; DuckDB's COUNT_IF is NULL then."""
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]))


@rule(exp.ConvertTimezone)
def _convert_timezone(rewriter: Rewriter, node: exp.ConvertTimezone) -> exp.Expr:
    moment, target = node.args["timestamp"], node.args["target_tz"]
    if node.args.get("source_tz") is not None:
        if kind(moment) not in types.NTZ:
            moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_NTZ")))
        return node
    if kind(moment) not in types.LTZ | types.TZ:
        moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_LTZ")))
        moment = node.args["timestamp"]
    if isinstance(node.parent, exp.Cast) and kind(node.parent) in types.NTZ | {exp.DType.DATE, exp.DType.TIME}:
        return node
    if isinstance(target, exp.Literal) and target.name == functions.zone(rewriter.ctx):
        return moment.copy()  # type: ignore[no-any-return]
    raise not_supported(
        "CONVERT_TIMEZONE to another time zone than the session's, unless it is cast to TIMESTAMP_NTZ or DATE at once"
    )


def around_window(node: exp.Expr, wrap: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """Wrap an aggregate. One that is used as a window function is wrapped when its Window is met."""
    if isinstance(node.parent, exp.Window | exp.IgnoreNulls | exp.Filter | exp.WithinGroup):
        node.meta["wrap"] = wrap
        return node
    return wrap(node.copy())


@rule(exp.DPipe)
def _concat(rewriter: Rewriter, node: exp.DPipe) -> exp.Expr:
    for side in (node.this, node.expression):
        if kind(side) not in types.TEXTS | types.BINARIES | {exp.DType.UNKNOWN, exp.DType.NULL}:
            side.replace(text(side.copy()))
    return node


@rule(exp.Concat, exp.ConcatWs)
def _concat_function(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    for part in list(node.expressions):
        if kind(part) not in types.TEXTS | types.BINARIES | {exp.DType.UNKNOWN, exp.DType.NULL}:
            part.replace(text(part.copy()))
    return node


@rule(exp.Greatest, exp.Least, exp.Nvl2, exp.Lag, exp.Lead, exp.DecodeCase)
def _one_of(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    if not isinstance(node, _AWARE):
        rewriter.unwrap(node, numeric=False)
    same_scale(branches(node))
    return node


def _unify(branches: list[exp.Expr]) -> None:
    same_scale(branches)
    if any(is_semi_structured(branch) for branch in branches):
        for branch in branches:
            if not is_semi_structured(branch) and kind(branch) != exp.DType.NULL:
                branch.replace(call("TO_JSON", branch.copy()))


@rule(exp.If)
def _if(rewriter: Rewriter, node: exp.If) -> exp.Expr:
    if is_semi_structured(node.this):
        node.this.replace(cast(node.this.copy(), exp.DataType.build("BOOLEAN")))
    if not isinstance(node.parent, exp.Case):
        _unify([b for b in (node.args.get("true"), node.args.get("false")) if b is not None])
    return node


@rule(exp.Case)
def _case(rewriter: Rewriter, node: exp.Case) -> exp.Expr:
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    _unify([b for b in (*branches, node.args.get("default")) if b is not None])
    return node


@rule(exp.Coalesce)
def _coalesce(rewriter: Rewriter, node: exp.Coalesce) -> exp.Expr:
    _unify([node.this, *node.expressions])
    return node


@rule(exp.Union, exp.Except, exp.Intersect)
def _set_operation(rewriter: Rewriter, node: exp.SetOperation) -> exp.Expr:
    """Snowflake would make numbers of the text or fail; DuckDB makes text of the numbers."""
    for column in zip(*(leaf.selects for leaf in leaves(node)), strict=False):
        families = {_family(side) for side in column} - {None}
        if len(families) > 1:
            found = " and ".join(sorted(map(str, families)))
            raise not_supported(f"{found} in one column of {node.key.upper()}: cast them")
    return node


def _family(node: exp.Expr) -> str | None:
    if is_numeric(node):
        return "numbers"
    if kind(node) in types.TEXTS:
        return "text"
    if kind(node) == exp.DType.BOOLEAN:
        return "booleans"
    return "times" if kind(node) in types.TIMESTAMPS | {exp.DType.DATE} else None


@rule(exp.Join)
def _join(rewriter: Rewriter, node: exp.Join) -> exp.Expr:
    """An INNER JOIN without ON joins each row with each: sqlglot would write a comma, which parentheses do not take."""
    if isinstance(node.this, exp.Lateral):
        return node
    condition = node.args.get("match_condition")
    if condition is not None:  # ASOF JOIN keeps the rows of the left side that have no match
        on = node.args.get("on")
        node.set("on", condition.copy() if on is None else exp.and_(on.copy(), condition.copy(), copy=False))
        node.set("match_condition", None)
        node.set("side", "LEFT")
        return node
    if not any(node.args.get(part) for part in ("on", "using", "method", "side")) and node.kind in ("", "INNER"):
        node.set("kind", "CROSS")
    return node


@rule(exp.RegexpExtract)
def _regexp_substr(rewriter: Rewriter, node: exp.RegexpExtract) -> exp.Expr:
    """With the parameter e and no number the first group is meant."""
    rewriter.unwrap(node, numeric=False)
    take_multiline(node)
    parameters, group = node.args.get("parameters"), node.args.get("group")
    if parameters is not None and "e" in parameters.name and (group is None or group.name == "0"):
        node.set("group", exp.Literal.number(1))
    return node


@rule(exp.RegexpLike, exp.RegexpReplace)
def _regexp(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    rewriter.unwrap(node, numeric=False)
    take_multiline(node)
    return node


@rule(exp.Repeat)
def _repeat(rewriter: Rewriter, node: exp.Repeat) -> exp.Expr:
    rewriter.unwrap(node, numeric=False)
    return call("MB_REPEAT", node.this.copy(), node.args["times"].copy())


@rule(exp.Ordered)
def _ordered(rewriter: Rewriter, node: exp.Ordered) -> exp.Expr:
    if is_semi_structured(node.this):
        node.this.replace(call("MB_ORDER_KEY", node.this.copy()))
    return node


@rule(exp.Anonymous)
def _anonymous(rewriter: Rewriter, node: exp.Anonymous) -> exp.Expr:
    if node.meta.get("translated"):
        return node
    if (build := node.meta.get("build")) is not None:
        built: exp.Expr = build(node)
        return built
    return functions.translate(node)
