"""Comparisons and conditions, with semi-structured values among them."""

from __future__ import annotations

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.casts import cast, text
from airflow_provider_mediabatch.local.sql.expression_types import (
    is_exact,
    is_semi_structured,
    kind,
)
from airflow_provider_mediabatch.local.sql.functions import call
from airflow_provider_mediabatch.local.sql.numeric_scale import leaves, same_scale
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter, rule

_LISTED = 200_000  # items of IN (…), rows of VALUES


def refuse_long_list(length: int) -> None:
    """Refuse a list of more expressions than Snowflake takes.

    :raises SnowflakeError: 001795.
    """
    if length > _LISTED:
        raise SnowflakeError(
            1795,
            "42601",
            "SQL compilation error: error line 0 at position -1\nmaximum number of expressions in a list exceeded, "
            f"expected at most {_LISTED:,}, got {length:,}",
        )


def _comparable(side: exp.Expr, other: exp.Expr) -> exp.Expr:
    """A semi-structured value as something to compare with ``other``."""
    if kind(other) in types.TEXTS or kind(other) in (exp.DType.UNKNOWN, exp.DType.NULL):
        return text(side)
    target = other.type
    assert isinstance(target, exp.DataType)
    if is_exact(other):
        target = exp.DataType.build("DECIMAL(38, 9)")
    return cast(side, target)


@rule(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
def _compare(rewriter: Rewriter, node: exp.Binary) -> exp.Expr:
    left, right = node.this, node.expression
    if is_semi_structured(left) and is_semi_structured(right):
        if not isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ | exp.NullSafeNEQ):
            raise not_supported("comparing the order of two VARIANT values: cast one of them")
        for side in (left, right):
            side.replace(call("MB_EQUAL_KEY", side.copy()))
        return node
    for side, other in ((left, right), (right, left)):
        if is_semi_structured(side):
            side.replace(_comparable(side.copy(), other))
        elif kind(side) in types.TEXTS and kind(other) in types.TIMESTAMPS | {exp.DType.BOOLEAN, exp.DType.DATE}:
            target = other.type
            assert isinstance(target, exp.DataType)
            side.replace(cast(side.copy(), target))
    return node


@rule(exp.In)
def _in(rewriter: Rewriter, node: exp.In) -> exp.Expr:
    refuse_long_list(len(node.expressions))
    found = leaves(node.args.get("query"))
    same_scale([node.this, *node.expressions, *(leaf.selects[0].unalias() for leaf in found if len(leaf.selects) == 1)])
    if is_semi_structured(node.this):
        example = node.expressions[0] if node.expressions else exp.Literal.string("")
        node.this.replace(_comparable(node.this.copy(), example))
    return node


@rule(exp.Between)
def _between(rewriter: Rewriter, node: exp.Between) -> exp.Expr:
    if is_semi_structured(node.this):
        node.this.replace(_comparable(node.this.copy(), node.args["low"]))
    for name in ("low", "high"):
        bound = node.args[name]
        if kind(bound) in types.TEXTS and kind(node.this) in types.TIMESTAMPS:
            bound.replace(cast(bound.copy(), node.this.type))
    return node


@rule(exp.Like, exp.ILike)
def _like(rewriter: Rewriter, node: exp.Binary) -> exp.Expr:
    if kind(node.this) not in types.TEXTS | {exp.DType.UNKNOWN}:
        node.this.replace(text(node.this.copy()))
    return node


@rule(exp.And, exp.Or, exp.Not, exp.Where, exp.Having)
def _logic(rewriter: Rewriter, node: exp.Expr) -> exp.Expr:
    for child in list(node.iter_expressions()):
        if is_semi_structured(child):
            child.replace(cast(child.copy(), exp.DataType.build("BOOLEAN")))
    return node


@rule(exp.Levenshtein)
def _edit_distance(rewriter: Rewriter, node: exp.Levenshtein) -> exp.Expr:
    """EDITDISTANCE counts characters, and at most as many as its third argument; a negative one counts as 0."""
    rewriter.unwrap(node, numeric=False)
    found = call("MB_EDIT_DISTANCE", node.this, node.expression)
    limit = node.args.get("max_dist")
    if limit is None:
        return found
    zero = exp.Greatest(this=limit, expressions=[exp.Literal.number(0)])
    return exp.Least(this=found, expressions=[zero])
