"""Arithmetic, averages and medians of exact and other numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.casts import cast
from airflow_provider_mediabatch.local.sql.expression_types import (
    is_exact,
    is_numeric,
    is_semi_structured,
    kind,
    quotient_scale,
    scale_of,
)
from airflow_provider_mediabatch.local.sql.functions import call
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter, around_window, rule
from airflow_provider_mediabatch.local.sql.semi_structured import as_json

if TYPE_CHECKING:
    pass

_DAYS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")


@rule(exp.Div)
def _div(rewriter: Rewriter, node: exp.Div) -> exp.Expr:
    left, right = node.this, node.expression
    return quotient(left, right)


def quotient(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Snowflake's division: exact with six more digits for exact numbers, an error on zero."""
    if not (is_exact(left) and is_exact(right)):
        return call("MB_RATIO", *(cast(side.copy(), exp.DataType.build("DOUBLE")) for side in (left, right)))
    digits = quotient_scale(scale_of(left))
    dividend = _shifted(left, digits + scale_of(right))
    return _unshifted(call("MB_QUOTIENT", dividend, _shifted(right, scale_of(right))), digits)


def _shifted(node: exp.Expr, digits: int) -> exp.Expr:
    """An exact number times ten to the power of ``digits``, as a HUGEINT. Its own fraction must not be longer."""
    own = scale_of(node)
    value: exp.Expr = exp.paren(node.copy())
    if own:
        value = exp.Mul(this=value, expression=exp.Literal.number(10**own))
    value = exp.cast(value, "HUGEINT", dialect="duckdb")
    if digits > own:
        value = exp.Mul(
            this=value, expression=exp.cast(exp.Literal.number(10 ** (digits - own)), "HUGEINT", dialect="duckdb")
        )
    return exp.paren(value)


def _unshifted(node: exp.Expr, digits: int) -> exp.Expr:
    whole = exp.cast(node, "DECIMAL(38, 0)")
    unit = exp.cast(exp.Literal.string("0." + "0" * (digits - 1) + "1"), f"DECIMAL({digits + 1}, {digits})")
    return exp.paren(exp.Mul(this=whole, expression=unit))


@rule(exp.Avg)
def _avg(rewriter: Rewriter, node: exp.Avg) -> exp.Expr:
    argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if not is_exact(argument):
        rewriter.unwrap(node, numeric=True)
        return node
    digits = quotient_scale(scale_of(argument))
    return around_window(node, lambda n: exp.cast(n, f"DECIMAL(38, {digits})"))


_CHECKED = {exp.Sqrt: "MB_SQRT", exp.Ln: "MB_LN", exp.Log: "MB_LOG", exp.Pow: "MB_POW"}


@rule(*_CHECKED)
def _checked(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    """An error in the place of what is no number."""
    arguments = (cast(each.copy(), exp.DataType.build("DOUBLE")) for each in node.iter_expressions())
    return call(_CHECKED[type(node)], *arguments)


@rule(exp.ArgMax, exp.ArgMin)
def _by(rewriter: Rewriter, node: exp.ArgMax | exp.ArgMin) -> exp.Expr:
    """MAX_BY and MIN_BY; with a number of values they give an ARRAY."""
    if node.args.get("count") is None:
        return node
    node.this.replace(as_json(node.this))
    return around_window(node, lambda n: call("TO_JSON", n))


@rule(exp.Variance, exp.VariancePop)
def _variance(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    """Of whole numbers it is exact with six digits: snowpark-python, test_function_suite.py (test_variance)."""
    if not is_exact(node.this) or scale_of(node.this):
        rewriter.unwrap(node, numeric=True)
        return node
    return around_window(node, lambda n: exp.cast(n, "DECIMAL(38, 6)"))


@rule(exp.ApproxQuantile)
def _quantile(rewriter: Rewriter, node: exp.ApproxQuantile) -> exp.Expr:
    """Between two values as Snowflake's t-Digest; DuckDB's gives one of the values."""
    return call("QUANTILE_CONT", cast(node.this.copy(), exp.DataType.build("DOUBLE")), node.args["quantile"].copy())


@rule(exp.Ntile, exp.Factorial)
def _of_whole_number(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    """DuckDB takes a NUMBER only as a whole number of its own."""
    rewriter.unwrap(node, numeric=True)
    node.set("this", exp.cast(node.this.copy(), "INT" if isinstance(node, exp.Factorial) else "BIGINT"))
    return node


@rule(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot)
def _bits(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    for side in list(node.iter_expressions()):
        if is_exact(side):
            side.replace(exp.Cast(this=side.copy(), to=exp.DataType.build("BIGINT")))
    return node


@rule(exp.Chr)
def _character(rewriter: Rewriter, node: exp.Chr) -> exp.Expr:
    node.set("expressions", [exp.cast(each.copy(), "INT") for each in node.expressions])
    return node


@rule(exp.Median)
def _median(rewriter: Rewriter, node: exp.Median) -> exp.Expr:
    _interpolate(node.this)
    rewriter.unwrap(node, numeric=True)
    return node


def _interpolate(node: exp.Expr) -> None:
    """Three more digits for a value between two exact numbers, where DuckDB would round it to their scale."""
    if is_exact(node):
        node.replace(exp.cast(node.copy(), f"DECIMAL(38, {min(scale_of(node) + 3, 37)})"))


@rule(exp.Window, exp.WithinGroup, exp.Filter)
def _window(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        _interpolate(node.expression.expressions[0].this)
    wrap = node.this.meta.get("wrap") if isinstance(node.this, exp.Expr) else None
    return node if wrap is None else around_window(node, wrap)


@rule(exp.Add, exp.Sub, exp.Mul, exp.Mod)
def _arithmetic(rewriter: Rewriter, node: exp.Binary) -> exp.Expr:
    left, right = node.this, node.expression
    if kind(left) == exp.DType.DATE and isinstance(right, exp.Interval) and right.args["unit"].name.upper() in _DAYS:
        made = exp.cast(exp.paren(node.copy()), "DATE")
        made.type = exp.DataType.build("DATE")
        return made
    for side, other in ((left, right), (right, left)):
        if is_semi_structured(side) or (
            kind(side) in types.TEXTS and not isinstance(other, exp.Interval) and is_numeric(other)
        ):
            side.replace(cast(side.copy(), exp.DataType.build("DOUBLE")))
        elif kind(other) == exp.DType.DATE and is_exact(side):
            side.replace(exp.cast(side.copy(), "INT"))
    if all(isinstance(side, exp.Literal) and not side.is_string and side.name.isdigit() for side in (left, right)):
        node.this.replace(exp.cast(node.this.copy(), "DECIMAL(38, 0)"))
    return node
