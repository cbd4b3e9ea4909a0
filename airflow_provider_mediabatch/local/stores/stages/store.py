"""Stages: named folders of plain files, and the references (``@db.schema.stage/path``) that lead to them.

A stage's files are stored under its root at their path relative to the stage, so the clients' own LOCAL_FS transfer
writes them there and job processes open them without asking the server. An external stage mimics Amazon S3:
``s3://bucket/prefix/`` is the folder ``<state dir>/buckets/bucket/prefix``; to use a folder of your own, make
``buckets/bucket`` a link to it.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import already_exists, does_not_exist, invalid_argument, not_supported
from airflow_provider_mediabatch.local.stores.stages.file_formats import FileFormats
from airflow_provider_mediabatch.local.stores.stages.files import Digests
from airflow_provider_mediabatch.local.stores.stages.stage import IMPLICIT, Stage
from airflow_provider_mediabatch.local.stores.stages.streams import Streams

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>/.*)?\Z", re.DOTALL)

INTERNAL_ENCRYPTION = ("SNOWFLAKE_FULL", "SNOWFLAKE_SSE")
EXTERNAL_ENCRYPTION = ("NONE", "AWS_SSE_S3", "AWS_SSE_KMS", "AWS_CSE")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stages (
    id TEXT PRIMARY KEY, database TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, url TEXT,
    encryption TEXT NOT NULL, directory INTEGER NOT NULL, file_format TEXT NOT NULL, comment TEXT NOT NULL,
    owner TEXT NOT NULL, created_on REAL NOT NULL, session INTEGER, root TEXT NOT NULL, refreshed_on REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS stages_name ON stages (database, schema, name, COALESCE(session, 0));
"""


class StageStore:
    """All stages of an engine, kept in its catalogue.

    Internal stages are stored in ``stages/`` of the state directory, the buckets of external ones in ``buckets/``.

    :ivar digests: what is known of files' contents.
    :ivar file_formats: the FILE FORMAT objects.
    :ivar streams: the streams on their directory tables.
    """

    def __init__(self, catalog: Catalog, state_dir: Path) -> None:
        self.catalog = catalog
        self.state_dir = state_dir
        self.buckets = state_dir / "buckets"
        for folder in ("stages", "buckets", "unload", "directories"):
            (state_dir / folder).mkdir(parents=True, exist_ok=True)
        catalog.connect().executescript(_SCHEMA)
        self.digests = Digests(state_dir / "digests.sqlite")
        self.file_formats = FileFormats(catalog)
        self.streams = Streams(self)
        self._directory_locks: dict[str, threading.RLock] = {}
        self._clean_up()

    def _clean_up(self) -> None:
        """Sessions do not outlive the server, so neither do their stages; nor do half-finished unloads."""
        self._drop_where("session IS NOT NULL", ())
        shutil.rmtree(self.state_dir / "unload", ignore_errors=True)
        (self.state_dir / "unload").mkdir()

    # --- objects

    def create(
        self,
        database: str,
        schema: str,
        name: str,
        *,
        url: str | None = None,
        encryption: str | None = None,
        directory: bool = False,
        file_format: dict[str, Any] | None = None,
        comment: str = "",
        owner: str = "",
        session: int | None = None,
        replace: bool = False,
        implicit: bool = False,
    ) -> Stage:
        """Make a stage and its folder.

        :param url: ``s3://bucket/prefix/`` for an external stage.
        :param session: the owning session's id for a temporary stage.
        :param replace: drop a stage of that name, its files too, first.
        :param implicit: the stage of a table or of the user, which no SHOW names.
        :raises SnowflakeError: 002002 where the name is taken; for a URL or an encryption that the kind does not have.
        """
        identity = IMPLICIT * implicit + secrets.token_hex(8)
        kinds = EXTERNAL_ENCRYPTION if url is not None else INTERNAL_ENCRYPTION
        encryption = (encryption or kinds[0]).upper()
        if encryption not in kinds:
            raise invalid_argument(
                f"invalid value '{encryption}' for property 'ENCRYPTION TYPE' of an "
                f"{'external' if url is not None else 'internal'} stage, expected one of {', '.join(kinds)}"
            )
        root = self.state_dir / "stages" / identity if url is None else self._bucket_folder(url)
        with self.catalog.transaction() as connection:
            existing = self._row(database, schema, name, session, connection, exactly=True)
            if existing is not None and not replace:
                raise already_exists("Object", qualified(database, schema, name))
            if existing is not None:
                connection.execute("DELETE FROM stages WHERE id = ?", (existing["id"],))
            root.mkdir(parents=True, exist_ok=True)
            connection.execute(
                "INSERT INTO stages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    *(identity, database, schema, name, "internal" if url is None else "external", url),
                    *(encryption, directory, json.dumps(file_format or {}), comment, owner, time.time()),
                    *(session, str(root)),
                ),
            )
        if existing is not None:
            self._remove_folder(existing)
        return self.get(database, schema, name, session)

    def get(self, database: str, schema: str, name: str, session: int | None = None) -> Stage:
        """The stage of that name that the session sees, its own temporary one first.

        :raises SnowflakeError: 002003 where there is none.
        """
        stage = self.find(database, schema, name, session)
        if stage is None:
            raise does_not_exist("Stage", qualified(database, schema, name))
        return stage

    def find(self, database: str, schema: str, name: str, session: int | None = None) -> Stage | None:
        """As :meth:`get`, or None."""
        row = self._row(database, schema, name, session, self.catalog.connect())
        return self._stage(row) if row is not None else None

    def by_id(self, identity: str) -> Stage:
        """The stage with that id of the engine's own.

        :raises SnowflakeError: 002003 where there is none.
        """
        row = self.catalog.connect().execute("SELECT * FROM stages WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise does_not_exist("Stage", identity)
        return self._stage(row)

    def drop(self, stage: Stage) -> None:
        """Drop a stage; the files of an internal one go with it, those of a bucket stay."""
        self._drop_where("id = ?", (stage.id,))

    def session_closed(self, session: int) -> None:
        """Drop the session's temporary stages and file formats.

        :param session: the session's id.
        """
        self.file_formats.session_closed(session)
        self._drop_where("session = ?", (session,))

    def drop_schema(self, database: str, schema: str) -> None:
        """Drop everything in a schema that is itself being dropped."""
        self.file_formats.drop_schema(database, schema)
        self.streams.drop_schema(database, schema)
        self._drop_where("database = ? AND schema = ?", (database, schema))

    def rename(self, stage: Stage, database: str, schema: str, name: str) -> None:
        """Give a stage another name, in another schema too; its files are not moved.

        :raises SnowflakeError: 002002 where the name is taken.
        """
        try:
            self.update(stage, database=database, schema=schema, name=name)
        except sqlite3.IntegrityError:
            raise already_exists("Object", qualified(database, schema, name)) from None

    def update(self, stage: Stage, **changes: Any) -> None:
        """Change columns of a stage's row: ``comment``, ``directory``, ``file_format`` (JSON text) …"""
        assignments = ", ".join(f"{column} = ?" for column in changes)
        self.catalog.connect().execute(f"UPDATE stages SET {assignments} WHERE id = ?", (*changes.values(), stage.id))

    def all(self, session: int | None = None) -> list[Stage]:
        """Every stage that the session sees, by name."""
        rows = self.catalog.connect().execute(
            "SELECT * FROM stages WHERE (session IS NULL OR session = ?) AND id NOT LIKE ? "
            "ORDER BY database, schema, name",
            (session, IMPLICIT + "%"),
        )
        return [self._stage(row) for row in rows]

    def directory_lock(self, stage: Stage) -> threading.RLock:
        """What is held while a stage's directory table is made or refreshed."""
        return self._directory_locks.setdefault(stage.id, threading.RLock())

    def roots(self) -> dict[str, str]:
        """The folder of every permanent stage by its SQL name ``DB.SCHEMA.STAGE``: what job processes read files by."""
        return {stage.full_name: str(stage.root) for stage in self.all()}

    # --- rows

    def _row(
        self,
        database: str,
        schema: str,
        name: str,
        session: int | None,
        connection: sqlite3.Connection,
        exactly: bool = False,
    ) -> sqlite3.Row | None:
        condition = "session IS ?" if exactly else "(session IS NULL OR session = ?)"
        row: sqlite3.Row | None = connection.execute(
            f"SELECT * FROM stages WHERE database = ? AND schema = ? AND name = ? AND {condition} "
            "ORDER BY session IS NULL LIMIT 1",
            (database, schema, name, session),
        ).fetchone()
        return row

    def _stage(self, row: sqlite3.Row) -> Stage:
        url: str | None = row["url"]
        return Stage(
            id=row["id"],
            database=row["database"],
            schema=row["schema"],
            name=row["name"],
            kind=row["kind"],
            root=Path(row["root"]),
            url_prefix=_prefix(row) if url is None else url.rstrip("/") + "/",
            encryption=row["encryption"],
            directory_enabled=bool(row["directory"]),
            file_format=json.loads(row["file_format"]),
            comment=row["comment"],
            owner=row["owner"],
            created_on=row["created_on"],
            session=row["session"],
            url=url,
            refreshed_on=row["refreshed_on"],
        )

    def _bucket_folder(self, url: str) -> Path:
        match = _S3.match(url)
        if match is None:
            raise not_supported(f"a stage with URL '{url}': external stages are s3://bucket/[prefix/]")
        parts = [part for part in (match["prefix"] or "").split("/") if part]
        if any(part in (".", "..") for part in parts) or "\0" in url:
            raise invalid_argument(f"invalid stage URL '{url}'")
        return self.buckets.joinpath(match["bucket"], *parts)

    def _drop_where(self, condition: str, values: tuple[Any, ...]) -> None:
        connection = self.catalog.connect()
        for row in connection.execute(f"DELETE FROM stages WHERE {condition} RETURNING *", values).fetchall():
            self._remove_folder(row)

    def _remove_folder(self, row: sqlite3.Row) -> None:
        if row["kind"] == "internal":
            shutil.rmtree(row["root"], ignore_errors=True)
            self.digests.forget(Path(row["root"]))
        (self.state_dir / "directories" / f"{row['id']}.parquet").unlink(missing_ok=True)
        self._directory_locks.pop(row["id"], None)


def _prefix(row: sqlite3.Row) -> str:
    """What LIST shows before the paths of an internal stage; nothing for those of tables and users."""
    return "" if row["id"].startswith(IMPLICIT) else row["name"].lower() + "/"
