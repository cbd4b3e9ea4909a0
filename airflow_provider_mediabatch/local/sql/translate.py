"""Snowflake SQL to DuckDB SQL: names, then types, then the expressions that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, OptimizeError, SchemaError, UnsupportedError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_identifier, not_supported
from airflow_provider_mediabatch.local.sql import array_functions as array_functions
from airflow_provider_mediabatch.local.sql import comparisons as comparisons
from airflow_provider_mediabatch.local.sql import datetime_functions as datetime_functions
from airflow_provider_mediabatch.local.sql import flatten as flatten
from airflow_provider_mediabatch.local.sql import numeric_functions as numeric_functions
from airflow_provider_mediabatch.local.sql import semi_structured as semi_structured
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.sql.annotate import annotate
from airflow_provider_mediabatch.local.sql.known_values import known_columns
from airflow_provider_mediabatch.local.sql.numeric_scale import unify
from airflow_provider_mediabatch.local.sql.patterns import refuse_patterns
from airflow_provider_mediabatch.local.sql.resolve_names import SOURCE, NameResolver
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter
from airflow_provider_mediabatch.local.sql.twins import separate

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

_VOLATILE = (exp.Rand, exp.Uuid, exp.ModelAttribute)


class Translation:
    """One statement on its way to DuckDB.

    :param deferred: see :class:`~airflow_provider_mediabatch.local.sql.resolve_names.NameResolver`.
    """

    def __init__(self, ctx: Context, *, deferred: bool = False) -> None:
        self.ctx = ctx
        self.names = NameResolver(ctx, self._ask, deferred=deferred)
        self.repeatable = True

    @property
    def reads(self) -> set[tuple[str, str]]:
        """The tables that the statement refers to."""
        return set(self.names.tables)

    def resolve_names(self, tree: exp.Expr) -> exp.Expr:
        """Resolve names; once for a statement."""
        self.repeatable = tree.find(*_VOLATILE) is None
        return self.names.resolve_statement(tree)

    def _ask(self, select: exp.Select) -> tuple[list[str], Callable[[], list[tuple[Any, ...]]]]:
        inner = Translation(self.ctx)
        done = inner.query(inner.resolve_names(select.copy()))
        text = inner.sql(done)
        transactions.of(self.ctx.session).before_read(inner.reads)
        names = [each.alias_or_name for each in done.selects] if isinstance(done, exp.Query) else []
        return names, lambda: self.ctx.session.duckdb.sql(text).fetchall()

    def query(self, tree: exp.Expr) -> exp.Expr:
        """A SELECT, WITH or UNION with resolved names in DuckDB's form.

        Its result columns keep Snowflake's types as ``type``, and its ``meta`` what is known of their values.
        """
        schema = MappingSchema(dialect="snowflake", normalize=False)
        for database, tables in self.names.schema.items():
            for name, columns in tables.items():
                table = exp.Table(
                    this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(database, quoted=True)
                )
                # As text, a name with quotes in it would be read as a quoted name.
                named: Any = {exp.to_identifier(column, quoted=True): kind for column, kind in columns.items()}
                schema.add_table(table, named, dialect="snowflake", normalize=False)
        if schema.empty:
            schema.add_table(exp.table_("mb_none", db=SOURCE, quoted=True), {"mb_none": "INT"}, normalize=False)
        _refuse_ambiguous(tree)
        separate(tree, self.names.schema)
        _refuse_case_twins(tree)
        refuse_patterns(tree)
        try:
            _check_excluded(tree, schema)
            tree = qualify(
                tree,
                schema=schema,
                dialect="snowflake",
                # Expanding would evaluate a random function once more for each use of its alias.
                expand_alias_refs=self.repeatable,
                quote_identifiers=True,
                identify=True,
            )
        except (OptimizeError, SchemaError) as error:
            raise _unresolved(error) from None
        _refuse_fields(tree)
        _refuse_case_twins(tree)  # again, since the stars are expanded now
        tree = annotate(tree, schema)
        while unify(tree):
            tree = annotate(tree, schema)
        known = known_columns(tree, self.names.tables)
        done = Rewriter(self.ctx).rewrite(tree)
        done.meta["known"] = known
        return done

    def expressions(
        self,
        expressions: Sequence[exp.Expr],
        origins: Sequence[exp.Expr],
        joins: Sequence[exp.Join] = (),
    ) -> tuple[list[exp.Expr], list[exp.Join]]:
        """Expressions of a DML statement over its tables: they are typed as those of a SELECT would be.

        :param expressions: of SET, WHERE, ON and so on, with resolved names.
        :param origins: the tables and subqueries that they may refer to.
        :param joins: joins written between them.
        :returns: the expressions, and the origins as joins (the first is that of FROM), translated.
        """
        select = exp.Select(
            expressions=[
                exp.Alias(this=e.copy(), alias=exp.to_identifier(f"MB_{i}", quoted=True))
                for i, e in enumerate(expressions)
            ]
        )
        if origins:
            select = select.from_(origins[0].copy(), copy=False)
            for origin in origins[1:]:
                select = select.join(origin.copy(), join_type="CROSS", copy=False)
            for join in joins:
                select.append("joins", join.copy())
        done = self.query(select)
        found = [exp.Join(this=done.args["from_"].this)] if done.args.get("from_") else []
        found += done.args.get("joins") or []
        return [projection.this for projection in done.expressions], found

    def sql(self, tree: exp.Expr) -> str:
        """The text for DuckDB.

        :raises SnowflakeError: what DuckDB has no equal for is refused by name.
        """
        try:
            text = tree.sql("duckdb", unsupported_level=ErrorLevel.RAISE, comments=False, identify=True)
        except UnsupportedError as error:
            raise not_supported(str(error)) from None
        for token, relation in self.names.relations.items():
            text = text.replace(f'"{SOURCE}"."{token}"', f"({relation})")
        return text


def _check_excluded(tree: exp.Expr, schema: MappingSchema) -> None:
    """Each column of an EXCLUDE must be there, which sqlglot does not ask: they are resolved as if they were selected.

    :raises OptimizeError: with the name that is not there.
    """
    if not any(star.args.get("except_") for star in tree.find_all(exp.Star)):
        return
    probe = tree.copy()
    for star in list(probe.find_all(exp.Star)):
        select = star.find_ancestor(exp.Select)
        if select is None or not isinstance(star.parent, exp.Select | exp.Column):
            continue
        table = star.parent.table if isinstance(star.parent, exp.Column) else None
        for excluded in star.args.get("except_") or []:
            column = exp.column(excluded.name, table=table or None, quoted=True)
            select.select(exp.alias_(column, "MB_EXCLUDED", quoted=True), copy=False)
    qualify(probe, schema=schema, dialect="snowflake", quote_identifiers=True, identify=True)


def _refuse_ambiguous(tree: exp.Expr) -> None:
    """A column that its subquery has twice; sqlglot and DuckDB take the first.

    :raises SnowflakeError: 002028, as Snowflake does.
    """
    for subquery in tree.find_all(exp.Subquery):
        inner, outer = subquery.this, subquery.find_ancestor(exp.Select)
        if not isinstance(inner, exp.Select) or outer is None or not isinstance(subquery.parent, exp.From | exp.Join):
            continue
        names = [projection.alias_or_name for projection in inner.expressions if not projection.is_star]
        twice = {name for name in names if names.count(name) > 1}
        for column in outer.find_all(exp.Column) if twice else ():
            mine = column.table in ("", subquery.alias) and column.find_ancestor(exp.Select) is outer
            if mine and column.name in twice:
                raise SnowflakeError(2028, "42601", f"SQL compilation error:\nambiguous column name '{column.name}'")


def _refuse_fields(tree: exp.Expr) -> None:
    """``V.ID`` where V is a column. Its elements begin with a colon, ``V:ID``; sqlglot takes it for a field of V.

    :raises SnowflakeError: 000904, as Snowflake does.
    """
    for dot in tree.find_all(exp.Dot):
        if isinstance(dot.this, exp.Column):
            raise invalid_identifier(f"{dot.this.name}.{dot.expression.name}")


def _unresolved(error: Exception) -> SnowflakeError:
    message = str(error)
    if "could not be resolved" in message:
        return invalid_identifier(message.split("'")[1])
    if "ambiguous" in message.lower():
        return SnowflakeError(2028, "42601", f"SQL compilation error:\n{message}")
    return SnowflakeError(904, "42000", f"SQL compilation error:\n{message}")


def _refuse_case_twins(tree: exp.Expr) -> None:
    """DuckDB takes names that differ only in case for one, so a subquery with two such columns would lose one."""
    for select in tree.find_all(exp.Select):
        if select.parent is None:
            continue
        seen: dict[str, str] = {}
        for name in (projection.alias_or_name for projection in select.expressions):
            other = seen.setdefault(name.lower(), name)
            if other != name:
                raise not_supported(f"two columns that differ only in case: {other} and {name}")
