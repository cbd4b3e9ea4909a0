"""Load history: which files COPY INTO has loaded into which table, so that none is loaded twice unless forced."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.stores.stages.files import StagedFile

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

_SCHEMA = """
CREATE TABLE IF NOT EXISTS load_history (
    table_name TEXT NOT NULL, incarnation REAL NOT NULL, stage TEXT NOT NULL, path TEXT NOT NULL, md5 TEXT NOT NULL,
    loaded_on REAL NOT NULL, PRIMARY KEY (table_name, incarnation, stage, path)
) WITHOUT ROWID;
"""


class LoadHistory:
    """Kept by the table's name and creation time, so a table that is created again begins with an empty history."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.catalog.connect().executescript(_SCHEMA)

    def unloaded(self, table: str, incarnation: float, stage: str, files: Iterable[StagedFile]) -> list[StagedFile]:
        """Those of the files that the table has not loaded with their present content."""
        rows = self.catalog.connect().execute(
            "SELECT path, md5 FROM load_history WHERE table_name = ? AND incarnation = ? AND stage = ?",
            (table, incarnation, stage),
        )
        known = {row["path"]: row["md5"] for row in rows}
        return [file for file in files if known.get(file.path) != file.md5]

    def record(self, table: str, incarnation: float, stage: str, files: Iterable[StagedFile]) -> None:
        """Note files as loaded."""
        with self.catalog.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO load_history VALUES (?, ?, ?, ?, ?, ?)",
                [(table, incarnation, stage, file.path, file.md5, time.time()) for file in files],
            )

    def forget(self, table: str) -> None:
        """TRUNCATE and DROP of a table delete its load history, as on Snowflake."""
        self.catalog.connect().execute("DELETE FROM load_history WHERE table_name = ?", (table,))
