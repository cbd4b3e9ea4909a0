"""FILE FORMAT objects, and the format that a statement's files have: its own, a named one, or the stage's."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import already_exists

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

TYPES = ("CSV", "JSON", "AVRO", "ORC", "PARQUET", "XML")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS file_formats (
    database TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, options TEXT NOT NULL, comment TEXT NOT NULL,
    owner TEXT NOT NULL, created_on REAL NOT NULL, session INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS file_formats_name ON file_formats (database, schema, name, COALESCE(session, 0));
"""


@dataclass(frozen=True)
class FileFormat:
    """One FILE FORMAT object; ``options`` has upper-case keys, TYPE among them."""

    database: str
    schema: str
    name: str
    options: dict[str, Any]
    comment: str
    owner: str
    created_on: float
    session: int | None

    @property
    def full_name(self) -> str:
        """``DB.SCHEMA.FORMAT``, quoted where SQL needs it."""
        return qualified(self.database, self.schema, self.name)


class FileFormats:
    """All FILE FORMAT objects of an engine."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.catalog.connect().executescript(_SCHEMA)
        self.catalog.connect().execute("DELETE FROM file_formats WHERE session IS NOT NULL")

    def find(self, name: tuple[str, str, str], session: int | None = None) -> FileFormat | None:
        """The format of that name that the session sees, its own temporary one first."""
        row = (
            self.catalog.connect()
            .execute(
                "SELECT * FROM file_formats WHERE database = ? AND schema = ? AND name = ? "
                "AND (session IS NULL OR session = ?) ORDER BY session IS NULL LIMIT 1",
                (*name, session),
            )
            .fetchone()
        )
        return _format(row) if row is not None else None

    def all(self, session: int | None = None) -> list[FileFormat]:
        """Every format that the session sees."""
        rows = self.catalog.connect().execute(
            "SELECT * FROM file_formats WHERE session IS NULL OR session = ? ORDER BY database, schema, name",
            (session,),
        )
        return [_format(row) for row in rows]

    def create(
        self,
        name: tuple[str, str, str],
        options: dict[str, Any],
        *,
        comment: str,
        owner: str,
        session: int | None,
        replace: bool,
    ) -> None:
        """Make a format.

        :raises SnowflakeError: 002002 where the name is taken and ``replace`` is not asked for.
        """
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        try:
            self.catalog.connect().execute(
                f"{verb} INTO file_formats VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*name, json.dumps(options), comment, owner, time.time(), session),
            )
        except sqlite3.IntegrityError:
            raise already_exists("Object", qualified(*name)) from None

    def drop(self, file_format: FileFormat) -> None:
        """Drop a format."""
        self.catalog.connect().execute(
            "DELETE FROM file_formats WHERE database = ? AND schema = ? AND name = ? AND session IS ?",
            (file_format.database, file_format.schema, file_format.name, file_format.session),
        )

    def drop_schema(self, database: str, schema: str) -> None:
        """Drop everything in a schema that is itself being dropped."""
        self.catalog.connect().execute("DELETE FROM file_formats WHERE database = ? AND schema = ?", (database, schema))

    def session_closed(self, session: int) -> None:
        """Drop the temporary formats of the session with this id."""
        self.catalog.connect().execute("DELETE FROM file_formats WHERE session = ?", (session,))


def _format(row: sqlite3.Row) -> FileFormat:
    return FileFormat(**{**dict(row), "options": json.loads(row["options"])})
