"""Functions of ARRAY and OBJECT that make another one: each is a macro of the same name.

Source: the functions' pages in Snowflake's reference. Two elements are equal when their JSON is; ARRAY_INTERSECTION and
ARRAY_EXCEPT count how often an element occurs.
"""

from __future__ import annotations

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.sql.casts import cast, text
from airflow_provider_mediabatch.local.sql.expression_types import is_semi_structured, kind
from airflow_provider_mediabatch.local.sql.functions import FUNCTIONS, call
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter, rule
from airflow_provider_mediabatch.local.sql.semi_structured import as_json
from airflow_provider_mediabatch.local.sql.types import parse


def _array(node: exp.Expr) -> exp.Expr:
    return node.copy() if is_semi_structured(node) else cast(node, parse("ARRAY"))


def _element(node: exp.Expr) -> exp.Expr:
    """A value as an element; NULL is one too."""
    return exp.Coalesce(this=as_json(node), expressions=[call("JSON", exp.Literal.string("null"))])


def _index(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), "BIGINT")


@rule(exp.ArrayAppend)
def _append(rewriter: Rewriter, node: exp.ArrayAppend) -> exp.Expr:
    return call("MB_ARRAY_APPEND", _array(node.this), _element(node.expression))


@rule(exp.ArrayPrepend)
def _prepend(rewriter: Rewriter, node: exp.ArrayPrepend) -> exp.Expr:
    return call("MB_ARRAY_PREPEND", _array(node.this), _element(node.expression))


@rule(exp.ArrayConcat)
def _concatenate(rewriter: Rewriter, node: exp.ArrayConcat) -> exp.Expr:
    made = _array(node.this)
    for other in node.expressions:
        made = call("MB_ARRAY_CAT", made, _array(other))
    return made


_OF_ONE = {
    exp.ArrayCompact: "MB_ARRAY_COMPACT",
    exp.ArrayDistinct: "MB_ARRAY_DISTINCT",
    exp.ArrayMax: "MB_ARRAY_MAX",
    exp.ArrayMin: "MB_ARRAY_MIN",
    exp.ArrayReverse: "MB_ARRAY_REVERSE",
    exp.Flatten: "MB_ARRAY_FLATTEN",
}


@rule(*_OF_ONE)
def _of_one(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    return call(_OF_ONE[type(node)], _array(node.this))


@rule(exp.ArrayInsert)
def _insert(rewriter: Rewriter, node: exp.ArrayInsert) -> exp.Expr:
    return call("MB_ARRAY_INSERT", _array(node.this), _index(node.args["position"]), _element(node.expression))


@rule(exp.ArrayPosition)
def _position(rewriter: Rewriter, node: exp.ArrayPosition) -> exp.Expr:
    return call("MB_ARRAY_POSITION", _array(node.this), _element(node.expression))


@rule(exp.ArraySlice)
def _slice(rewriter: Rewriter, node: exp.ArraySlice) -> exp.Expr:
    return call("MB_ARRAY_SLICE", _array(node.this), _index(node.args["start"]), _index(node.args["end"]))


@rule(exp.ArrayRemove)
def _remove(rewriter: Rewriter, node: exp.ArrayRemove) -> exp.Expr:
    return call("MB_ARRAY_REMOVE", _array(node.this), as_json(node.expression))


@rule(exp.ArrayRemoveAt)
def _remove_at(rewriter: Rewriter, node: exp.ArrayRemoveAt) -> exp.Expr:
    return call("MB_ARRAY_REMOVE_AT", _array(node.this), _index(node.args["position"]))


@rule(exp.ArrayIntersect)
def _intersection(rewriter: Rewriter, node: exp.ArrayIntersect) -> exp.Expr:
    return call("MB_ARRAY_INTERSECTION", *(_array(each) for each in node.expressions))


@rule(exp.ArrayExcept)
def _except(rewriter: Rewriter, node: exp.ArrayExcept) -> exp.Expr:
    return call("MB_ARRAY_EXCEPT", _array(node.this), _array(node.expression))


@rule(exp.ArrayOverlaps)
def _overlap(rewriter: Rewriter, node: exp.ArrayOverlaps) -> exp.Expr:
    return call("MB_ARRAYS_OVERLAP", _array(node.this), _array(node.expression))


@rule(exp.ArraySort)
def _sort(rewriter: Rewriter, node: exp.ArraySort) -> exp.Expr:
    """Ascending with nulls at the end, or descending with nulls first, unless it is said otherwise."""
    ascending = node.args.get("asc") or exp.true()
    nulls_first = node.args.get("nulls_first") or exp.Not(this=ascending.copy())
    return call("MB_ARRAY_SORT", _array(node.this), ascending.copy(), nulls_first.copy())


@rule(exp.ArraysZip)
def _zip(rewriter: Rewriter, node: exp.ArraysZip) -> exp.Expr:
    arrays = [call("MB_ITEMS", _array(each)) for each in node.expressions]
    fields = ", ".join(f"'${i}': p[{i}]" for i in range(1, len(arrays) + 1))
    return call("TO_JSON", call("LIST_TRANSFORM", call("LIST_ZIP", *arrays), exp.Var(this=f"lambda p: {{{fields}}}")))


@rule(exp.ArrayConstructCompact)
def _construct_compact(rewriter: Rewriter, node: exp.ArrayConstructCompact) -> exp.Expr:
    return call("MB_ARRAY_COMPACT", call("TO_JSON", exp.Array(expressions=[_element(e) for e in node.expressions])))


@rule(exp.ArrayUniqueAgg)
def _unique_agg(rewriter: Rewriter, node: exp.ArrayUniqueAgg) -> exp.Expr:
    if isinstance(node.parent, exp.Window):
        raise not_supported("ARRAY_UNIQUE_AGG as a window function")
    listed = call("LIST", exp.Distinct(expressions=[as_json(node.this)]))
    return call(
        "MB_ARRAY_COMPACT",
        exp.Coalesce(this=call("TO_JSON", listed), expressions=[call("JSON", exp.Literal.string("[]"))]),
    )


@rule(exp.GenerateSeries, exp.StrtokToArray)
def _listed(rewriter: Rewriter, node: exp.Func) -> exp.Expr:
    rewriter.unwrap(node, numeric=False)
    if isinstance(node, exp.GenerateSeries):
        for name in ("start", "end", "step"):
            if node.args.get(name) is not None:
                node.set(name, _index(node.args[name]))
    return call("TO_JSON", node.copy())


@rule(exp.ObjectInsert)
def _object_insert(rewriter: Rewriter, node: exp.ObjectInsert) -> exp.Expr:
    renew = node.args.get("update_flag") or exp.false()
    return call(
        "MB_OBJECT_INSERT", node.this.copy(), text(node.args["key"].copy()), as_json(node.args["value"]), renew.copy()
    )


def keys(arguments: list[exp.Expr]) -> exp.Expr:
    """The names given to OBJECT_DELETE and OBJECT_PICK: each by itself, or for OBJECT_PICK an array of them."""
    if len(arguments) == 1 and kind(arguments[0]) == exp.DType.ARRAY:
        return call("JSON_EXTRACT_STRING", arguments[0].copy(), exp.Literal.string("$[*]"))
    return exp.Array(expressions=[text(each.copy()) for each in arguments])


FUNCTIONS["TO_OBJECT"] = lambda given: cast(given[0], parse("OBJECT"))
FUNCTIONS["OBJECT_DELETE"] = lambda given: call("MB_OBJECT_DELETE", given[0], keys(given[1:]))
FUNCTIONS["OBJECT_PICK"] = lambda given: call("MB_OBJECT_PICK", given[0], keys(given[1:]))
