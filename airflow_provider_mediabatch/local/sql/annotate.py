"""Snowflake's types of expressions, where they decide how an expression is to be translated.

sqlglot's own annotator knows most functions. The rules here are those that it leaves open or sees more loosely: exact
numbers against floats (division and averages depend on it) and values inside a VARIANT.

Source: Snowflake's documentation on arithmetic operators and numeric data types.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.optimizer.annotate_types import TypeAnnotator
from sqlglot.schema import MappingSchema

from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.expression_types import (
    is_exact,
    is_numeric,
    is_semi_structured,
    kind,
    number,
    quotient_scale,
    scale_of,
)
from airflow_provider_mediabatch.local.sql.functions import RETURNS
from airflow_provider_mediabatch.local.sql.numeric_scale import branches

_DOUBLE = exp.DataType.build("DOUBLE")
_FLATTENED = exp.DataType(
    this=exp.DType.STRUCT,
    nested=True,
    expressions=[
        exp.ColumnDef(this=exp.to_identifier(name), kind=exp.DataType.build(kind, dialect="snowflake"))
        for name, kind in (
            ("SEQ", "INT"),
            ("KEY", "VARCHAR"),
            ("PATH", "VARCHAR"),
            ("INDEX", "INT"),
            ("VALUE", "VARIANT"),
            ("THIS", "VARIANT"),
        )
    ],
)


def _combined(nodes: Iterable[exp.Expr | None]) -> exp.DataType | None:
    """The type of a value that is one of several: CASE, COALESCE, UNION."""
    given = [n for n in nodes if n is not None and kind(n) not in (exp.DType.NULL, exp.DType.UNKNOWN)]
    if not given:
        return None
    if any(is_semi_structured(node) for node in given):
        kinds = {kind(node) for node in given}
        return exp.DataType.build(kinds.pop() if len(kinds) == 1 else "VARIANT", dialect="snowflake")
    if all(is_numeric(n) for n in given):
        if any(kind(n) in types.FLOATS for n in given):
            return _DOUBLE
        return number(38, max(scale_of(n) for n in given))
    first = given[0].type
    return first if isinstance(first, exp.DataType) else None


def _arithmetic(annotator: TypeAnnotator, node: exp.Binary) -> Any:
    left, right = node.this, node.expression
    annotated = annotator._annotate_binary(node)
    numbers = [n for n in (left, right) if is_numeric(n) or is_semi_structured(n) or kind(n) in types.TEXTS]
    if len(numbers) == 2:
        if all(is_exact(n) for n in numbers):
            digits = (
                scale_of(left) + scale_of(right) if isinstance(node, exp.Mul) else max(scale_of(left), scale_of(right))
            )
            annotator._set_type(node, number(38, min(digits, 37)))
        else:
            annotator._set_type(node, _DOUBLE)
    elif kind(node) in types.TIMESTAMPS | {exp.DType.TIME}:
        annotator._set_type(node, kind(node))
    return annotated


def _moved(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    """A time to which something was added has all digits of its second."""
    Snowflake.EXPRESSION_METADATA[type(node)]["annotator"](annotator, node)
    if kind(node) in types.TIMESTAMPS | {exp.DType.TIME}:
        annotator._set_type(node, kind(node))
    return node


def _division(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    if is_exact(node.this) and is_exact(node.expression):
        return annotator._set_type(node, number(38, quotient_scale(scale_of(node.this))))
    return annotator._set_type(node, _DOUBLE)


def _average(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if is_exact(argument):
        return annotator._set_type(node, number(38, quotient_scale(scale_of(argument))))
    return annotator._set_type(node, _DOUBLE)


def _variance(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    whole = is_exact(node.this) and not scale_of(node.this)
    return annotator._set_type(node, number(38, 6) if whole else _DOUBLE)


def _sum(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    return annotator._set_type(node, number(38, scale_of(argument)) if is_exact(argument) else _DOUBLE)


def _literal(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    if node.args.get("is_string"):
        return annotator._set_type(node, exp.DType.VARCHAR)
    whole, _, fraction = node.name.partition(".")
    if "e" in node.name.lower():
        return annotator._set_type(node, _DOUBLE)
    return annotator._set_type(node, number(len(whole) + len(fraction), len(fraction)) if fraction else exp.DType.INT)


def _same(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    return annotator._set_type(node, node.this.type)


def _rounded(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    if not is_exact(node.this):
        return annotator._set_type(node, _DOUBLE)
    digits = node.args.get("decimals")
    wanted = int(digits.name) if isinstance(digits, exp.Literal) else 0
    return annotator._set_type(node, number(38, min(scale_of(node.this), max(wanted, 0))))


def _by(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    if node.args.get("count") is not None:
        return annotator._set_type(node, exp.DataType.build("ARRAY", dialect="snowflake"))
    return annotator._set_type(node, node.this.type)


def _moment(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    return annotator._set_type(node, node.args.get("target_type") or exp.DType.TIMESTAMPNTZ)


def _if(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    return annotator._set_type(node, _combined([node.args.get("true"), node.args.get("false")]))


def _case(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    return annotator._set_type(node, _combined([*branches, node.args.get("default")]))


def _coalesce(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    return annotator._set_type(node, _combined([node.this, *node.expressions]))


def _one_branch(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    return annotator._set_type(node, _combined(branches(node)))


def _fixed(name: str) -> dict[str, Any]:
    built = exp.DataType.build(name, dialect="snowflake")
    return {"annotator": lambda annotator, node: annotator._set_type(node, built.copy())}


def _anonymous(annotator: TypeAnnotator, node: exp.Expr) -> Any:
    name = node.meta.get("returns") or RETURNS.get(node.name.upper())
    if node.name.upper() in ("AS_NUMBER", "AS_DECIMAL"):
        digits = [each.name for each in node.expressions[1:]]
        name = f"NUMBER({', '.join((digits + ['38', '0'][len(digits) :])[:2])})"
    if name == "=":
        return annotator._set_type(node, node.expressions[0].type)
    return annotator._set_type(node, exp.DataType.build(name, dialect="snowflake") if name else None)


_VARIANT, _OBJECT, _ARRAY, _TEXT = _fixed("VARIANT"), _fixed("OBJECT"), _fixed("ARRAY"), _fixed("VARCHAR")
_RULES: dict[type[exp.Expr], dict[str, Any]] = {
    exp.Literal: {"annotator": _literal},
    exp.Add: {"annotator": _arithmetic},
    exp.Sub: {"annotator": _arithmetic},
    exp.Mul: {"annotator": _arithmetic},
    exp.Mod: {"annotator": _arithmetic},
    exp.Div: {"annotator": _division},
    exp.Avg: {"annotator": _average},
    exp.Sum: {"annotator": _sum},
    exp.Variance: {"annotator": _variance},
    exp.VariancePop: {"annotator": _variance},
    exp.ArgMax: {"annotator": _by},
    exp.ArgMin: {"annotator": _by},
    exp.GetIgnoreCase: _VARIANT,
    exp.DateAdd: {"annotator": _moved},
    exp.TimeAdd: {"annotator": _moved},
    exp.Neg: {"annotator": _same},
    exp.Abs: {"annotator": _same},
    exp.Paren: {"annotator": _same},
    exp.Round: {"annotator": _rounded},
    exp.If: {"annotator": _if},
    exp.Case: {"annotator": _case},
    exp.Coalesce: {"annotator": _coalesce},
    exp.UnixToTime: {"annotator": _moment},
    exp.StrToTime: {"annotator": _moment},
    exp.DecodeCase: {"annotator": _one_branch},
    exp.Nvl2: {"annotator": _one_branch},
    exp.Greatest: {"annotator": _coalesce},
    exp.Least: {"annotator": _coalesce},
    exp.JSONExtract: _VARIANT,
    exp.GetExtract: _VARIANT,
    exp.Bracket: _VARIANT,
    exp.ParseJSON: _VARIANT,
    exp.ToVariant: _VARIANT,
    exp.StripNullValue: _VARIANT,
    exp.Struct: _OBJECT,
    exp.JSONObject: _OBJECT,
    exp.StarMap: _OBJECT,
    exp.ObjectInsert: _OBJECT,
    exp.ObjectAgg: _OBJECT,
    exp.Array: _ARRAY,
    exp.ArrayAgg: _ARRAY,
    exp.ToArray: _ARRAY,
    exp.JSONKeys: _ARRAY,
    exp.Split: _ARRAY,
    **dict.fromkeys(
        (
            *(
                exp.ArrayAppend,
                exp.ArrayPrepend,
                exp.ArrayConcat,
                exp.ArrayCompact,
                exp.ArrayDistinct,
                exp.ArrayReverse,
            ),
            *(exp.Flatten, exp.ArrayInsert, exp.ArraySlice, exp.ArrayRemove, exp.ArrayRemoveAt, exp.ArrayIntersect),
            *(exp.ArrayExcept, exp.ArraySort, exp.ArraysZip, exp.ArrayConstructCompact, exp.ArrayUniqueAgg),
            *(exp.GenerateSeries, exp.StrtokToArray),
        ),
        _ARRAY,
    ),
    exp.ArrayMax: _VARIANT,
    exp.ArrayMin: _VARIANT,
    exp.ArrayPosition: _fixed("NUMBER(38,0)"),
    exp.ArrayOverlaps: _fixed("BOOLEAN"),
    exp.JSONFormat: _TEXT,
    exp.Typeof: _TEXT,
    exp.ToChar: _TEXT,
    exp.Explode: {"annotator": lambda annotator, node: annotator._set_type(node, _FLATTENED.copy())},
    exp.Anonymous: {"annotator": _anonymous},
}


def annotate(tree: exp.Expr, schema: MappingSchema) -> exp.Expr:
    """Set ``type`` on every node of a query whose columns are qualified."""
    metadata = {**Snowflake.EXPRESSION_METADATA, **_RULES}
    annotator = TypeAnnotator(schema, expression_metadata=metadata)
    return annotator.annotate(tree)
