"""Subqueries with two columns of one name, or of names that differ only in case.

DuckDB takes such names for one and the same. The later ones get names of their own inside, and their own names again
where the query around shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import not_supported

_RENAMED = "columns"
Columns = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Columns of tables, by database and name in DuckDB."""


def separate(tree: exp.Expr, tables: Columns) -> None:
    """Tell the columns of each subquery apart, in place; names are resolved, stars are not.

    :raises SnowflakeError: by name where it cannot be done.
    """
    if not any(_twins(select) for select in tree.find_all(exp.Select)):
        return
    for select in reversed(list(tree.find_all(exp.Select, bfs=True))):
        sources = _sources(select)
        if any(_RENAMED in source.meta for source in sources):
            _refer(select, sources)
            _expand(select, sources, tables)
        subquery = select.parent
        if isinstance(subquery, exp.Subquery) and isinstance(subquery.parent, exp.From | exp.Join) and _twins(select):
            _rename(select, subquery)


def _sources(select: exp.Select) -> list[exp.Expr]:
    origin = select.args.get("from_")
    first = [] if origin is None else [origin.this, *(join.this for join in origin.this.args.get("joins") or [])]
    return [*first, *(join.this for join in select.args.get("joins") or [])]


def _twins(select: exp.Select) -> bool:
    names = [projection.alias_or_name.lower() for projection in select.expressions if not projection.is_star]
    return len(set(names)) < len(names)


def _rename(select: exp.Select, subquery: exp.Subquery) -> None:
    if any(projection.is_star for projection in select.expressions):
        return
    seen: set[str] = set()
    columns: list[tuple[str, str]] = []
    for index, projection in enumerate(list(select.expressions)):
        name = projection.alias_or_name
        actual = name if name.lower() not in seen else f"MB_{index}_{name}"
        seen.add(name.lower())
        columns.append((name, actual))
        if actual != name:
            alias = exp.Alias(this=projection.unalias().copy(), alias=exp.to_identifier(actual, quoted=True))
            projection.replace(alias)
    order = select.args.get("order")
    if order is not None:
        _replace(select, order, lambda column: None if column.table else dict(columns).get(column.name))
    subquery.meta[_RENAMED] = columns
    if not subquery.alias:
        name = f"MB_TWINS_{id(subquery)}"
        subquery.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    elif subquery.alias_column_names:
        raise not_supported("two columns of one name in a subquery whose columns are named")


def _refer(select: exp.Select, sources: list[exp.Expr]) -> None:
    """References to renamed columns; what is shown keeps its name."""

    def actual(column: exp.Column) -> str | None:
        for source in sources:
            if _RENAMED in source.meta and column.table in ("", source.alias):
                columns: list[tuple[str, str]] = source.meta[_RENAMED]
                found = dict(reversed(columns)).get(column.name, column.name)
                if found != column.name:
                    return found
        return None

    for projection in list(select.expressions):
        if isinstance(projection, exp.Column) and not projection.is_star and actual(projection):
            alias = exp.Alias(this=projection.copy(), alias=exp.to_identifier(projection.name, quoted=True))
            projection.replace(alias)
    _replace(select, select, actual)


def _replace(select: exp.Select, part: exp.Expr, actual: Callable[[exp.Column], str | None]) -> None:
    for column in list(part.find_all(exp.Column)):
        if column.find_ancestor(exp.Select) is select and (name := actual(column)):
            column.set("this", exp.to_identifier(name, quoted=True))


def _expand(select: exp.Select, sources: list[exp.Expr], tables: Columns) -> None:
    """The stars of a query over renamed columns, column by column."""
    for star in [projection for projection in select.expressions if projection.is_star]:
        inner = star.this if isinstance(star, exp.Column) else star
        if any(inner.args.get(part) for part in ("except_", "replace", "rename")):
            raise not_supported("EXCLUDE, REPLACE or RENAME over two columns of one name")
        if any(join.args.get("using") or join.method for join in select.args.get("joins") or []):
            raise not_supported("JOIN USING over two columns of one name")
        wanted = star.table if isinstance(star, exp.Column) else ""
        made: list[exp.Expr] = []
        for source in sources:
            if wanted in ("", source.alias_or_name):
                made += _shown(source, tables)
        position = select.expressions.index(star)
        select.set("expressions", [*select.expressions[:position], *made, *select.expressions[position + 1 :]])


def _shown(source: exp.Expr, tables: Columns) -> list[exp.Expr]:
    if _RENAMED in source.meta:
        columns = source.meta[_RENAMED]
    elif isinstance(source, exp.Subquery) and not any(each.is_star for each in source.selects):
        columns = [(name, name) for name in source.named_selects]
        if not source.alias:
            source.set("alias", exp.TableAlias(this=exp.to_identifier(f"MB_BESIDE_{id(source)}", quoted=True)))
    elif isinstance(source, exp.Table) and source.name in tables.get(source.db, {}):
        columns = [(name, name) for name in tables[source.db][source.name]]
    else:
        raise not_supported("* over two columns of one name")
    return [
        exp.Alias(
            this=exp.column(actual, table=source.alias_or_name, quoted=True), alias=exp.to_identifier(name, quoted=True)
        )
        for name, actual in columns
    ]
