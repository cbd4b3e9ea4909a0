"""Files that a user's own query names: its rows stay on the server as a listing's do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.connection import explain_refused, result_columns, rows, run_async
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.relation import Relation, result_scan_sql
from airflow_provider_mediabatch.files.stage_listing import FileListing

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_NAME = r'([A-Za-z_][A-Za-z0-9_$]*|"([^"]|"")+")'
FULL_STAGE_PATH = rf"@{_NAME}[.]{_NAME}[.]{_NAME}/.+"
"""What ``FULL_STAGE_PATH`` takes: three names and a path."""
_LIKE_A_PATH = rf"{FULL_STAGE_PATH}|@[^ /]+/.+"
"""That, or the same with fewer names, which a message can then correct."""


def list_query(connection: SnowflakeConnection, query: str, file_columns: Sequence[str] | None) -> FileListing:
    """Take the rows of the user's own SELECT; timestamps with time zone become UTC, as Parquet needs.

    :param query: one SELECT whose columns are full stage paths and ordinary columns.
    :param file_columns: which columns are paths, as stored; None: the text columns whose values, NULL aside, all look
        like stage paths. One text that begins with ``@`` makes no column of paths.
    :raises InvalidInputError: when a named column is not among the query's.
    """
    query = query.strip().rstrip(";")
    with explain_refused("query=: Snowflake does not take it"):
        types = result_columns(connection, query)
        query_id = run_async(connection, [query])[0]
    selected, columns = [], {}
    for name, kind in types.items():
        column = sql.quoted(name)
        zoned = kind.startswith(("TIMESTAMP_TZ", "TIMESTAMP_LTZ"))
        selected.append(f"CONVERT_TIMEZONE('UTC', {column})::TIMESTAMP_NTZ AS {column}" if zoned else column)
        columns[name] = "TIMESTAMP_NTZ(9)" if zoned else kind
    text = f"SELECT {', '.join(selected)} FROM {result_scan_sql(query_id)}"
    candidates = tuple(file_columns or (name for name, kind in columns.items() if kind == "VARCHAR"))
    if missing := [name for name in candidates if name not in columns]:
        raise InvalidInputError(f"query= has no column {', '.join(missing)}; it has {', '.join(columns)}")
    counts = rows(connection, path_census_sql(Relation(text, columns, candidates, has_files=False)))[0]
    found = int(counts["FOUND"])
    nulls = [int(counts[f"L{index}"]) for index, _ in enumerate(candidates)]
    kept = [
        index
        for index, _ in enumerate(candidates)
        if file_columns is not None or 0 < counts[f"P{index}"] == found - nulls[index]
    ]
    unqualified = {
        candidates[index]: {"count": count, "nulls": nulls[index], "example": counts[f"E{index}"]}
        for index in kept
        if (count := int(counts[f"N{index}"]) + nulls[index])
    }
    relation = Relation(text, columns, tuple(candidates[index] for index in kept), has_files=False)
    return FileListing(relation, found, unqualified=unqualified)


def path_census_sql(relation: Relation) -> str:
    """One row about a query: FOUND rows and, for each file column i, Pi values that look like stage paths, Ni that are
    not full stage paths, an example Ei of those, and Li that are NULL.
    """
    parts = ["COUNT(*) AS FOUND"]
    for index, name in enumerate(relation.file_columns):
        column = sql.quoted(name)
        unqualified = f"NOT REGEXP_LIKE({column}, {sql.literal(FULL_STAGE_PATH)}, 's')"
        path = f"REGEXP_LIKE({column}, {sql.literal(_LIKE_A_PATH)}, 's')"
        parts.append(
            f"COUNT_IF({path}) AS P{index}, COUNT_IF({unqualified}) AS N{index}, "
            f"MIN(IFF({unqualified}, {column}, NULL)) AS E{index}, COUNT_IF({column} IS NULL) AS L{index}"
        )
    return f"SELECT {', '.join(parts)} FROM ({relation.query})"
