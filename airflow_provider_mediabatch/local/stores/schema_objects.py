"""Objects of a schema that have a name and a comment, and nothing that the engine works with: image repositories, tags.

Programs for Snowflake make them before they submit jobs or log models. The values of tags on models are kept too.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import already_exists, does_not_exist

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog
    from airflow_provider_mediabatch.local.stores.models.model import Model

IMAGE_REPOSITORY, TAG = "IMAGE REPOSITORY", "TAG"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS schema_objects (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, database TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL,
    comment TEXT NOT NULL, owner TEXT NOT NULL, created_on REAL NOT NULL, UNIQUE (kind, database, schema, name)
);
CREATE TABLE IF NOT EXISTS model_tags (
    tag INTEGER NOT NULL REFERENCES schema_objects (id) ON DELETE CASCADE,
    model INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE, value TEXT NOT NULL, PRIMARY KEY (tag, model)
);
"""


@dataclass(frozen=True)
class SchemaObject:
    """One object; ``kind`` is :data:`IMAGE_REPOSITORY` or :data:`TAG`."""

    id: int
    kind: str
    database: str
    schema: str
    name: str
    comment: str
    owner: str
    created_on: float

    @property
    def full_name(self) -> str:
        """``DB.SCHEMA.NAME``, quoted where SQL needs it."""
        return qualified(self.database, self.schema, self.name)


class SchemaObjects:
    """All such objects of an engine.

    :param catalog: where models are kept already.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        catalog.connect().executescript(_SCHEMA)

    def find(self, kind: str, name: tuple[str, str, str]) -> SchemaObject | None:
        """The object of that kind and name, or None."""
        row = (
            self.catalog.connect()
            .execute(
                "SELECT * FROM schema_objects WHERE kind = ? AND database = ? AND schema = ? AND name = ?",
                (kind, *name),
            )
            .fetchone()
        )
        return SchemaObject(**row) if row is not None else None

    def get(self, kind: str, name: tuple[str, str, str]) -> SchemaObject:
        """The object of that kind and name. :raises SnowflakeError: 002003 when there is none."""
        found = self.find(kind, name)
        if found is None:
            raise does_not_exist(kind.capitalize(), qualified(*name))
        return found

    def all(self, kind: str) -> list[SchemaObject]:
        """Every object of a kind, by name."""
        rows = self.catalog.connect().execute(
            "SELECT * FROM schema_objects WHERE kind = ? ORDER BY database, schema, name", (kind,)
        )
        return [SchemaObject(**row) for row in rows]

    def create(self, kind: str, name: tuple[str, str, str], comment: str, owner: str, *, replace: bool) -> None:
        """Make an object. :raises SnowflakeError: 002002 where the name is taken and ``replace`` is not asked for."""
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        try:
            self.catalog.connect().execute(
                f"{verb} INTO schema_objects (kind, database, schema, name, comment, owner, created_on) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (kind, *name, comment, owner, time.time()),
            )
        except sqlite3.IntegrityError:
            raise already_exists("Object", qualified(*name)) from None

    def drop(self, found: SchemaObject) -> None:
        """Drop an object; a tag's values go with it."""
        self.catalog.connect().execute("DELETE FROM schema_objects WHERE id = ?", (found.id,))

    def drop_schema(self, database: str, schema: str) -> None:
        """Drop everything in a schema that is itself being dropped."""
        self.catalog.connect().execute(
            "DELETE FROM schema_objects WHERE database = ? AND schema = ?", (database, schema)
        )

    def set_tag(self, model: Model, tag: SchemaObject, value: str | None) -> None:
        """Give a model's tag a value; None takes it away."""
        connection = self.catalog.connect()
        if value is None:
            connection.execute("DELETE FROM model_tags WHERE tag = ? AND model = ?", (tag.id, model.id))
        else:
            connection.execute("INSERT OR REPLACE INTO model_tags VALUES (?, ?, ?)", (tag.id, model.id, value))

    def tags(self, model: Model) -> list[tuple[SchemaObject, str]]:
        """The tags of a model with their values."""
        values = dict(self.catalog.connect().execute("SELECT tag, value FROM model_tags WHERE model = ?", (model.id,)))
        return [(tag, values[tag.id]) for tag in self.all(TAG) if tag.id in values]
