"""From a typed Snowflake expression to one that means the same in DuckDB.

Works on a tree that :mod:`~airflow_provider_mediabatch.local.sql.annotate` has typed, from the leaves up. What sqlglot itself
translates rightly is not mentioned here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.sql import functions, types
from airflow_provider_mediabatch.local.sql.annotate import (
    is_exact,
    is_numeric,
    is_semi,
    kind,
    quotient_scale,
    scale_of,
)
from airflow_provider_mediabatch.local.sql.casts import cast, text
from airflow_provider_mediabatch.local.sql.functions import call

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.context import Context

Rule = Callable[["Rewriter", Any], exp.Expression]
_RULES: dict[type[exp.Expression], Rule] = {}


def rule(*classes: type[exp.Expression]) -> Callable[[Rule], Rule]:
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
    """One statement's translation.

    :param keep_time: leave CURRENT_TIMESTAMP to be evaluated later (views, defaults) instead of fixing it now.
    """

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def rewrite(self, tree: exp.Expression) -> exp.Expression:
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

    def _one(self, node: exp.Expression) -> exp.Expression:
        found = _RULES.get(type(node))
        if found is not None:
            node = found(self, node)
        elif (isinstance(node, exp.Func) and not isinstance(node, (*_AWARE, exp.AggFunc))) or (isinstance(node, exp.AggFunc) and not isinstance(node, _AWARE)):
            self._unwrap(node, numeric=isinstance(node, _NUMERIC))
        return node

    def _unwrap(self, node: exp.Expression, *, numeric: bool) -> None:
        for child in list(node.iter_expressions()):
            if not is_semi(child):
                continue
            if kind(child) == exp.DType.ARRAY:
                raise not_supported(f"the function {node.sql_name()} on an ARRAY")
            if isinstance(node, exp.Max | exp.Min):
                raise not_supported(f"{node.key.upper()} over a VARIANT: cast its argument")
            child.replace(cast(child.copy(), exp.DataType.build("DOUBLE")) if numeric else text(child.copy()))


@rule(exp.Cast, exp.TryCast)
def _cast(rewriter: Rewriter, node: exp.Cast) -> exp.Expression:
    inner = node.this
    if isinstance(inner, exp.ConvertTimezone) and kind(node) in types.NTZ | {exp.DType.DATE, exp.DType.TIME}:
        return cast(_wall_clock(inner), node.to)
    return cast(inner, node.to, safe=isinstance(node, exp.TryCast))


def _wall_clock(node: exp.ConvertTimezone) -> exp.Expression:
    wall = exp.AtTimeZone(this=node.args["timestamp"].copy(), zone=node.args["target_tz"].copy())
    wall.type = exp.DataType.build("TIMESTAMPNTZ", dialect="snowflake")
    return wall


@rule(exp.CountIf)
def _count_if(rewriter: Rewriter, node: exp.CountIf) -> exp.Expression:
    """Snowflake counts 0 rows of none; DuckDB's COUNT_IF is NULL then."""
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]))


@rule(exp.ConvertTimezone)
def _convert_timezone(rewriter: Rewriter, node: exp.ConvertTimezone) -> exp.Expression:
    moment, target = node.args["timestamp"], node.args["target_tz"]
    if node.args.get("source_tz") is not None:
        if kind(moment) not in types.NTZ:
            moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_NTZ")))
        return node
    if kind(moment) not in types.LTZ | types.TZ:
        moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_LTZ")))
        moment = node.args["timestamp"]
    if isinstance(node.parent, exp.Cast):
        return node
    if isinstance(target, exp.Literal) and target.name == functions.zone(rewriter.ctx):
        return moment.copy()  # type: ignore[no-any-return]
    raise not_supported(
        "CONVERT_TIMEZONE to another time zone than the session's, unless it is cast to TIMESTAMP_NTZ or DATE at once"
    )


@rule(exp.Div)
def _div(rewriter: Rewriter, node: exp.Div) -> exp.Expression:
    left, right = node.this, node.expression
    return quotient(left, right)


def quotient(left: exp.Expression, right: exp.Expression) -> exp.Expression:
    """Snowflake's division: exact with six more digits for exact numbers, an error on zero."""
    if not (is_exact(left) and is_exact(right)):
        return call("MB_RATIO", *(cast(side.copy(), exp.DataType.build("DOUBLE")) for side in (left, right)))
    digits = quotient_scale(scale_of(left))
    dividend = _shifted(left, digits + scale_of(right))
    return _unshifted(call("MB_QUOTIENT", dividend, _shifted(right, scale_of(right))), digits)


def _shifted(node: exp.Expression, digits: int) -> exp.Expression:
    """An exact number times ten to the power of ``digits``, as a HUGEINT. Its own fraction must not be longer."""
    own = scale_of(node)
    value: exp.Expression = exp.paren(node.copy())
    if own:
        value = exp.Mul(this=value, expression=exp.Literal.number(10**own))
    value = exp.cast(value, "HUGEINT", dialect="duckdb")
    if digits > own:
        value = exp.Mul(
            this=value, expression=exp.cast(exp.Literal.number(10 ** (digits - own)), "HUGEINT", dialect="duckdb")
        )
    return exp.paren(value)


def _unshifted(node: exp.Expression, digits: int) -> exp.Expression:
    whole = exp.cast(node, "DECIMAL(38, 0)")
    unit = exp.cast(exp.Literal.string("0." + "0" * (digits - 1) + "1"), f"DECIMAL({digits + 1}, {digits})")
    return exp.paren(exp.Mul(this=whole, expression=unit))


@rule(exp.Avg)
def _avg(rewriter: Rewriter, node: exp.Avg) -> exp.Expression:
    argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if not is_exact(argument):
        rewriter._unwrap(node, numeric=True)
        return node
    digits = quotient_scale(scale_of(argument))
    return _around_window(node, lambda n: exp.cast(n, f"DECIMAL(38, {digits})"))


def _around_window(node: exp.Expression, wrap: Callable[[exp.Expression], exp.Expression]) -> exp.Expression:
    """Wrap an aggregate; one that is used as a window function is wrapped when its Window is met."""
    if isinstance(node.parent, exp.Window | exp.IgnoreNulls | exp.Filter | exp.WithinGroup):
        node.meta["wrap"] = wrap
        return node
    return wrap(node.copy())


@rule(exp.Window, exp.WithinGroup, exp.Filter)
def _window(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    wrap = node.this.meta.get("wrap") if isinstance(node.this, exp.Expression) else None
    return node if wrap is None else _around_window(node, wrap)


@rule(exp.Add, exp.Sub, exp.Mul, exp.Mod)
def _arithmetic(rewriter: Rewriter, node: exp.Binary) -> exp.Expression:
    left, right = node.this, node.expression
    for side, other in ((left, right), (right, left)):
        if is_semi(side) or (kind(side) in types.TEXTS and not isinstance(other, exp.Interval) and is_numeric(other)):
            side.replace(cast(side.copy(), exp.DataType.build("DOUBLE")))
        elif kind(other) == exp.DType.DATE and is_exact(side):
            side.replace(exp.cast(side.copy(), "INT"))
    if all(isinstance(side, exp.Literal) and not side.is_string and side.name.isdigit() for side in (left, right)):
        node.this.replace(exp.cast(node.this.copy(), "DECIMAL(38, 0)"))
    return node


@rule(exp.DPipe)
def _concat(rewriter: Rewriter, node: exp.DPipe) -> exp.Expression:
    for side in (node.this, node.expression):
        if kind(side) not in types.TEXTS | types.BINARIES | {exp.DType.UNKNOWN, exp.DType.NULL}:
            side.replace(text(side.copy()))
    return node


@rule(exp.Concat, exp.ConcatWs)
def _concat_function(rewriter: Rewriter, node: exp.Func) -> exp.Expression:
    for part in list(node.expressions):
        if kind(part) not in types.TEXTS | types.BINARIES | {exp.DType.UNKNOWN, exp.DType.NULL}:
            part.replace(text(part.copy()))
    return node


def _comparable(side: exp.Expression, other: exp.Expression) -> exp.Expression:
    """A semi-structured value as something to compare with ``other``."""
    if kind(other) in types.TEXTS or kind(other) in (exp.DType.UNKNOWN, exp.DType.NULL):
        return text(side)
    target = other.type
    assert isinstance(target, exp.DataType)
    if is_exact(other):
        target = exp.DataType.build("DECIMAL(38, 9)")
    return cast(side, target)


@rule(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
def _compare(rewriter: Rewriter, node: exp.Binary) -> exp.Expression:
    left, right = node.this, node.expression
    if is_semi(left) and is_semi(right):
        if not isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ | exp.NullSafeNEQ):
            raise not_supported("comparing the order of two VARIANT values: cast one of them")
        return node
    for side, other in ((left, right), (right, left)):
        if is_semi(side):
            side.replace(_comparable(side.copy(), other))
        elif kind(side) in types.TEXTS and kind(other) in types.TIMESTAMPS | {exp.DType.BOOLEAN, exp.DType.DATE}:
            target = other.type
            assert isinstance(target, exp.DataType)
            side.replace(cast(side.copy(), target))
    return node


@rule(exp.In)
def _in(rewriter: Rewriter, node: exp.In) -> exp.Expression:
    if is_semi(node.this):
        example = node.expressions[0] if node.expressions else exp.Literal.string("")
        node.this.replace(_comparable(node.this.copy(), example))
    return node


@rule(exp.Between)
def _between(rewriter: Rewriter, node: exp.Between) -> exp.Expression:
    if is_semi(node.this):
        node.this.replace(_comparable(node.this.copy(), node.args["low"]))
    for name in ("low", "high"):
        bound = node.args[name]
        if kind(bound) in types.TEXTS and kind(node.this) in types.TIMESTAMPS:
            bound.replace(cast(bound.copy(), node.this.type))
    return node


@rule(exp.Like, exp.ILike)
def _like(rewriter: Rewriter, node: exp.Binary) -> exp.Expression:
    if kind(node.this) not in types.TEXTS | {exp.DType.UNKNOWN}:
        node.this.replace(text(node.this.copy()))
    return node


@rule(exp.And, exp.Or, exp.Not, exp.Where, exp.Having)
def _logic(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    for child in list(node.iter_expressions()):
        if is_semi(child):
            child.replace(cast(child.copy(), exp.DataType.build("BOOLEAN")))
    return node


def _unify(branches: list[exp.Expression]) -> None:
    if any(is_semi(branch) for branch in branches):
        for branch in branches:
            if not is_semi(branch) and kind(branch) != exp.DType.NULL:
                branch.replace(call("TO_JSON", branch.copy()))


@rule(exp.If)
def _if(rewriter: Rewriter, node: exp.If) -> exp.Expression:
    if is_semi(node.this):
        node.this.replace(cast(node.this.copy(), exp.DataType.build("BOOLEAN")))
    if not isinstance(node.parent, exp.Case):
        _unify([b for b in (node.args.get("true"), node.args.get("false")) if b is not None])
    return node


@rule(exp.Case)
def _case(rewriter: Rewriter, node: exp.Case) -> exp.Expression:
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    _unify([b for b in (*branches, node.args.get("default")) if b is not None])
    return node


@rule(exp.Coalesce)
def _coalesce(rewriter: Rewriter, node: exp.Coalesce) -> exp.Expression:
    _unify([node.this, *node.expressions])
    return node


@rule(exp.Ordered)
def _ordered(rewriter: Rewriter, node: exp.Ordered) -> exp.Expression:
    if is_semi(node.this):
        node.this.replace(call("MB_ORDER_KEY", node.this.copy()))
    return node


# Semi-structured values.


def _path(parts: list[exp.Expression]) -> str:
    path = "$"
    for part in parts:
        if isinstance(part, exp.JSONPathRoot):
            continue
        if isinstance(part, exp.JSONPathKey):
            path += '."' + str(part.this).replace('"', '\\"') + '"'
        elif isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int):
            path += f"[{part.this}]"
        else:
            raise not_supported(f"the path element {part}")
    return path


def _check_semi(node: exp.Expression) -> None:
    if kind(node) in types.TEXTS or is_numeric(node):
        raise SnowflakeError(
            1044,
            "42P13",
            f"SQL compilation error:\nInvalid argument types for function 'GET': ({node.type.sql('snowflake') if node.type else '?'}, VARCHAR)",
        )


@rule(exp.JSONExtract)
def _extract(rewriter: Rewriter, node: exp.JSONExtract) -> exp.Expression:
    _check_semi(node.this)
    path = node.expression
    if not isinstance(path, exp.JSONPath):
        raise not_supported("a path that is not a constant")
    return call("JSON_EXTRACT", node.this.copy(), exp.Literal.string(_path(path.expressions)))


@rule(exp.GetExtract)
def _get(rewriter: Rewriter, node: exp.GetExtract) -> exp.Expression:
    return _element(node.this, node.expression)


@rule(exp.Bracket)
def _bracket(rewriter: Rewriter, node: exp.Bracket) -> exp.Expression:
    return _element(node.this, node.expressions[0])


def _element(value: exp.Expression, key: exp.Expression) -> exp.Expression:
    _check_semi(value)
    if isinstance(key, exp.Literal):
        path = f"$[{key.name}]" if not key.is_string else '$."' + key.name.replace('"', '\\"') + '"'
        return call("JSON_EXTRACT", value.copy(), exp.Literal.string(path))
    if is_exact(key):
        return call("JSON_EXTRACT", value.copy(), exp.cast(key.copy(), "BIGINT"))
    quoted = exp.Concat(expressions=[exp.Literal.string('$."'), text(key.copy()), exp.Literal.string('"')])
    return call("JSON_EXTRACT", value.copy(), quoted)


@rule(exp.ParseJSON)
def _parse_json(rewriter: Rewriter, node: exp.ParseJSON) -> exp.Expression:
    if is_semi(node.this):
        return node.this.copy()  # type: ignore[no-any-return]
    source = exp.Nullif(this=exp.Trim(this=text(node.this.copy())), expression=exp.Literal.string(""))
    return call("MB_TRY_JSON" if node.args.get("safe") else "JSON", source)


@rule(exp.ToVariant)
def _to_variant(rewriter: Rewriter, node: exp.ToVariant) -> exp.Expression:
    return _json(node.this)


@rule(exp.JSONFormat)
def _to_json(rewriter: Rewriter, node: exp.JSONFormat) -> exp.Expression:
    return exp.cast(_json(node.this), "TEXT")


def _json(node: exp.Expression) -> exp.Expression:
    """Any value as a VARIANT."""
    if is_semi(node):
        return node.copy()
    if kind(node) in types.TIMESTAMPS | types.BINARIES:
        node = text(node.copy())
    return call("TO_JSON", node.copy())


@rule(exp.Struct)
def _object(rewriter: Rewriter, node: exp.Struct) -> exp.Expression:
    entries = []
    for entry in node.expressions:
        key = entry.this
        if isinstance(key, exp.Identifier):
            key = exp.Literal.string(key.name)
        pair = [
            exp.PropertyEQ(this=exp.to_identifier("k"), expression=text(key.copy())),
            exp.PropertyEQ(this=exp.to_identifier("v"), expression=_json(entry.expression)),
        ]
        entries.append(exp.Struct(expressions=pair))
    if not entries:
        return call("JSON", exp.Literal.string("{}"))
    return call("MB_OBJECT", exp.Array(expressions=entries))


@rule(exp.StarMap)
def _star_object(rewriter: Rewriter, node: exp.StarMap) -> exp.Expression:
    raise not_supported("OBJECT_CONSTRUCT(*): name the columns")


@rule(exp.ObjectAgg)
def _object_agg(rewriter: Rewriter, node: exp.ObjectAgg) -> exp.Expression:
    return call("JSON_GROUP_OBJECT", node.this.copy(), _json(node.expression))


@rule(exp.Array)
def _array(rewriter: Rewriter, node: exp.Array) -> exp.Expression:
    items = [
        exp.Coalesce(this=_json(item), expressions=[call("JSON", exp.Literal.string("null"))])
        for item in node.expressions
    ]
    if not items:
        return call("JSON", exp.Literal.string("[]"))
    return call("TO_JSON", exp.Array(expressions=items))


@rule(exp.ArrayAgg)
def _array_agg(rewriter: Rewriter, node: exp.ArrayAgg) -> exp.Expression:
    empty = call("JSON", exp.Literal.string("[]"))
    return _around_window(node, lambda n: exp.Coalesce(this=call("TO_JSON", n), expressions=[empty.copy()]))


@rule(exp.GroupConcat)
def _listagg(rewriter: Rewriter, node: exp.GroupConcat) -> exp.Expression:
    rewriter._unwrap(node, numeric=False)
    return _around_window(node, lambda n: exp.Coalesce(this=n, expressions=[exp.Literal.string("")]))


@rule(exp.ArraySize)
def _array_size(rewriter: Rewriter, node: exp.ArraySize) -> exp.Expression:
    return exp.If(
        this=exp.EQ(this=call("JSON_TYPE", node.this.copy()), expression=exp.Literal.string("ARRAY")),
        true=call("JSON_ARRAY_LENGTH", node.this.copy()),
        false=exp.null(),
    )


@rule(exp.Typeof)
def _typeof(rewriter: Rewriter, node: exp.Typeof) -> exp.Expression:
    return call("MB_TYPEOF", _json(node.this))


@rule(exp.IsNullValue)
def _is_null_value(rewriter: Rewriter, node: exp.IsNullValue) -> exp.Expression:
    return exp.EQ(this=call("JSON_TYPE", node.this.copy()), expression=exp.Literal.string("NULL"))


@rule(exp.IsArray)
def _is_array(rewriter: Rewriter, node: exp.IsArray) -> exp.Expression:
    return exp.EQ(this=call("JSON_TYPE", _json(node.this)), expression=exp.Literal.string("ARRAY"))


@rule(exp.StripNullValue)
def _strip_null(rewriter: Rewriter, node: exp.StripNullValue) -> exp.Expression:
    return exp.If(
        this=exp.EQ(this=call("JSON_TYPE", node.this.copy()), expression=exp.Literal.string("NULL")),
        true=exp.null(),
        false=node.this.copy(),
    )


@rule(exp.JSONKeys)
def _keys(rewriter: Rewriter, node: exp.JSONKeys) -> exp.Expression:
    return call("TO_JSON", call("JSON_KEYS", node.this.copy()))


@rule(exp.ToArray)
def _to_array(rewriter: Rewriter, node: exp.ToArray) -> exp.Expression:
    return cast(node.this, types.parse("ARRAY"))


@rule(exp.ArrayContains)
def _array_contains(rewriter: Rewriter, node: exp.ArrayContains) -> exp.Expression:
    items = call("JSON_EXTRACT", node.this.copy(), exp.Literal.string("$[*]"))
    return call("LIST_CONTAINS", items, _json(node.expression))


@rule(exp.ArrayToString)
def _array_to_string(rewriter: Rewriter, node: exp.ArrayToString) -> exp.Expression:
    items = call("JSON_EXTRACT_STRING", node.this.copy(), exp.Literal.string("$[*]"))
    return call("ARRAY_TO_STRING", items, node.expression.copy())


@rule(exp.ObjectInsert, exp.ArrayAppend)
def _refused(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    raise not_supported(f"the function {node.sql_name()}")  # type: ignore[attr-defined]


@rule(exp.Split, exp.RegexpExtractAll)
def _split(rewriter: Rewriter, node: exp.Func) -> exp.Expression:
    rewriter._unwrap(node, numeric=False)
    if isinstance(node, exp.RegexpExtractAll):
        # Its other uses are inside what sqlglot makes of REGEXP_SUBSTR, after this.
        return call("TO_JSON", node.copy())
    return call("TO_JSON", node.copy())


# Hashes, random numbers, times.


@rule(exp.HashAgg)
def _hash_agg(rewriter: Rewriter, node: exp.HashAgg) -> exp.Expression:
    arguments = [node.this, *node.expressions]
    if isinstance(node.this, exp.Distinct):
        hashed = call("HASH", *[a.copy() for a in node.this.expressions])
        return call("MB_HASH_SUM_DISTINCT", hashed)
    if isinstance(node.this, exp.Star):
        return call("MB_HASH_SUM", call("HASH", exp.Var(this="*COLUMNS(*)")))
    return call("MB_HASH_SUM", call("HASH", *[a.copy() for a in arguments]))


@rule(exp.Rand)
def _random(rewriter: Rewriter, node: exp.Rand) -> exp.Expression:
    if node.this is None:
        return call("MB_HASH", call("HASH", call("RANDOM")))
    number = exp.Window(this=exp.RowNumber(), over="OVER")
    return call("MB_HASH", call("HASH", number, node.this.copy()))


@rule(exp.Seq1, exp.Seq2, exp.Seq4, exp.Seq8)
def _sequence(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    return exp.paren(exp.Sub(this=exp.Window(this=exp.RowNumber(), over="OVER"), expression=exp.Literal.number(1)))


@rule(exp.ToChar)
def _to_char(rewriter: Rewriter, node: exp.ToChar) -> exp.Expression:
    form = node.args.get("format")
    if form is None:
        return text(node.this.copy())
    if kind(node.this) not in types.TIMESTAMPS | {exp.DType.DATE, exp.DType.TIME} or not isinstance(form, exp.Literal):
        raise not_supported("TO_CHAR with a format, except for a date or time and a constant format")
    return exp.TimeToStr(this=node.this.copy(), format=exp.Literal.string(time_format(form.name)))


def time_format(form: str) -> str:
    """Snowflake's format of dates and times as strftime's."""
    form = re.sub(r"(?i)FF[3]?(?![0-9])", "%g" if "FF3" in form.upper() else "%f", form)
    form = re.sub(r"(?i)FF[69]", "%f", form)
    mapped = Snowflake.format_time(exp.Literal.string(form.replace('"', "")))
    return str(mapped.name if mapped is not None else form)


@rule(exp.DateAdd, exp.DateSub, exp.TimestampAdd, exp.TsOrDsAdd)
def _date_add(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    unit = str(node.args["unit"].name).upper() if node.args.get("unit") is not None else "DAY"
    moment = node.this
    if kind(moment) in types.TEXTS:
        moment.replace(cast(moment.copy(), types.parse("TIMESTAMP_NTZ")))
    if kind(moment) == exp.DType.DATE and unit in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR"):
        return exp.cast(node.copy(), "DATE")
    return node


@rule(exp.DateDiff, exp.TimestampDiff)
def _date_diff(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    for side in (node.this, node.expression):
        if kind(side) in types.TEXTS:
            side.replace(cast(side.copy(), types.parse("TIMESTAMP_NTZ")))
    return node


@rule(exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.Localtime)
def _now(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    """Left only where the expression is evaluated later: in views and defaults."""
    now = call("NOW")
    if isinstance(node, exp.CurrentTimestamp):
        return exp.AtTimeZone(this=now, zone=exp.Literal.string("UTC")) if node.args.get("sysdate") else now
    return exp.cast(now, "DATE" if isinstance(node, exp.CurrentDate) else "TIME")


@rule(exp.ReadCSV, exp.ReadParquet)
def _file(rewriter: Rewriter, node: exp.Expression) -> exp.Expression:
    raise not_supported(f"the function {node.sql_name()}")  # type: ignore[attr-defined]


@rule(exp.TableSample)
def _sample(rewriter: Rewriter, node: exp.TableSample) -> exp.Expression:
    if node.args.get("size") is not None:
        node.set("method", None)
    return node


@rule(exp.Lateral)
def _lateral(rewriter: Rewriter, node: exp.Lateral) -> exp.Expression:
    """FLATTEN as a lateral query over DuckDB's json_each."""
    explode = node.this
    if not isinstance(explode, exp.Explode):
        return node
    given: dict[str, exp.Expression] = {}
    for argument in [explode.this, *explode.expressions]:
        if isinstance(argument, exp.Kwarg):
            given[argument.this.name.upper()] = argument.expression
        else:
            given["INPUT"] = argument
    unknown = set(given) - {"INPUT", "PATH", "OUTER", "RECURSIVE", "MODE"}
    if unknown or (isinstance(given.get("RECURSIVE"), exp.Boolean) and given["RECURSIVE"].this):
        raise not_supported("FLATTEN with RECURSIVE or an unknown argument")
    mode = given["MODE"].name.upper() if "MODE" in given else "BOTH"
    if mode != "BOTH":
        raise not_supported(f"FLATTEN with MODE => '{mode}'")
    value = given["INPUT"].copy()
    if "PATH" in given:
        value = call("JSON_EXTRACT", value, exp.Literal.string("$." + given["PATH"].name))
    query = sqlglot.parse_one(
        """SELECT 1 AS "SEQ", CASE WHEN JSON_TYPE(mb_input) = 'OBJECT' THEN "key" END AS "KEY",
                  CASE WHEN JSON_TYPE(mb_input) = 'OBJECT' THEN "key" ELSE '[' || "key" || ']' END AS "PATH",
                  CASE WHEN JSON_TYPE(mb_input) = 'ARRAY' THEN CAST("key" AS BIGINT) END AS "INDEX",
                  value AS "VALUE", mb_input AS "THIS"
           FROM JSON_EACH(CASE WHEN JSON_TYPE(mb_input) IN ('OBJECT', 'ARRAY') THEN mb_input END)""",
        read="duckdb",
    )
    for column in list(query.find_all(exp.Column)):
        if column.name == "mb_input":
            column.replace(value.copy())
    names = node.args["alias"].this
    table = exp.Lateral(
        this=exp.Subquery(this=query),
        alias=exp.TableAlias(this=names.copy()),
    )
    outer = given.get("OUTER")
    if isinstance(outer, exp.Boolean) and outer.this:
        table.meta["outer"] = True
    return table


@rule(exp.Join)
def _join(rewriter: Rewriter, node: exp.Join) -> exp.Expression:
    if isinstance(node.this, exp.Lateral) and node.this.meta.get("outer"):
        return exp.Join(this=node.this.copy(), side="LEFT", on=exp.true())
    return node


@rule(exp.Anonymous)
def _anonymous(rewriter: Rewriter, node: exp.Anonymous) -> exp.Expression:
    if node.meta.get("translated"):
        return node
    return functions.translate(node)
