"""The Model Registry's objects: models, their versions, and the aliases that name versions.

A version's files (MANIFEST.yml, ``model/``, ``functions/``, ``runtimes/``) are a folder of their own, complete before
the catalogue names it: first the copy, then a rename, then the row. A folder without a row was left by a killed engine.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import (
    SnowflakeError,
    already_exists,
    does_not_exist,
    invalid_argument,
)
from airflow_provider_mediabatch.local.stores.models.model import Model, ModelVersion
from airflow_provider_mediabatch.local.stores.models.warehouse import check_channels

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

SYSTEM_ALIASES = ("DEFAULT", "FIRST", "LAST")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS models (
    id INTEGER PRIMARY KEY, database TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, comment TEXT NOT NULL,
    owner TEXT NOT NULL, created_on REAL NOT NULL, default_version INTEGER, UNIQUE (database, schema, name)
);
CREATE TABLE IF NOT EXISTS model_versions (
    id INTEGER PRIMARY KEY, model INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE, name TEXT NOT NULL,
    comment TEXT NOT NULL, metadata TEXT NOT NULL, folder TEXT NOT NULL, created_on REAL NOT NULL, UNIQUE (model, name)
);
CREATE TABLE IF NOT EXISTS model_aliases (
    model INTEGER NOT NULL REFERENCES models (id) ON DELETE CASCADE, alias TEXT NOT NULL,
    version INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE, PRIMARY KEY (model, alias)
);
"""


class ModelStore:
    """All models of an engine; their files are stored under ``models/`` of its state directory."""

    def __init__(self, catalog: Catalog, state_dir: Path) -> None:
        self.catalog = catalog
        self.folder = state_dir / "models"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.catalog.connect().executescript(_SCHEMA)
        known = {row["folder"] for row in self.catalog.connect().execute("SELECT folder FROM model_versions")}
        for entry in self.folder.iterdir():
            if entry.name not in known:
                shutil.rmtree(entry, ignore_errors=True)

    # --- finding

    def find(self, database: str, schema: str, name: str) -> Model | None:
        """The model of that name, or None."""
        row = (
            self.catalog.connect()
            .execute("SELECT * FROM models WHERE database = ? AND schema = ? AND name = ?", (database, schema, name))
            .fetchone()
        )
        return Model(**row) if row is not None else None

    def get(self, database: str, schema: str, name: str) -> Model:
        """The model of that name.

        :raises SnowflakeError: 002003 where there is none.
        """
        model = self.find(database, schema, name)
        if model is None:
            raise does_not_exist("Model", qualified(database, schema, name))
        return model

    def all(self) -> list[Model]:
        """Every model, by name."""
        rows = self.catalog.connect().execute("SELECT * FROM models ORDER BY database, schema, name")
        return [Model(**row) for row in rows]

    def versions(self, model: Model) -> list[ModelVersion]:
        """A model's versions, oldest first."""
        connection = self.catalog.connect()
        rows = connection.execute("SELECT * FROM model_versions WHERE model = ? ORDER BY id", (model.id,)).fetchall()
        aliases = connection.execute(
            "SELECT alias, version FROM model_aliases WHERE model = ? ORDER BY alias", (model.id,)
        ).fetchall()
        found = []
        for position, row in enumerate(rows):
            system = (row["id"] == model.default_version, position == 0, position == len(rows) - 1)
            names = [alias for alias, holds in zip(SYSTEM_ALIASES, system, strict=True) if holds]
            names += [alias["alias"] for alias in aliases if alias["version"] == row["id"]]
            found.append(
                ModelVersion(
                    id=row["id"],
                    model=model,
                    name=row["name"],
                    comment=row["comment"],
                    metadata=row["metadata"],
                    dir=self.folder / row["folder"],
                    created_on=row["created_on"],
                    aliases=tuple(names),
                )
            )
        return found

    def version(self, database: str, schema: str, model: str, version: str | None = None) -> ModelVersion:
        """The version of that name or alias (DEFAULT, FIRST, LAST or the user's own); the default one for None.

        :raises SnowflakeError: 002003 where there is no such model or version.
        """
        return self.version_of(self.get(database, schema, model), version)

    def version_of(self, model: Model, version: str | None = None) -> ModelVersion:
        """As :meth:`version`, for a model at hand. A version's own name goes before an alias."""
        versions = self.versions(model)
        wanted = version or "DEFAULT"
        for candidate in versions:
            if candidate.name == wanted:
                return candidate
        for candidate in versions:
            if wanted in candidate.aliases:
                return candidate
        raise does_not_exist("Version", f"{wanted}' of model '{model.full_name}")

    # --- changing

    def create(
        self, database: str, schema: str, name: str, version: str, source: Path, *, owner: str, replace: bool = False
    ) -> None:
        """Make a model with its first version from the files below ``source``.

        :raises SnowflakeError: 002002 where the name is taken; 398507 where ``source`` has no readable MANIFEST.yml.
        """
        folder = self._copy(source)
        with self.catalog.transaction() as connection:
            existing = self.find(database, schema, name)
            if existing is not None:
                if not replace:
                    shutil.rmtree(folder)
                    raise already_exists("Object", qualified(database, schema, name))
                folders = [v.dir for v in self.versions(existing)]
                connection.execute("DELETE FROM models WHERE id = ?", (existing.id,))
            model = connection.execute(
                "INSERT INTO models (database, schema, name, comment, owner, created_on) VALUES (?, ?, ?, '', ?, ?)",
                (database, schema, name, owner, time.time()),
            ).lastrowid
            first = self._insert_version(connection, model, version, folder)
            connection.execute("UPDATE models SET default_version = ? WHERE id = ?", (first, model))
        if existing is not None:
            _remove(folders)

    def add_version(self, model: Model, version: str, source: Path) -> None:
        """Add a version from the files below ``source``.

        :raises SnowflakeError: 002002 where the model has a version or alias of that name.
        """
        folder = self._copy(source)
        try:
            with self.catalog.transaction() as connection:
                if any(version in (v.name, *v.aliases) for v in self.versions(model)):
                    raise already_exists("Version", f"{version}' of model '{model.full_name}")
                self._insert_version(connection, model.id, version, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def drop(self, model: Model) -> None:
        """Drop a model with all its versions."""
        folders = [version.dir for version in self.versions(model)]
        self.catalog.connect().execute("DELETE FROM models WHERE id = ?", (model.id,))
        _remove(folders)

    def drop_schema(self, database: str, schema: str) -> None:
        """Drop everything in a schema that is itself being dropped."""
        for model in self.all():
            if (model.database, model.schema) == (database, schema):
                self.drop(model)

    def drop_version(self, version: ModelVersion) -> None:
        """Drop one version.

        :raises SnowflakeError: for the default version: another one has to be made the default first.
        """
        if version.is_default:
            raise invalid_argument(
                f"Version '{version.name}' is the default version of model '{version.model.full_name}' and cannot be "
                "dropped: set another default version first, or drop the model."
            )
        self.catalog.connect().execute("DELETE FROM model_versions WHERE id = ?", (version.id,))
        _remove([version.dir])

    def rename(self, model: Model, database: str, schema: str, name: str) -> None:
        """Give a model another name, in another schema too."""
        try:
            self.update_model(model, database=database, schema=schema, name=name)
        except sqlite3.IntegrityError:
            raise already_exists("Object", qualified(database, schema, name)) from None

    def update_model(self, model: Model, **changes: Any) -> None:
        """Change columns of the model's row: ``comment``, ``default_version``, ``owner`` …"""
        assignments = ", ".join(f"{column} = ?" for column in changes)
        self.catalog.connect().execute(f"UPDATE models SET {assignments} WHERE id = ?", (*changes.values(), model.id))

    def update_version(self, version: ModelVersion, **changes: Any) -> None:
        """Change columns of the version's row: ``comment``, ``metadata``."""
        assignments = ", ".join(f"{column} = ?" for column in changes)
        self.catalog.connect().execute(
            f"UPDATE model_versions SET {assignments} WHERE id = ?", (*changes.values(), version.id)
        )

    def set_alias(self, version: ModelVersion, alias: str) -> None:
        """Name a version by an alias; an alias that another version had moves to this one."""
        if alias in SYSTEM_ALIASES:
            raise invalid_argument(f"'{alias}' is a system alias and cannot be set")
        if any(alias == other.name for other in self.versions(version.model)):
            raise already_exists("Version", f"{alias}' of model '{version.model.full_name}")
        self.catalog.connect().execute(
            "INSERT INTO model_aliases VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version",
            (version.model.id, alias, version.id),
        )

    def unset_alias(self, version: ModelVersion, name: str) -> None:
        """Take an alias away: the one called ``name``, or all of the user's own where ``name`` is the version's."""
        connection = self.catalog.connect()
        if name == version.name:
            connection.execute("DELETE FROM model_aliases WHERE version = ?", (version.id,))
        else:
            connection.execute("DELETE FROM model_aliases WHERE version = ? AND alias = ?", (version.id, name))

    def _insert_version(self, connection: sqlite3.Connection, model: int | None, name: str, folder: Path) -> int | None:
        return connection.execute(
            "INSERT INTO model_versions (model, name, comment, metadata, folder, created_on) "
            "VALUES (?, ?, '', ?, ?, ?)",
            (model, name, json.dumps({}), folder.name, time.time()),
        ).lastrowid

    def _copy(self, source: Path) -> Path:
        """The files of a version in their final folder, there whole or not at all."""
        try:
            manifest = yaml.safe_load((source / "MANIFEST.yml").read_text(encoding="utf-8"))
            if not isinstance(manifest.get("methods"), list):
                raise ValueError("it has no methods")
            check_channels(source, manifest)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, AttributeError) as error:
            raise SnowflakeError(398507, "22000", f"Unable to read file MANIFEST.yml. {error}") from None
        part = self.folder / f".part-{secrets.token_hex(8)}"
        folder = self.folder / secrets.token_hex(8)
        try:
            shutil.copytree(source, part, symlinks=True)
            os.rename(part, folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return folder


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
