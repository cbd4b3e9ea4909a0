"""Running ordinary SQL: which part of the package answers which statement, and queries themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from sqlglot import exp

from airflow_provider_mediabatch.local.errors import cancelled, not_supported
from airflow_provider_mediabatch.local.sql import transactions, types
from airflow_provider_mediabatch.local.sql.annotate import is_semi
from airflow_provider_mediabatch.local.sql.errors import translated
from airflow_provider_mediabatch.local.sql.parse import parse
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Column, Result

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.context import Context

Handler = Callable[["Context", exp.Expr], Result]
_handlers: dict[type[exp.Expr], Handler] = {}
_loaded = threading.Event()


def handles(*classes: type[exp.Expr]) -> Callable[[Handler], Handler]:
    """Register what answers a kind of statement, by sqlglot's class."""

    def register(handler: Handler) -> Handler:
        for each in classes:
            _handlers[each] = handler
        return handler

    return register


def run_sql(ctx: Context, sql: str) -> Result:
    """Run one statement of ordinary SQL.

    :raises SnowflakeError: with Snowflake's code; ``not supported by the local engine`` for what is not translated.
    """
    if not _loaded.is_set():
        from airflow_provider_mediabatch.local.sql import alter as alter
        from airflow_provider_mediabatch.local.sql import information_schema as information_schema
        from airflow_provider_mediabatch.local.sql import merge as merge

        _loaded.set()
    tree = parse(sql)
    with translated(ctx):
        if isinstance(tree, exp.Query | exp.Values):
            return _select(ctx, tree)
        handler = _handlers.get(type(tree))
        if handler is None:
            raise not_supported(f"the statement {sql.strip()[:100]}")
        return handler(ctx, tree)


def translate(ctx: Context, sql: str) -> str:
    """A SELECT as DuckDB SQL that runs on the session's connection, for statements that embed a query.

    What it refers to is made visible to this statement before it returns.
    """
    with translated(ctx):
        text, _ = _translate(ctx, parse(sql))
        return text


def query(ctx: Context, sql: str) -> tuple[list[Column], pa.RecordBatchReader]:
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
    translation = Translation(ctx)
    done = translation.query(translation.prepare(tree))
    text = translation.sql(done)
    transactions.of(ctx.session).before_read(translation.reads)
    return text, done


def _select(ctx: Context, tree: exp.Expr) -> Result:
    text, done = _translate(ctx, tree)
    relation = ctx.session.duckdb.sql(text)
    columns = described(relation, done)
    if ctx.cancelled.is_set():
        raise cancelled()
    table = (relation.limit(0) if ctx.describe_only else relation).to_arrow_table()
    transactions.of(ctx.session).after_read()
    return Result(columns, table.rename_columns([f"c{i}" for i in range(len(columns))]))


def described(relation: duckdb.DuckDBPyRelation, tree: exp.Expr | None = None) -> list[Column]:
    """The result columns of a DuckDB query; Snowflake's own type where DuckDB knows only JSON.

    :param tree: the translated query, whose projections have Snowflake's types.
    """
    projections = tree.selects if isinstance(tree, exp.Query) else []
    columns = []
    for index, (name, stored) in enumerate(zip(relation.columns, relation.types, strict=True)):
        kind = types.from_duckdb(str(stored))
        if kind == "VARIANT" and len(projections) == len(relation.columns) and is_semi(projections[index]):
            kind = types.snowflake(projections[index].type or exp.DataType.build("VARIANT", dialect="snowflake"))
        columns.append(types.column(name, kind))
    return columns
