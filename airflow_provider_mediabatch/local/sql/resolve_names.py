"""The first half of a translation: names.

After it every table is a DuckDB table or a known relation, every identifier is quoted as Snowflake resolves it, bound
values and context functions are constants, and every result column has its name.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import SnowflakeError, does_not_exist, not_supported, syntax_error
from airflow_provider_mediabatch.local.session.access import require_table_privilege
from airflow_provider_mediabatch.local.sql import (
    functions,
    model_calls,
    pivots,
    staged_values,
    table_sources,
    time_formats,
    types,
)
from airflow_provider_mediabatch.local.sql.constants import Constants
from airflow_provider_mediabatch.local.sql.streams import replace_by_stream
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.tables.table import Table

SOURCE = "mb_source"
Ask = Callable[[exp.Select], tuple[list[str], Callable[[], list[tuple[Any, ...]]]]]
"""Gives the names of a query's columns, and what runs it."""
_REFUSED: dict[type[exp.Expr], str] = {
    exp.HistoricalData: "time travel (AT, BEFORE)",
    exp.Connect: "CONNECT BY",
    exp.MatchRecognize: "MATCH_RECOGNIZE",
    exp.Clone: "CLONE",
}


class NameResolver:
    """One statement's names.

    :param ask: describes a query that the statement depends on, and can run it.
    :param deferred: the expression is evaluated later, again and again (a view): times stay functions.
    :ivar tables: the tables that it refers to, by their place in DuckDB.
    :ivar relations: DuckDB queries by the token that represents each.
    :ivar schema: columns and types of all of them, for sqlglot.
    """

    def __init__(self, ctx: Context, ask: Ask, *, deferred: bool = False) -> None:
        self.ctx = ctx
        self._ask = ask
        self.constants = Constants(ctx, deferred=deferred)
        self.tables: dict[tuple[str, str], Table] = {}
        self.relations: dict[str, str] = {}
        self.schema: dict[str, dict[str, dict[str, str]]] = {}

    def resolve_statement(self, tree: exp.Expr) -> exp.Expr:
        """Resolve the names of a whole statement in place; returns its root."""
        for refused, what in _REFUSED.items():
            if tree.find(refused):
                raise not_supported(what)
        self._name_projections(tree)
        self._normalize(tree)
        tree = tree.transform(self.constants.replace, copy=False)
        time_formats.translate(tree)
        if tree.find(exp.Pivot):
            self._pivots(tree)
        for select in list(tree.find_all(exp.Select)):
            self._positions(select)
        for node in list(tree.find_all(exp.TableFromRows)):
            self._table_function(node)
        for method in list(tree.find_all(exp.ModelAttribute)):
            self._method(method)
        for table in list(tree.find_all(exp.Table)):
            self._table(table)
        for column in tree.find_all(exp.Column):
            # sqlglot would search for the schema of db.schema.table.column among Snowflake's names.
            column.set("db", None)
            column.set("catalog", None)
        return tree

    # Names of result columns.

    def _name_projections(self, tree: exp.Expr) -> None:
        for select in tree.find_all(exp.Select):
            texts = select.meta.pop("texts", [])
            for index, projection in enumerate(list(select.expressions)):
                if isinstance(projection, exp.Alias | exp.Column | exp.Star | exp.Aliases) or projection.is_star:
                    continue
                name = projection.sql("snowflake", comments=False)
                if len(texts) == len(select.expressions):
                    name = texts[index]
                name = name.upper()
                alias = exp.Alias(this=projection.copy(), alias=exp.to_identifier(name, quoted=True))
                projection.replace(alias)

    def _normalize(self, tree: exp.Expr) -> None:
        for identifier in tree.find_all(exp.Identifier):
            if isinstance(identifier.parent, exp.PropertyEQ) and identifier.arg_key == "this":
                identifier.set("quoted", True)  # the key of {'a': 1}, a string as it is written
            elif not identifier.args.get("quoted"):
                identifier.set("this", identifier.name.upper())
                identifier.set("quoted", True)

    # $1, $2 …

    def _positions(self, select: exp.Select) -> None:
        origin = select.args.get("from_")
        source = origin.this if origin is not None else None
        if source is not None and _is_stage(source):
            staged_values.unquote(select)
        parameters = [
            p for p in select.find_all(exp.Parameter) if p.find_ancestor(exp.Select) is select and p.name.isdigit()
        ]
        if isinstance(source, exp.Values):
            _name_values(source)
        for join in select.args.get("joins") or []:
            if isinstance(join.this, exp.Values):
                _name_values(join.this)
        if source is None or not parameters:
            return
        if _is_stage(source):
            self._staged(source)
            columns = self.schema[SOURCE][source.name]
            for parameter in parameters:
                staged_values.resolve(parameter, list(columns), source)
            return
        names = self._columns_of(source)
        for parameter in parameters:
            index = int(parameter.name) - 1
            if index >= len(names):
                raise SnowflakeError(904, "42000", f"SQL compilation error: invalid identifier '${index + 1}'")
            parameter.replace(exp.column(names[index], table=source.alias_or_name or None, quoted=True))

    def _columns_of(self, source: exp.Expr) -> list[str]:
        if isinstance(source, exp.Values):
            return list(source.alias_column_names)
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            if not source.alias:
                source.set("alias", exp.TableAlias(this=exp.to_identifier(source.name, quoted=True)))
            name = self.ctx.qualify(tuple(p.name for p in source.parts))
            return [c.name for c in self.ctx.session.tables.get(*name).columns]
        if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Select):
            if not source.alias:
                source.set("alias", exp.TableAlias(this=exp.to_identifier("MB_SUBQUERY", quoted=True)))
            if not any(s.is_star for s in source.this.selects):
                return [s.alias_or_name for s in source.this.selects]
        raise not_supported("$1 over this kind of source")

    # PIVOT and UNPIVOT.

    def _pivots(self, tree: exp.Expr) -> None:
        if self.constants.deferred:
            raise not_supported("PIVOT and UNPIVOT in a view or a default")

        def values(select: exp.Select) -> list[tuple[exp.Expr, str]]:
            return [
                (functions.constant(value), text_literal(value) if isinstance(value, str) else str(value))
                for (value,) in self._ask(select)[1]()
            ]

        pivots.expand(tree, lambda select: self._ask(select)[0], values)

    # Tables.

    def _table_function(self, node: exp.TableFromRows) -> None:
        inner = node.this
        alias = node.args.get("alias")
        if isinstance(inner, exp.Explode):
            names = ("SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS")
            name = (
                alias.this.copy() if alias is not None and alias.this else exp.to_identifier("MB_FLATTEN", quoted=True)
            )
            columns = [exp.to_identifier(n, quoted=True) for n in names]
            node.replace(exp.Lateral(this=inner.copy(), alias=exp.TableAlias(this=name, columns=columns)))
            return
        call: exp.Expr = inner
        if isinstance(inner, exp.ModelAttribute) and not table_sources.is_known("!" + inner.expression.name):
            self._refuse_deferred()
            model_calls.table_function(self.ctx, node)
            return
        if isinstance(inner, exp.ModelAttribute):
            name = "!" + inner.expression.name.upper()
        elif isinstance(inner, exp.Generator):
            name = "GENERATOR"
        else:
            parts = [p.name.upper() for p in inner.flatten()] if isinstance(inner, exp.Dot) else [inner.name.upper()]
            if parts[-2:-1] == ["INFORMATION_SCHEMA"]:
                parts = parts[-2:]  # the functions of every database's INFORMATION_SCHEMA are the same
            name, call = ".".join(parts), inner.expression if isinstance(inner, exp.Dot) else inner
        relation = self.relation(table_sources.find(name)(self.ctx, call), alias)
        relation.set("sample", node.args.get("sample"))
        node.replace(relation)

    def _method(self, node: exp.ModelAttribute) -> None:
        self._refuse_deferred()
        node.replace(model_calls.scalar(self.ctx, node))

    def _refuse_deferred(self) -> None:
        if self.constants.deferred:
            raise not_supported("a model's method in a view or a default")

    def relation(self, sql: str, alias: exp.Expr | None) -> exp.Table:
        """A Table node that represents a DuckDB query."""
        token = f"mb_{secrets.token_hex(8)}"
        self._declare(token, sql)
        table = exp.Table(this=exp.to_identifier(token, quoted=True), db=exp.to_identifier(SOURCE, quoted=True))
        table.set(
            "alias",
            alias.copy()
            if alias is not None
            else exp.TableAlias(this=exp.to_identifier("MB_" + token[3:].upper(), quoted=True)),
        )
        return table

    def _declare(self, token: str, sql: str) -> None:
        described = self.ctx.session.duckdb.execute(f"DESCRIBE {sql}").fetchall()
        self.relations[token] = sql
        self.schema.setdefault(SOURCE, {})[token] = {row[0]: types.from_duckdb(row[1]) for row in described}

    def _staged(self, table: exp.Expr) -> None:
        """Turn ``FROM @stage/path (…)`` into a relation, in place."""
        directory = isinstance(table.this, exp.DirectoryStage)
        sql = table_sources.find("DIRECTORY" if directory else "STAGE")(self.ctx, table)
        token = f"mb_{secrets.token_hex(8)}"
        self._declare(token, sql)
        for name in ("format", "pattern"):
            table.set(name, None)
        table.set("this", exp.to_identifier(token, quoted=True))
        table.set("db", exp.to_identifier(SOURCE, quoted=True))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier("MB_" + token[3:].upper(), quoted=True)))

    def _table(self, table: exp.Table) -> None:
        if table.db == SOURCE or table.arg_key == "format" or _is_common(table):
            return
        if _is_stage(table) or isinstance(table.this, exp.DirectoryStage):
            self._staged(table)
            return
        if not isinstance(table.this, exp.Identifier):
            raise not_supported(f"the table reference {table.sql('snowflake')}")
        if table.db == "INFORMATION_SCHEMA":
            source = table_sources.find(f"INFORMATION_SCHEMA.{table.name}")
            relation = self.relation(source(self.ctx, table), table.args.get("alias"))
            if table.args.get("alias") is None:
                relation.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.replace(relation)
            return
        try:
            found = self.resolve(table)
        except SnowflakeError as error:
            if error.code != 2003 or not replace_by_stream(self, table):
                raise
            return
        database, name = found.physical
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(name, quoted=True))
        table.set("db", exp.to_identifier(database, quoted=True))
        table.set("catalog", None)

    def lookup(self, node: exp.Table, privilege: str) -> Table:
        """The table that a statement changes, by the reference as it was written; the role must have the privilege."""
        found: Table = self.ctx.session.tables.get(*self.name(node))
        require_table_privilege(self.ctx, privilege, found)
        return found

    def name(self, node: exp.Table) -> tuple[str, str, str]:
        """The full name behind a reference as it was written."""
        copied = exp.Tuple(expressions=[node.copy()])
        self._normalize(copied)
        copied.transform(self.constants.replace, copy=False)
        table = copied.expressions[0]
        if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
            raise syntax_error(f"{node.sql('snowflake')} is not a table")
        return self.ctx.qualify(tuple(part.name for part in table.parts))

    def resolve(self, table: exp.Table) -> Table:
        """The table behind a reference, noted with its columns."""
        parts = tuple(part.name for part in table.parts)
        found: Table | None = self.ctx.session.tables.find(*self.ctx.qualify(parts))
        if found is None:  # a query's error has a name alone as it is written
            raise does_not_exist("Object", qualified(*(parts if len(parts) == 1 else self.ctx.qualify(parts))))
        require_table_privilege(self.ctx, "SELECT", found)
        database, physical = found.physical
        self.tables[found.physical] = found
        self.schema.setdefault(database, {})[physical] = {c.name: c.type for c in found.columns}
        return found


def _is_stage(node: exp.Expr) -> bool:
    if not isinstance(node, exp.Table) or isinstance(node.this, exp.Identifier):
        return False
    return isinstance(node.this, exp.Var | exp.Literal | exp.Parameter) and node.this.name.startswith("@")


def _is_common(table: exp.Table) -> bool:
    """Whether the name is one of a WITH around it."""
    if table.args.get("db") is not None or not isinstance(table.this, exp.Identifier):
        return False
    ancestor = table.parent
    while ancestor is not None:
        if isinstance(ancestor, exp.CTE) and ancestor.alias == table.name:
            clause = ancestor.parent
            if not (isinstance(clause, exp.With) and clause.recursive):
                # Its own definition does not see it: the name is that of a table.
                return False
        clause = ancestor.args.get("with_")
        if clause is not None and any(cte.alias == table.name for cte in clause.expressions):
            return True
        ancestor = ancestor.parent
    return False


def _name_values(values: exp.Values) -> None:
    """Columns of VALUES are COLUMN1, COLUMN2 …, unless they are named."""
    alias = values.args.get("alias")
    name = alias.this if alias is not None and alias.this is not None else exp.to_identifier("MB_VALUES", quoted=True)
    columns = alias.args.get("columns") if alias is not None else None
    if not columns:
        width = len(values.expressions[0].expressions) if isinstance(values.expressions[0], exp.Tuple) else 1
        columns = [exp.to_identifier(f"COLUMN{i + 1}", quoted=True) for i in range(width)]
    values.set("alias", exp.TableAlias(this=name.copy(), columns=[c.copy() for c in columns]))
