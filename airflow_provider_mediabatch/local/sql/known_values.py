"""What is known of the values of result columns: whether they can be NULL, and whether their range is known.

Only what is sure is not nullable: constants, columns that are NOT NULL, counts, and operators on these. Snowpark makes
NOT NULL columns of such results when it saves them as a table.

Source: snowpark-python, tests/integ/test_datatypes.py and tests/integ/scala/test_dataframe_suite.py, which compare the
schemas of results.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlglot import exp

from airflow_provider_mediabatch.local.sql.expression_types import is_semi_structured
from airflow_provider_mediabatch.local.stores.tables.table import Table

CAN_BE_NULL = "can_be_null"
"""Where the ``meta`` of a function that is not Snowflake's own tells which of its arguments can be NULL."""
Tables = Mapping[tuple[str, str], Table]


class Known(NamedTuple):
    """What is known of a column's values.

    :param nullable: there can be NULL among them.
    :param ranged: they are those of a table's column as they are, or constants, so that their range is known.
    """

    nullable: bool = True
    ranged: bool = False


Relation = dict[str, Known]
"""What is known of the columns of a source, by their names."""

_NOTHING = Known()

_NEVER = (
    exp.Literal,
    exp.RawString,
    exp.Boolean,
    exp.Count,
    exp.CountIf,
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.CurrentTimestamp,
    *(exp.Seq1, exp.Seq2, exp.Seq4, exp.Seq8, exp.Rand, exp.Randstr),
)
_STRICT = (
    *(exp.Paren, exp.Neg, exp.Not, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe, exp.And, exp.Or),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between),
)
"""NULL when an operand is, and only then."""


def known_columns(query: exp.Expr, tables: Tables, common: Mapping[str, Relation] | None = None) -> list[Known]:
    """What is known of each result column of a query.

    :param query: with qualified columns and types.
    :param tables: the tables that it refers to, by their place in DuckDB.
    :param common: the queries of the WITH clauses around it.
    """
    common = dict(common or {})
    clause = query.args.get("with_")
    if clause is not None and not clause.args.get("recursive"):
        for cte in clause.expressions:
            common[cte.alias] = _named(cte.this, cte.args.get("alias"), tables, common)
    if isinstance(query, exp.Subquery):
        return known_columns(query.this, tables, common)
    if isinstance(query, exp.SetOperation):
        left, right = (known_columns(side, tables, common) for side in (query.this, query.expression))
        return [Known(a.nullable or b.nullable, a.ranged and b.ranged) for a, b in zip(left, right, strict=False)]
    if not isinstance(query, exp.Select):
        return []
    group = query.args.get("group")
    if group is not None and group.find(exp.Rollup, exp.Cube, exp.GroupingSets):
        return [_NOTHING] * len(query.expressions)
    sources = _sources(query, tables, common)
    for each in query.expressions:
        for node in each.find_all(exp.Anonymous):
            node.meta[CAN_BE_NULL] = [_nullable(argument, sources) for argument in node.expressions]
    return [Known(_nullable(each, sources), _ranged(each, sources)) for each in query.expressions]


def _named(query: exp.Expr, alias: exp.Expr | None, tables: Tables, common: Mapping[str, Relation]) -> Relation:
    given = [column.name for column in (alias.args.get("columns") or [])] if alias is not None else []
    names = given or (query.named_selects if isinstance(query, exp.Query) else [])
    return dict(zip(names, known_columns(query, tables, common), strict=False))


def _sources(select: exp.Select, tables: Tables, common: Mapping[str, Relation]) -> dict[str, Relation]:
    found: dict[str, Relation] = {}
    origin = select.args.get("from_")
    joins = select.args.get("joins") or []
    if origin is not None:
        found[origin.this.alias_or_name] = _relation(origin.this, tables, common)
        joins = [*(origin.this.args.get("joins") or []), *joins]
    for join in joins:
        side = join.side.upper()
        if side in ("RIGHT", "FULL"):
            found = {name: _optional(relation) for name, relation in found.items()}
        relation = _relation(join.this, tables, common)
        if side in ("LEFT", "FULL") or join.method or join.args.get("using"):
            relation = _optional(relation)
        found[join.this.alias_or_name] = relation
    return found


def _relation(source: exp.Expr, tables: Tables, common: Mapping[str, Relation]) -> Relation:
    if isinstance(source, exp.Subquery):
        return _named(source.this, source.args.get("alias"), tables, common)
    if isinstance(source, exp.Table):
        if not source.db and source.name in common:
            relation = common[source.name]
            alias = source.args.get("alias")
            names = [column.name for column in (alias.args.get("columns") or [])] if alias is not None else []
            return dict(zip(names, relation.values(), strict=False)) if names else relation
        table = tables.get((source.db, source.name))
        if table is None:
            return {}
        return {column.name: Known(column.nullable, table.kind == "TABLE") for column in table.columns}
    if isinstance(source, exp.Values):
        columns = zip(*(row.expressions for row in source.expressions if isinstance(row, exp.Tuple)), strict=False)
        known = [Known(any(_nullable(cell, {}) for cell in column)) for column in columns]
        return dict(zip(source.alias_column_names, known, strict=False))
    return {}


def _optional(relation: Relation) -> Relation:
    """A relation whose rows a join can leave out."""
    return {name: Known(True, known.ranged) for name, known in relation.items()}


def _ranged(node: exp.Expr, sources: Mapping[str, Relation]) -> bool:
    node = node.unalias()
    if isinstance(node, exp.Column):
        return sources.get(node.table, {}).get(node.name, _NOTHING).ranged
    return isinstance(node.this if isinstance(node, exp.Neg) else node, exp.Literal)


def _nullable(node: exp.Expr, sources: Mapping[str, Relation]) -> bool:
    if isinstance(node, exp.Alias):
        return _nullable(node.this, sources)
    if isinstance(node, exp.Column):
        return sources.get(node.table, {}).get(node.name, _NOTHING).nullable
    if isinstance(node, _NEVER):
        return False
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return is_semi_structured(node.this) or _nullable(node.this, sources)
    if isinstance(node, exp.Unhex):
        return _nullable(node.this, sources)
    if isinstance(node, _STRICT):
        return any(is_semi_structured(each) or _nullable(each, sources) for each in node.iter_expressions())
    if isinstance(node, exp.Coalesce):
        return all(_nullable(each, sources) for each in [node.this, *node.expressions])
    if isinstance(node, exp.Window):
        return not isinstance(node.this, _NEVER)
    return True
