"""A table beside listed files, whose columns the expressions of ``extra_columns=`` may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.connection import explain_unreadable, result_columns, rows, table_or_query
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import shorten
from airflow_provider_mediabatch.files.file_names import name_sql, on_stage_sql, stem_sql
from airflow_provider_mediabatch.files.relation import Relation

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


@dataclass(frozen=True)
class JoinedTable:
    """A table or query with at most one row for a file.

    :param relation: a FROM item.
    :param key: its column that names the file, as stored.
    :param columns: the other ones.
    """

    relation: str
    key: str
    columns: tuple[str, ...]

    def beside(self, files: Relation) -> str:
        """A FROM item: the listing's columns and the table's; NULL in these for a file that it does not name.

        A row is found by the full stage path, the path on the stage, the file's name or its stem, in this order, as
        the labels of ``labels=`` are.
        """
        key, listed = sql.quoted(self.key), [sql.quoted(name) for name in files.columns]
        name = name_sql(files.key)
        names = {"P": files.key, "W": on_stage_sql(files.key), "N": name, "S": stem_sql(name)}
        named = ", ".join(f"{text} AS MB_{alias}" for alias, text in names.items())
        joins = " ".join(f"LEFT JOIN MB_KEYS AS {alias} ON {alias}.K = F.MB_{alias}" for alias in names)
        return (
            f"(WITH MB_KEYS AS (SELECT DISTINCT {key}::VARCHAR AS K FROM {self.relation} AS J), "
            f"MB_FILES AS (SELECT {', '.join(listed)}, {named} FROM ({files.query})), "
            f"MB_MATCHED AS (SELECT F.*, COALESCE(P.K, W.K, N.K, S.K) AS MB_K FROM MB_FILES AS F {joins}) "
            f"SELECT {', '.join([*(f'M.{name}' for name in listed), *(f'J.{sql.quoted(c)}' for c in self.columns)])} "
            f"FROM MB_MATCHED AS M LEFT JOIN {self.relation} AS J ON J.{key}::VARCHAR = M.MB_K)"
        )


def find_joined_table(connection: SnowflakeConnection, given: str, files: Relation) -> JoinedTable:
    """Describe the table and look for a file that it names twice. Two statements.

    :param given: the argument ``join=``: a table's name, or a query. Its first column names the file.
    :param files: the listing that it is joined to.
    :raises InvalidInputError: for what cannot be read, has no second column or columns of the listing, or has several
        rows for one file.
    """
    what = f"join={shorten(given)!r}"
    relation = table_or_query(connection, given, argument="join")
    with explain_unreadable(what):
        key, *others = result_columns(connection, f"SELECT * FROM {relation} AS J")
        name = f"{sql.quoted(key)}::VARCHAR"
        twice = rows(
            connection,
            f"SELECT {name} AS K, COUNT(*) AS N FROM {relation} AS J WHERE {name} IS NOT NULL GROUP BY 1 "
            "HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1",
        )
    if not others:
        raise InvalidInputError(
            f"{what} has the column {key} only. The first column names the file, others belong to it"
        )
    known = {column.upper() for column in files.columns}
    if taken := [column for column in others if column.upper() in known or column.upper().startswith("MB_")]:
        raise InvalidInputError(
            f"{what} has the columns {', '.join(taken)}, which the listing has or the provider keeps for itself. "
            "Give a query that renames them"
        )
    if twice:
        raise InvalidInputError(
            f"{what} has {twice[0]['N']} rows for {twice[0]['K']!r}, and a file takes one. Give a query that has one "
            "row for each file"
        )
    return JoinedTable(relation, key, tuple(others))
