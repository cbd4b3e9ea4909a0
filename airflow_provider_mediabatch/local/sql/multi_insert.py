"""INSERT ALL and INSERT FIRST: the rows of one query into several tables.

Source: Snowflake's reference, page "INSERT (multi-table)".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
from sqlglot import exp

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import syntax_error
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.sql.dml import assigned, changed, columns_of, execute, refuse_arrays, target_of
from airflow_provider_mediabatch.local.sql.handlers import handles
from airflow_provider_mediabatch.local.sql.insert import check_width, computed
from airflow_provider_mediabatch.local.sql.parse import OVERWRITE
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result, Stats
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn

_STATEMENT_TYPE = 13568


@dataclass
class _Into:
    """One INTO clause.

    :param target: its table.
    :param columns: of the table, those that get a value.
    :param values: for them, with the names of the query; None: the query's columns in their order.
    :param group: the number of the WHEN that it belongs to, -1 in ELSE.
    """

    target: Table
    columns: list[TableColumn]
    values: list[exp.Expr] | None
    group: int


@handles(exp.MultitableInserts)
def insert_several(ctx: Context, tree: exp.Expr) -> Result:
    """``INSERT [OVERWRITE] {ALL | FIRST} [WHEN … THEN] INTO … [ELSE INTO …] <query>``."""
    refuse_arrays(ctx)
    translation = Translation(ctx)
    conditions, clauses = _clauses(translation, tree)
    # The query's own columns, then the conditions, then the values of every clause.
    given = [*conditions, *(value for clause in clauses for value in clause.values or [])]
    named = [exp.alias_(each.copy(), f"MB_{number}", quoted=True) for number, each in enumerate(given)]
    source = exp.Subquery(this=tree.args["source"].copy(), alias=exp.TableAlias(this=exp.to_identifier("MB_ROWS")))
    prepared = translation.resolve_names(exp.Select(expressions=[exp.Star(), *named]).from_(source, copy=False))
    query = translation.query(prepared)
    assert isinstance(query, exp.Query)
    listed = [exp.column(f"C{number}", quoted=True) for number in range(len(query.selects))]
    for column, projection in zip(listed, query.selects, strict=True):
        column.type = projection.type
    own = listed[: len(listed) - len(given)]
    tests = [f"C{len(own) + number}" for number in range(len(conditions))]
    values = iter(listed[len(own) + len(conditions) :])
    first = tree.args.get("kind") == "FIRST"
    inserts: list[tuple[Table, str, str]] = []
    for clause in clauses:
        row = own if clause.values is None else [next(values) for _ in clause.values]
        check_width(len(row), clause.columns)
        cells = [translation.sql(assigned(v.copy(), c)) for v, c in zip(row, clause.columns, strict=True)]
        names = ", ".join(quoted(column.name) for column in clause.columns)
        into = f"INSERT INTO {clause.target.sql} ({names}) SELECT {', '.join(cells)}"
        inserts.append((clause.target, into, _chosen(clause.group, tests, first)))
    names = ", ".join(quoted(f"C{number}") for number in range(len(listed)))
    sql = f"SELECT * FROM ({translation.sql(query)}) AS mb_rows ({names})"
    overwrite = bool(tree.meta.get(OVERWRITE))
    targets = {target.physical: target for target, _, _ in inserts}
    inserted, deleted = dict.fromkeys(targets, 0), 0

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        nonlocal deleted
        inserted.update(dict.fromkeys(inserted, 0))
        with computed(connection, sql) as aside:
            emptied = [execute(connection, f"DELETE FROM {each.sql}") for each in targets.values() if overwrite]
            deleted = sum(emptied)
            for target, into, chosen in inserts:
                inserted[target.physical] += execute(connection, f"{into} FROM {aside} WHERE {chosen}")
        return sum(inserted.values())

    transactions.of(ctx.session).write(
        ctx,
        work,
        targets=set(targets),
        reads=translation.reads,
        exclusive=overwrite,
        repeatable=translation.repeatable,
    )
    columns = [f"rows inserted into {target.name}" for target in targets.values()]
    answer, count = changed(columns, list(inserted.values()), _STATEMENT_TYPE), sum(inserted.values())
    return replace(answer, stats=Stats(count, deleted) if count or deleted else None)


def _clauses(translation: Translation, tree: exp.Expr) -> tuple[list[exp.Expr], list[_Into]]:
    """The conditions of the WHENs, and the INTO clauses."""
    conditions: list[exp.Expr] = []
    clauses: list[_Into] = []
    group = 0
    for node in tree.expressions:
        if node.args.get("expression") is not None:
            group = len(conditions)
            conditions.append(node.expression)
        elif node.args.get("else_"):
            group = -1
        into, listed = node.this.this, None
        if isinstance(into, exp.Schema):
            listed = [i.name if i.args.get("quoted") else i.name.upper() for i in into.expressions]
            into = into.this
        target = target_of(translation, into, "INSERT")
        columns, rows = columns_of(target, listed), node.this.args.get("expression")
        if rows is None:
            clauses.append(_Into(target, columns, None, group))
            continue
        row = rows.expressions[0]
        cells = row.expressions if isinstance(row, exp.Tuple) else [row]
        check_width(len(cells), columns)
        kept = [pair for pair in zip(columns, cells, strict=True) if not _is_default(pair[1])]
        clauses.append(_Into(target, [column for column, _ in kept], [cell for _, cell in kept], group))
    if tree.args.get("kind") == "FIRST" and not conditions:
        raise syntax_error("INSERT FIRST needs a WHEN clause")
    return conditions, clauses


def _is_default(cell: exp.Expr) -> bool:
    return isinstance(cell, exp.Var | exp.Column) and cell.name.upper() == "DEFAULT"


def _chosen(group: int, tests: list[str], first: bool) -> str:
    """Which rows a clause takes, in DuckDB's SQL.

    :param tests: the columns with what the conditions say.
    """
    if not tests:
        return "TRUE"
    before = tests if group == -1 else tests[:group] if first else []
    wanted = [] if group == -1 else [f'"{tests[group]}"']
    return " AND ".join([*wanted, *(f'"{test}" IS NOT TRUE' for test in before)]) or "TRUE"
