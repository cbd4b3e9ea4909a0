"""MERGE."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow.compute as pc
from sqlglot import exp

from airflow_provider_mediabatch.local.errors import syntax_error
from airflow_provider_mediabatch.local.session.access import require_table_privilege
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql.dml import (
    assigned,
    changed,
    columns_of,
    refuse_arrays,
    set_value,
    target_of,
    write_locked,
)
from airflow_provider_mediabatch.local.sql.handlers import handles
from airflow_provider_mediabatch.local.sql.insert import check_width
from airflow_provider_mediabatch.local.sql.translate import Translation
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.stores.tables.table import Table, TableColumn


@handles(exp.Merge)
def merge(ctx: Context, tree: exp.Expr) -> Result:
    """``MERGE INTO t USING s ON … WHEN …``; a target row that several source rows match is error 100090."""
    refuse_arrays(ctx)
    translation = Translation(ctx)
    target = target_of(translation, tree.this, "SELECT")
    tree = translation.resolve_names(tree)
    whens = [_When(when, target) for when in tree.args["whens"].expressions]
    for when in whens:
        require_table_privilege(ctx, when.action, target)
    expressions = [tree.args["on"]] + [e for when in whens for e in when.expressions]
    done, found = translation.expressions(expressions, [tree.this, tree.args["using"]], [])
    values = iter(done[1:])
    made = exp.Merge(
        this=found[0].this,
        using=found[1].this,
        on=done[0],
        whens=exp.Whens(expressions=[when.translated(values) for when in whens]),
        returning=exp.Returning(expressions=[exp.column("merge_action")]),
    )
    sql = translation.sql(made)
    counts = {"INSERT": 0, "UPDATE": 0, "DELETE": 0}

    def work(connection: duckdb.DuckDBPyConnection) -> int:
        for action in counts:
            counts[action] = 0
        for batch in connection.sql(sql).to_arrow_reader(100_000):
            for action in counts:
                counts[action] += pc.sum(pc.equal(batch.column(0), action)).as_py() or 0
        return sum(counts.values())

    write_locked(ctx, translation, target, work)
    words = {"INSERT": "rows inserted", "UPDATE": "rows updated", "DELETE": "rows deleted"}
    used = [action for action in counts if any(when.action == action for when in whens)]
    return changed([words[a] for a in used], [counts[a] for a in used], 13312)


class _When:
    """One WHEN clause of a MERGE: its expressions go out to be translated and come back in the same order."""

    def __init__(self, node: exp.When, target: Table) -> None:
        self.node = node
        self.condition = node.args.get("condition")
        then = node.args["then"]
        self.columns: list[TableColumn] = []
        self.values: list[exp.Expr] = []
        if isinstance(then, exp.Update):
            self.action = "UPDATE"
            self.columns = columns_of(target, [a.this.name for a in then.expressions])
            self.values = [a.expression for a in then.expressions]
        elif isinstance(then, exp.Insert):
            self.action = "INSERT"
            listed = then.this.expressions if isinstance(then.this, exp.Tuple) else None
            self.columns = columns_of(target, [c.name for c in listed] if listed else None)
            given = then.expression
            self.values = list(given.expressions) if isinstance(given, exp.Tuple) else [given]
            check_width(len(self.values), self.columns)
        elif then.name.upper() == "DELETE":
            self.action = "DELETE"
        else:
            raise syntax_error(f"unexpected {then.sql('snowflake')} in MERGE")

    @property
    def expressions(self) -> list[exp.Expr]:
        return ([self.condition] if self.condition is not None else []) + self.values

    def translated(self, done: Any) -> exp.When:
        condition = next(done) if self.condition is not None else None
        values = [assigned(next(done), column) for column in self.columns]
        then: exp.Expr
        if self.action == "UPDATE":
            then = exp.Update(expressions=[set_value(c, v) for c, v in zip(self.columns, values, strict=True)])
        elif self.action == "INSERT":
            names: list[exp.Expr] = [exp.column(c.name, quoted=True) for c in self.columns]
            then = exp.Insert(this=exp.Tuple(expressions=names), expression=exp.Tuple(expressions=values))
        else:
            then = exp.Var(this="DELETE")
        return exp.When(matched=self.node.args.get("matched"), source=False, condition=condition, then=then)
