"""Load history: which files COPY INTO has loaded into which table, so that none is loaded twice unless forced.

It is a table of DuckDB's, so that it is committed or rolled back with the rows. It is kept by the table's name and
creation time, so a table that is created again begins with an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from airflow_provider_mediabatch.local.stores.stages.files import StagedFile
    from airflow_provider_mediabatch.local.stores.tables.table import Table

SCHEMA = """
CREATE TABLE IF NOT EXISTS main.mb_load_history
    (table_name VARCHAR, incarnation DOUBLE, stage VARCHAR, path VARCHAR, md5 VARCHAR);
"""
_OF_TABLE = "FROM main.mb_load_history WHERE table_name = ? AND incarnation = ?"


def unloaded(
    connection: duckdb.DuckDBPyConnection, table: Table, stage: str, files: Iterable[StagedFile]
) -> list[StagedFile]:
    """Those of the files that the table has not loaded with their present content.

    :param stage: the stage's id.
    """
    rows = connection.execute(f"SELECT path, md5 {_OF_TABLE} AND stage = ?", [*_key(table), stage]).fetchall()
    known = dict(rows)
    return [file for file in files if known.get(file.path) != file.md5]


def record(connection: duckdb.DuckDBPyConnection, table: Table, stage: str, files: Sequence[StagedFile]) -> None:
    """Note files as loaded.

    :param stage: the stage's id.
    """
    paths, digests = [file.path for file in files], [file.md5 for file in files]
    known = [*_key(table), stage]
    connection.execute(f"DELETE {_OF_TABLE} AND stage = ? AND path IN (SELECT unnest(?::VARCHAR[]))", [*known, paths])
    connection.execute(
        "INSERT INTO main.mb_load_history SELECT ?, ?, ?, unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
        [*known, paths, digests],
    )


def forget(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """TRUNCATE of a table deletes its load history, as on Snowflake."""
    connection.execute(f"DELETE {_OF_TABLE}", _key(table))


def _key(table: Table) -> list[object]:
    return [table.full_name, table.created_on]
