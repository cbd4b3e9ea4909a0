"""What the type of an annotated expression is."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_mediabatch.local.sql import types


def number(precision: int, scale: int) -> exp.DataType:
    """The exact number type with this many digits, and this many after the point."""
    return exp.DataType.build(f"DECIMAL({min(precision, 38)}, {scale})")


def kind(node: exp.Expr | None) -> Any:
    """The type's kind, or UNKNOWN."""
    return node.type.this if node is not None and node.type is not None else exp.DType.UNKNOWN


def is_semi_structured(node: exp.Expr | None) -> bool:
    """Whether the value is a VARIANT, OBJECT or ARRAY."""
    return kind(node) in types.SEMI_STRUCTURED


def is_exact(node: exp.Expr | None) -> bool:
    """Whether the value is an exact number."""
    return kind(node) in types.INTEGERS or kind(node) in types.DECIMALS


def is_numeric(node: exp.Expr | None) -> bool:
    """Whether the value is a number, exact or not."""
    return is_exact(node) or kind(node) in types.FLOATS


def scale_of(node: exp.Expr) -> int:
    """Digits after the point of an exact number."""
    return types.scale(node.type) if node.type is not None else 0


def quotient_scale(dividend: int) -> int:
    """Digits after the point of a quotient or an average of exact numbers."""
    return max(dividend, min(dividend + 6, 12))
