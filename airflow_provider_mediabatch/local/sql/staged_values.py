"""``$1``, ``$2`` and so on over staged files: columns of Parquet, fields of CSV, documents of JSON."""

from __future__ import annotations

import re

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.sql.time_formats import parsed_format

FIELD = "FIELD$"
"""How the columns of text files are named: ``FIELD$1`` and on."""
_QUOTED = re.compile(r"\$\d+")
VARIANT = "variant"
"""The key, in the ``meta`` of a staged column of Parquet: Snowflake has a VARIANT, and the engine the column's type."""
TIME_FORMATS = "time_formats"
"""The key, in a stage node's ``meta``, of the formats of times in its files, by the type that they are read as."""


def resolve(parameter: exp.Parameter, columns: list[str], source: exp.Expr) -> None:
    """Put a column of the staged files in the place of ``$n``.

    :param columns: of the files; those of text files are named by :data:`FIELD`.
    :param source: the stage's node.
    """
    if f"{FIELD}1" in columns:
        _field(parameter, columns, source)
    else:
        _value(parameter, columns, source.alias)


def unquote(select: exp.Select) -> None:
    """``"$1"`` in quotes is ``$1``, which is how Snowpark writes it."""
    for column in list(select.find_all(exp.Column)):
        if _QUOTED.fullmatch(column.name) and column.find_ancestor(exp.Select) is select:
            column.this.replace(exp.Parameter(this=exp.Literal.number(column.name[1:])))


def _field(parameter: exp.Parameter, columns: list[str], source: exp.Expr) -> None:
    """``$n`` of CSV is the n-th field, NULL beyond the last one; ``$1`` of JSON is the document."""
    whole = parameter.parent if isinstance(parameter.parent, exp.Column) else parameter
    name = f"{FIELD}{parameter.name}"
    field = exp.column(name, table=source.alias, quoted=True) if name in columns else exp.cast(exp.null(), "VARCHAR")
    cast = whole.parent
    form = source.meta.get(TIME_FORMATS, {}).get(_time(cast)) if isinstance(cast, exp.Cast) else None
    if form is None or not isinstance(cast, exp.Cast):
        whole.replace(field)
        return
    attempt = "TRY_" if isinstance(cast, exp.TryCast) else ""
    zone = cast.to.this.name.removeprefix("TIMESTAMP") if _time(cast) == "TIMESTAMP" else ""
    made: exp.Expr = exp.maybe_parse(
        f"{attempt}TO_{_time(cast)}{'_' * bool(zone)}{zone}(X, 'YYYY')", dialect="snowflake"
    )
    made.this.replace(field)
    made.set("format", exp.Literal.string(parsed_format(form)))
    cast.replace(made)


def _time(cast: exp.Cast) -> str:
    """The type that a cast gives, whatever its zone."""
    name = str(cast.to.this.name)
    return "TIMESTAMP" if name.startswith("TIMESTAMP") else name


def _value(parameter: exp.Parameter, columns: list[str], alias: str) -> None:
    """``$1:"col"`` over staged files is the file's column; ``$1`` alone is the whole row."""
    if parameter.name != "1":
        raise not_supported(f"${parameter.name} over staged files: Parquet has only $1")
    whole = parameter.parent if isinstance(parameter.parent, exp.Column) else parameter  # a.$1 is a column of its own
    parent = whole.parent
    if isinstance(parent, exp.JSONExtract) and isinstance(parent.expression, exp.JSONPath):
        parts = [p for p in parent.expression.expressions if not isinstance(p, exp.JSONPathRoot)]
        key = str(parts[0].this)
        value: exp.Expr = exp.column(key, table=alias, quoted=True) if key in columns else exp.null()
        value.meta[VARIANT] = True
        if len(parts) > 1:
            path = exp.JSONPath(expressions=[exp.JSONPathRoot(), *[p.copy() for p in parts[1:]]])
            value = exp.JSONExtract(this=value, expression=path)
        parent.replace(value)
        return
    columns = [c for c in columns if not c.startswith("METADATA$")]
    row = [x for c in columns for x in (exp.Literal.string(c), exp.column(c, table=alias, quoted=True))]
    whole.replace(exp.Anonymous(this="JSON_OBJECT", expressions=row))
