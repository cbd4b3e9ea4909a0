"""Casts: Snowflake's rules for reading text and writing it, over DuckDB's."""

from __future__ import annotations

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.expression_types import is_numeric, is_semi_structured, kind, scale_of
from airflow_provider_mediabatch.local.sql.functions import call

_OBJECTS = (exp.DType.OBJECT, exp.DType.MAP, exp.DType.STRUCT)
_MICROSECONDS = 6  # digits of a second that DuckDB keeps


def text(node: exp.Expr, *, stored: bool = False) -> exp.Expr:
    """A value as VARCHAR, in the session's formats.

    :param stored: times in Snowflake's default formats instead, since the text is kept.
    """
    source = kind(node)
    if source in types.TEXTS:
        return node
    if is_semi_structured(node):
        made: exp.Expr = call("MB_SCALAR", node)
    elif source in types.NTZ:
        made = call("MB_NTZ_TEXT" if stored else "MB_NTZ_FORMATTED", node)
    elif source in types.LTZ | types.TZ:
        written = "MB_LTZ_FORMATTED" if source in types.LTZ else "MB_TZ_FORMATTED"
        made = call("MB_TZ_TEXT" if stored else written, node)
    elif source == exp.DType.DATE and not stored:
        made = call("MB_DATE_FORMATTED", node)
    elif source == exp.DType.TIME and not stored:
        made = call("MB_TIME_FORMATTED", node)
    elif source in types.FLOATS:
        made = call("MB_DOUBLE_TEXT", node)
    elif source in types.BINARIES:
        made = call("HEX", node)
    else:
        made = exp.cast(node, "TEXT")
    made.type = exp.DataType.build("VARCHAR")
    return made


def cast(node: exp.Expr, target: exp.DataType, *, safe: bool = False) -> exp.Expr:
    """``CAST(node AS target)`` or, with ``safe``, ``TRY_CAST``."""
    made = _cast(node, target, safe)
    digits = types.parameters(target)
    if target.this in types.TIMESTAMPS | {exp.DType.TIME} and digits and digits[0] < _MICROSECONDS:
        made = call("MB_TRUNCATED", made, exp.Literal.number(10 ** (_MICROSECONDS - digits[0])))
    made.type = target.copy()
    return made


def _cast(node: exp.Expr, target: exp.DataType, safe: bool) -> exp.Expr:
    wanted, source = target.this, kind(node)
    if wanted in types.TEXTS:
        made, length = text(node.copy()), types.length(target)
        return made if length is None else exp.Left(this=made, expression=exp.Literal.number(length))
    if wanted in types.SEMI_STRUCTURED:
        return _to_semi(node, target)
    if is_semi_structured(node) and wanted in types.NTZ:
        return call("MB_TRY_VARIANT_NTZ" if safe else "MB_VARIANT_NTZ", node.copy())
    if is_semi_structured(node):
        node, source = text(node.copy()), exp.DType.VARCHAR
    duckdb_type = types.storage(target)
    textual = source in types.TEXTS or source in (exp.DType.UNKNOWN, exp.DType.NULL)
    if textual and source != exp.DType.NULL:
        prefix = "MB_TRY_" if safe else "MB_"
        if wanted in types.TIMESTAMPS:
            argument = node.copy() if source in types.TEXTS else exp.cast(node.copy(), "TEXT")
            return call(prefix + ("TEXT_NTZ" if wanted in types.NTZ else "TEXT_TZ"), argument)
        if wanted == exp.DType.BOOLEAN and source in types.TEXTS:
            return call(prefix + "BOOLEAN", node.copy())
        if wanted == exp.DType.DATE and source in types.TEXTS:
            return call(prefix + "TEXT_DATE", node.copy())
        if wanted in types.BINARIES:
            return exp.Unhex(this=node.copy())
    if wanted in types.TIMESTAMPS and is_numeric(node):
        return _epoch(node, wanted)
    if wanted in types.INTEGERS | types.DECIMALS and source in types.TIMESTAMPS | {exp.DType.DATE, exp.DType.TIME}:
        raise SnowflakeError(
            2001, "42000", f"SQL compilation error:\ninvalid type [CAST({node.sql('snowflake')} AS NUMBER)]"
        )
    return _plain(node.copy(), duckdb_type, safe)


def _plain(node: exp.Expr, duckdb_type: str, safe: bool) -> exp.Expr:
    kind_ = exp.DataType.build(duckdb_type, dialect="duckdb")
    return exp.TryCast(this=node, to=kind_) if safe else exp.Cast(this=node, to=kind_)


def _epoch(node: exp.Expr, wanted: exp.DType) -> exp.Expr:
    """A number as seconds since 1970."""
    moment: exp.Expr = call(
        "MAKE_TIMESTAMP",
        exp.cast(exp.Mul(this=exp.cast(node.copy(), "DOUBLE"), expression=exp.Literal.number(1_000_000)), "BIGINT"),
    )
    if wanted not in types.NTZ:
        moment = exp.AtTimeZone(this=moment, zone=exp.Literal.string("UTC"))
    return moment


def whole(node: exp.Expr) -> exp.Expr:
    """A value for TO_JSON, which writes whole numbers of DuckDB's widest type only without a fraction."""
    if not isinstance(node.type, exp.DataType) or kind(node) not in types.DECIMALS or scale_of(node):
        return node.copy()
    return exp.Cast(this=node.copy(), to=exp.DataType.build("DECIMAL(38, 0)"))


def _array_of(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    """A value as the only item of an ARRAY; NULL for NULL."""
    there = exp.Not(this=exp.Is(this=node.copy(), expression=exp.null()))
    return exp.If(this=there, true=call("TO_JSON", exp.Array(expressions=[value])), false=exp.null())


def _to_semi(node: exp.Expr, target: exp.DataType) -> exp.Expr:
    if is_semi_structured(node):
        wanted = "MB_TO_ARRAY" if target.this == exp.DType.ARRAY else "MB_TO_OBJECT"
        same = kind(node) == target.this or target.this not in (exp.DType.ARRAY, *_OBJECTS)
        return node.copy() if same else call(wanted, node.copy())
    if kind(node) == exp.DType.NULL or isinstance(node, exp.Null):
        return exp.Cast(this=node.copy(), to=exp.DataType.build("JSON", dialect="duckdb"))
    value = call(
        "TO_JSON", text(node.copy(), stored=True) if kind(node) in types.TIMESTAMPS | types.BINARIES else whole(node)
    )
    if target.this == exp.DType.ARRAY:
        return _array_of(node, value)
    if target.this in _OBJECTS:
        raise SnowflakeError(
            2001, "42000", f"SQL compilation error:\ninvalid type [CAST({node.sql('snowflake')} AS OBJECT)]"
        )
    return value
