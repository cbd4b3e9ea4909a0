"""Exact numbers of several scales that become one column.

DuckDB gives them the largest precision and, at 38 digits, cuts off fractions: 2 and 2.25 become 2 and 2. Snowflake
keeps the longest fraction, and so each of them is cast to it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.expression_types import is_exact, kind, number, scale_of


def same_scale(values: Iterable[exp.Expr]) -> bool:
    """Cast the exact numbers among these to the longest fraction among them.

    :returns: whether any was cast.
    """
    values = list(values)
    exact = [value for value in values if is_exact(value)]
    scales = {scale_of(value) for value in exact}
    if len(scales) < 2 or any(kind(value) in types.FLOATS for value in values):
        return False
    wanted = number(38, max(scales))
    for value in exact:
        made = exp.Cast(this=value.copy(), to=wanted.copy())
        made.type = wanted.copy()
        value.replace(made)
    return True


def branches(node: exp.Expr) -> list[exp.Expr]:
    """The arguments of a function one of which is its value."""
    if isinstance(node, exp.Nvl2):
        given = [node.args.get("true"), node.args.get("false")]
    elif isinstance(node, exp.Lag | exp.Lead):
        given = [node.this, node.args.get("default")]
    elif isinstance(node, exp.DecodeCase):
        rest = node.expressions[1:]
        given = [*rest[1::2], *(rest[-1:] if len(rest) % 2 else [])]
    else:
        given = [node.this, *node.expressions]
    return [value for value in given if value is not None]


def leaves(node: exp.Expr | None) -> list[exp.Select]:
    """The SELECTs whose rows a query returns."""
    if isinstance(node, exp.Subquery):
        node = node.unnest()
    if isinstance(node, exp.SetOperation):
        return [*leaves(node.this), *leaves(node.expression)]
    return [node] if isinstance(node, exp.Select) else []


def unify(tree: exp.Expr) -> bool:
    """Give the columns of UNION and its like and of VALUES one scale; they are to be typed again then.

    :returns: whether any changed.
    """
    changed = False
    for node in list(tree.find_all(exp.SetOperation, exp.Values)):
        if isinstance(node, exp.Values):
            rows = [row.expressions for row in node.expressions if isinstance(row, exp.Tuple)]
        else:
            rows = [[side.unalias() for side in leaf.selects] for leaf in leaves(node)]
        for column in zip(*rows, strict=False):
            changed = same_scale(column) or changed
    return changed
