"""Queries: a SELECT translated, run, and its columns described."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from sqlglot import exp

from airflow_provider_mediabatch.local.errors import cancelled, not_supported
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.comparisons import refuse_long_list
from airflow_provider_mediabatch.local.sql.errors import translated
from airflow_provider_mediabatch.local.sql.known_values import Known
from airflow_provider_mediabatch.local.sql.parse import parse
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context


def translate(ctx: Context, sql: str) -> str:
    """A SELECT as DuckDB SQL that runs on the session's connection, for statements that embed a query.

    What it refers to is made visible to this statement before it returns.
    """
    with translated(ctx):
        text, _ = _translate(ctx, parse(sql))
        return text


def query(ctx: Context, sql: str) -> tuple[list[ResultColumn], pa.RecordBatchReader]:
    """Run a SELECT and give its rows as a stream."""
    with translated(ctx):
        text, tree = _translate(ctx, parse(sql))
        relation = ctx.session.duckdb.sql(text)
        return described(relation, tree), relation.to_arrow_reader(100_000)


def _translate(ctx: Context, tree: exp.Expr) -> tuple[str, exp.Expr]:
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Query):
        raise not_supported("a statement other than a query here")
    for rows in tree.find_all(exp.Values):
        refuse_long_list(len(rows.expressions))
    translation = Translation(ctx)
    done = translation.query(translation.resolve_names(tree))
    text = translation.sql(done)
    transactions.of(ctx.session).before_read(translation.reads)
    return text, done


def select(ctx: Context, tree: exp.Expr) -> Result:
    """Run a SELECT, WITH, UNION or VALUES."""
    text, done = _translate(ctx, tree)
    relation = ctx.session.duckdb.sql(text)
    columns = described(relation, done)
    if ctx.cancelled.is_set():
        raise cancelled()
    table = (relation.limit(0) if ctx.describe_only else relation).to_arrow_table()
    transactions.of(ctx.session).after_read()
    return Result(columns, table.rename_columns([f"c{i}" for i in range(len(columns))]))


_OWN = {
    "VARIANT": types.SEMI_STRUCTURED,
    "TIMESTAMP_NTZ(9)": types.NTZ,
    "TIMESTAMP_LTZ(9)": types.LTZ | types.TZ,
    "TIME(9)": {exp.DType.TIME},
}
"""Types of DuckDB that stand for several of Snowflake's, and which."""


def result_types(relation: duckdb.DuckDBPyRelation, tree: exp.Expr | None = None) -> list[str]:
    """Snowflake's types of the columns of a DuckDB query, in full form.

    :param tree: as for :func:`described`.
    """
    projections = tree.selects if isinstance(tree, exp.Query) else []
    found = []
    for index, stored in enumerate(relation.types):
        kind = types.from_duckdb(str(stored))
        given = projections[index].type if len(projections) == len(relation.columns) else None
        if given is not None and given.this in _OWN.get(kind, ()):
            kind = types.snowflake(given)
        found.append(kind)
    return found


def described(relation: duckdb.DuckDBPyRelation, tree: exp.Expr | None = None) -> list[ResultColumn]:
    """The result columns of a DuckDB query; Snowflake's own type where DuckDB knows only JSON or has one precision.

    :param tree: the translated query, whose projections have Snowflake's types.
    """
    known = tree.meta.get("known", []) if tree is not None else []
    if len(known) != len(relation.columns):
        known = [Known()] * len(relation.columns)
    return [
        replace(types.column(name, kind), nullable=each.nullable, ranged=each.ranged)
        for name, kind, each in zip(relation.columns, result_types(relation, tree), known, strict=True)
    ]
