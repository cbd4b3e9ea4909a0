"""VARIANT, OBJECT and ARRAY in DuckDB: all three are JSON."""

from __future__ import annotations

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.sql import types
from airflow_provider_mediabatch.local.sql.casts import cast, text, whole
from airflow_provider_mediabatch.local.sql.expression_types import is_exact, is_numeric, is_semi_structured, kind
from airflow_provider_mediabatch.local.sql.functions import call
from airflow_provider_mediabatch.local.sql.patterns import take_multiline
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter, around_window, rule


def _path(parts: list[exp.Expr]) -> str:
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


def _check_semi(node: exp.Expr) -> None:
    if kind(node) in types.TEXTS or is_numeric(node):
        given = types.snowflake(node.type) if node.type is not None else "?"
        raise SnowflakeError(
            1044, "42P13", f"SQL compilation error:\nInvalid argument types for function 'GET': ({given}, VARCHAR)"
        )


@rule(exp.JSONExtract)
def _extract(rewriter: Rewriter, node: exp.JSONExtract) -> exp.Expr:
    _check_semi(node.this)
    path = node.expression
    if not isinstance(path, exp.JSONPath):
        raise not_supported("a path that is not a constant")
    return call("JSON_EXTRACT", node.this.copy(), exp.Literal.string(_path(path.expressions)))


@rule(exp.GetExtract)
def _get(rewriter: Rewriter, node: exp.GetExtract) -> exp.Expr:
    return _element(node.this, node.expression)


@rule(exp.Bracket)
def _bracket(rewriter: Rewriter, node: exp.Bracket) -> exp.Expr:
    return _element(node.this, node.expressions[0])


def _element(value: exp.Expr, key: exp.Expr) -> exp.Expr:
    _check_semi(value)
    if isinstance(key, exp.Literal):
        path = _member(key.name) if key.is_string else f"$[{key.name}]"
        return call("JSON_EXTRACT", value.copy(), exp.Literal.string(path))
    if is_exact(key):
        # DuckDB counts negative indexes from the end; in Snowflake nothing is there.
        found = call("JSON_EXTRACT", value.copy(), exp.cast(key.copy(), "BIGINT"))
        return exp.If(this=exp.GTE(this=key.copy(), expression=exp.Literal.number(0)), true=found, false=exp.null())
    quoted = exp.Concat(expressions=[exp.Literal.string('$."'), text(key.copy()), exp.Literal.string('"')])
    return call("JSON_EXTRACT", value.copy(), quoted)


def _member(name: str) -> str:
    """Where DuckDB finds a member of an object.

    Its paths have no empty name, and take ``*`` for all members. Its pointers take digits for a place in an array.
    """
    if name.isdigit():
        return f'$."{name}"'
    return "/" + name.replace("~", "~0").replace("/", "~1")


@rule(exp.ParseJSON)
def _parse_json(rewriter: Rewriter, node: exp.ParseJSON) -> exp.Expr:
    mode = node.args.get("expression")
    if mode is not None and mode.name != "s":
        raise not_supported(f"PARSE_JSON with the parameter '{mode.name}'")
    if is_semi_structured(node.this):
        return node.this.copy()  # type: ignore[no-any-return]
    source = exp.Nullif(this=exp.Trim(this=text(node.this.copy())), expression=exp.Literal.string(""))
    return call("MB_TRY_PARSED_JSON" if node.args.get("safe") else "MB_PARSED_JSON", source)


@rule(exp.ToVariant)
def _to_variant(rewriter: Rewriter, node: exp.ToVariant) -> exp.Expr:
    return as_json(node.this)


@rule(exp.JSONFormat)
def _to_json(rewriter: Rewriter, node: exp.JSONFormat) -> exp.Expr:
    return exp.cast(as_json(node.this), "TEXT")


def as_json(node: exp.Expr) -> exp.Expr:
    """Any value as a VARIANT."""
    if is_semi_structured(node):
        return node.copy()
    if kind(node) in types.TIMESTAMPS | types.BINARIES:
        node = text(node.copy())
    return call("TO_JSON", whole(node))


@rule(exp.Struct)
def _object(rewriter: Rewriter, node: exp.Struct) -> exp.Expr:
    entries = []
    for entry in node.expressions:
        key = entry.this
        if isinstance(key, exp.Identifier):
            key = exp.Literal.string(key.name)
        entries.append(_entry(key, entry.expression))
    if not entries:
        return call("JSON", exp.Literal.string("{}"))
    return call("MB_OBJECT", exp.Array(expressions=entries))


def _entry(key: exp.Expr, value: exp.Expr) -> exp.Expr:
    """A key and a value as MB_OBJECT takes them."""
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier("k"), expression=text(key.copy())),
            exp.PropertyEQ(this=exp.to_identifier("v"), expression=as_json(value)),
        ]
    )


@rule(exp.JSONObject)
def _object_with_nulls(rewriter: Rewriter, node: exp.JSONObject) -> exp.Expr:
    """OBJECT_CONSTRUCT_KEEP_NULL: a value may be NULL, a key that is NULL is left out."""
    if any(not isinstance(pair, exp.JSONKeyValue) for pair in node.expressions):
        raise not_supported("OBJECT_CONSTRUCT_KEEP_NULL(*): name the columns")
    null = call("JSON", exp.Literal.string("null"))
    entries = [
        exp.Struct(
            expressions=[
                exp.PropertyEQ(this=exp.to_identifier("k"), expression=text(pair.this.copy())),
                exp.PropertyEQ(
                    this=exp.to_identifier("v"),
                    expression=exp.Coalesce(this=as_json(pair.expression), expressions=[null.copy()]),
                ),
            ]
        )
        for pair in node.expressions
    ]
    if not entries:
        return call("JSON", exp.Literal.string("{}"))
    return call("MB_OBJECT", exp.Array(expressions=entries))


@rule(exp.GetIgnoreCase)
def _get_ignore_case(rewriter: Rewriter, node: exp.GetIgnoreCase) -> exp.Expr:
    _check_semi(node.this)
    return call("MB_GET_IGNORE_CASE", node.this.copy(), text(node.expression.copy()))


@rule(exp.StarMap)
def _star_object(rewriter: Rewriter, node: exp.StarMap) -> exp.Expr:
    raise not_supported("OBJECT_CONSTRUCT(*): name the columns")


@rule(exp.ObjectAgg)
def _object_agg(rewriter: Rewriter, node: exp.ObjectAgg) -> exp.Expr:
    if isinstance(node.parent, exp.Window):
        raise not_supported("OBJECT_AGG as a window function")
    entries = call("LIST", _entry(node.this, node.expression))
    empty = call("JSON", exp.Literal.string("{}"))
    return exp.Coalesce(this=call("MB_OBJECT", entries), expressions=[empty])


@rule(exp.Array)
def _array(rewriter: Rewriter, node: exp.Array) -> exp.Expr:
    items = [
        exp.Coalesce(this=as_json(item), expressions=[call("JSON", exp.Literal.string("null"))])
        for item in node.expressions
    ]
    if not items:
        return call("JSON", exp.Literal.string("[]"))
    return call("TO_JSON", exp.Array(expressions=items))


@rule(exp.ArrayAgg)
def _array_agg(rewriter: Rewriter, node: exp.ArrayAgg) -> exp.Expr:
    empty = call("JSON", exp.Literal.string("[]"))
    return around_window(node, lambda n: exp.Coalesce(this=call("TO_JSON", n), expressions=[empty.copy()]))


@rule(exp.GroupConcat)
def _listagg(rewriter: Rewriter, node: exp.GroupConcat) -> exp.Expr:
    rewriter.unwrap(node, numeric=False)
    return around_window(node, lambda n: exp.Coalesce(this=n, expressions=[exp.Literal.string("")]))


@rule(exp.ArraySize)
def _array_size(rewriter: Rewriter, node: exp.ArraySize) -> exp.Expr:
    return exp.If(
        this=exp.EQ(this=call("JSON_TYPE", node.this.copy()), expression=exp.Literal.string("ARRAY")),
        true=call("JSON_ARRAY_LENGTH", node.this.copy()),
        false=exp.null(),
    )


@rule(exp.Typeof)
def _typeof(rewriter: Rewriter, node: exp.Typeof) -> exp.Expr:
    return call("MB_TYPEOF", as_json(node.this))


@rule(exp.IsNullValue)
def _is_null_value(rewriter: Rewriter, node: exp.IsNullValue) -> exp.Expr:
    return exp.EQ(this=call("JSON_TYPE", node.this.copy()), expression=exp.Literal.string("NULL"))


@rule(exp.IsArray)
def _is_array(rewriter: Rewriter, node: exp.IsArray) -> exp.Expr:
    return exp.EQ(this=call("JSON_TYPE", as_json(node.this)), expression=exp.Literal.string("ARRAY"))


@rule(exp.StripNullValue)
def _strip_null(rewriter: Rewriter, node: exp.StripNullValue) -> exp.Expr:
    return exp.If(
        this=exp.EQ(this=call("JSON_TYPE", node.this.copy()), expression=exp.Literal.string("NULL")),
        true=exp.null(),
        false=node.this.copy(),
    )


@rule(exp.JSONKeys)
def _keys(rewriter: Rewriter, node: exp.JSONKeys) -> exp.Expr:
    return call("TO_JSON", call("JSON_KEYS", node.this.copy()))


@rule(exp.ToArray)
def _to_array(rewriter: Rewriter, node: exp.ToArray) -> exp.Expr:
    return cast(node.this, types.parse("ARRAY"))


@rule(exp.ArrayContains)
def _array_contains(rewriter: Rewriter, node: exp.ArrayContains) -> exp.Expr:
    items = call("JSON_EXTRACT", node.this.copy(), exp.Literal.string("$[*]"))
    return call("LIST_CONTAINS", items, as_json(node.expression))


@rule(exp.ArrayToString)
def _array_to_string(rewriter: Rewriter, node: exp.ArrayToString) -> exp.Expr:
    return call("MB_ARRAY_TEXT", node.this.copy(), node.expression.copy())


@rule(exp.Split, exp.RegexpExtractAll)
def _split(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    rewriter.unwrap(node, numeric=False)
    take_multiline(node)
    return call("TO_JSON", node.copy())
