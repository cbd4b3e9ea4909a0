"""Columns beside listed files: SQL expressions of the user's own over a listing's rows, evaluated on the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import explain_refused, result_columns
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import normalize_column_name
from airflow_provider_mediabatch.files.joined_table import find_joined_table
from airflow_provider_mediabatch.files.relation import Relation

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_ANY_CASE = ". Names that differ in their case only count as the same, because a job writes all columns into one file"


def check_extra_columns(extra: Mapping[str, str] | None, identity: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Both arguments with their names as stored.

    :param extra: column name to SQL expression.
    :param identity: those whose values belong to a file's identity.
    :raises InvalidInputError: for a name that is taken, doubled or not among them.
    """
    named = [(normalize_column_name(name), text) for name, text in (extra or {}).items()]
    columns = dict(named)
    if len({name.upper() for name in columns}) < len(named):
        raise InvalidInputError(f"extra_columns= names the same column twice: {', '.join(extra or ())}{_ANY_CASE}")
    if reserved := [name for name in columns if name.upper().startswith("MB_")]:
        raise InvalidInputError(f"extra_columns= names {', '.join(reserved)}: MB_* is kept for the provider")
    if empty := [name for name, text in columns.items() if text is None or not str(text).strip()]:
        raise InvalidInputError(f"extra_columns={', '.join(empty)} has no expression")
    chosen = [normalize_column_name(name) for name in ([identity] if isinstance(identity, str) else identity)]
    if unknown := [name for name in chosen if name not in columns]:
        raise InvalidInputError(f"identity_columns= names {', '.join(unknown)}, which is not among extra_columns=")
    return columns, chosen


def with_extra_columns(
    connection: SnowflakeConnection,
    relation: Relation,
    extra: Mapping[str, str],
    identity: Sequence[str],
    join: str | None = None,
) -> Relation:
    """The rows with the columns that the expressions give. One statement, which describes and reads nothing; with
    ``join`` two more.

    An expression is SQL of the user's own, trusted like the DAG file that it stands in.

    :param relation: a listing.
    :param extra: column name, as stored, to expression over the listing's columns.
    :param identity: columns whose values become part of ``MB_CONTENT_ID``: a file with other values is other work.
    :param join: a table or query whose columns the expressions may use.
    :raises InvalidInputError: for an expression that Snowflake does not take, a name that the listing has, or a table
        that cannot be joined.
    """
    if not extra:
        return relation
    source, usable_names = f"({relation.query})", list(relation.columns)
    if join is not None:
        table = find_joined_table(connection, join, relation)
        source, usable_names = table.beside(relation), [*usable_names, *table.columns]
    known = {name.upper() for name in relation.columns}
    if taken := [name for name in extra if name.upper() in known]:
        raise InvalidInputError(f"extra_columns= names {', '.join(taken)}, which the listing has already{_ANY_CASE}")
    listed = [sql.quoted(name) for name in relation.columns]
    # The line's end is for an expression that ends in a comment.
    extra = {name: f"{text}\n" if "--" in str(text) else str(text) for name, text in extra.items()}
    # With the listed columns: beside them an aggregate function is refused, and alone it would be taken.
    plain = ", ".join([*listed, *(f"({text}) AS {sql.quoted(name)}" for name, text in extra.items())])
    usable = f". The columns that an expression may use are {', '.join(usable_names)}"
    with explain_refused("extra_columns=: Snowflake does not take an expression", usable):
        types = result_columns(connection, f"SELECT {plain} FROM {source}")
    columns, expressions = {}, []
    for name in extra:
        kind = types[name]
        # Parquet has no time zones.
        zoned = kind.startswith(("TIMESTAMP_TZ", "TIMESTAMP_LTZ"))
        text = f"CONVERT_TIMEZONE('UTC', {extra[name]})::TIMESTAMP_NTZ" if zoned else f"({extra[name]})"
        expressions.append(f"{text} AS {sql.quoted(name)}")
        columns[name] = "TIMESTAMP_NTZ(9)" if zoned else kind
    query = f"SELECT {', '.join([*listed, *expressions])} FROM {source}"
    if identity:
        # A NULL differs from an empty text, and two texts from one that is both of them together.
        texts = [sql_types.text_sql(sql.quoted(name), columns[name]) for name in identity]
        values = " || CHR(31) || ".join(f"COALESCE('=' || {text}, '')" for text in texts)
        own = sql.quoted(CONTENT_ID)
        names = [f"{own} || '+#' || MD5({values}) AS {own}" if name == own else name for name in listed]
        query = f"SELECT {', '.join([*names, *map(sql.quoted, columns)])} FROM ({query})"
    return replace(relation, query=query, columns={**relation.columns, **columns})


@contextmanager
def explain_failing(extra: Mapping[str, str] | None) -> Iterator[None]:
    """Say that an expression may be what fails: its columns are evaluated with the first statement that reads them.

    :raises InvalidInputError: for a value that an expression does not take, such as text that is no number.
    """
    from snowflake.connector.errors import ProgrammingError

    try:
        yield
    except ProgrammingError as error:
        if not extra or not errors.is_of_values(error):
            raise
        raise InvalidInputError(
            f"extra_columns=: an expression fails for one of the listed files: {errors.error_text(error)}. The "
            f"expressions are those of {', '.join(extra)}"
        ) from error
