"""One place where files are listed: the statement that lists it, and how the listed rows are read. Pure: no connection.

LIST and the directory table give the same columns here, so that a file's path, content id, size and time do not depend
on which of them listed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_mediabatch.client.stages import stage_info, stage_url
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.content_id import content_id_sql
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files.relation import result_scan_sql

ENCRYPTED_EMPTY = 16
"""Bytes of an empty file, and of one of less than 16 bytes, that the client encrypted (AES with padding)."""


@dataclass(frozen=True)
class StageSource:
    """One file column and the place where its files are listed.

    :param column: the manifest's column, as stored.
    :param path: what to list; a prefix, as LIST takes it.
    :param pattern: a regular expression over the whole listed name (``images/a/cat.jpg`` on an internal stage,
        ``s3://bucket/prefix/a/cat.jpg`` on an external one).
    :param url: an external stage's URL with a slash at its end; None for an internal stage.
    :param empty_size: a listed file of at most this number of bytes is empty.
    """

    column: str
    path: StagePath
    pattern: str | None = None
    url: str | None = None
    empty_size: int = 0

    def described_by(self, row: Mapping[str, Any]) -> StageSource:
        """The source with what the stage's row of SHOW STAGES says of it."""
        info = stage_info(row, self.path.database, self.path.schema)
        return replace(self, url=stage_url(row), empty_size=ENCRYPTED_EMPTY if info.encrypted_by_client else 0)

    @property
    def name_prefix(self) -> str:
        """What LIST puts before the path on the stage."""
        return self.url or self.path.stage.lower() + "/"

    def list_sql(self) -> str:
        """``LIST``: needs no warehouse and no directory table; reads the storage itself."""
        pattern = f" PATTERN = {sql.literal(self.pattern)}" if self.pattern else ""
        return f"LIST {self.path.reference}{pattern}"

    def directory_sql(self) -> str:
        """The same listing from the stage's directory table: LIST's column names, LIST's meaning of the pattern."""
        name = f"{sql.literal(self.name_prefix)} || RELATIVE_PATH"
        where = [f"STARTSWITH(RELATIVE_PATH, {sql.literal(self.path.path)})"] if self.path.path else []
        if self.pattern:
            where.append(f"REGEXP_LIKE({name}, {sql.literal(self.pattern)}, 's')")
        return (
            f'SELECT {name} AS "name", SIZE AS "size", COALESCE(MD5, ETAG) AS "md5", '
            "CONVERT_TIMEZONE('UTC', LAST_MODIFIED)::TIMESTAMP_NTZ AS \"last_modified\" "
            f"FROM DIRECTORY({self.path.root.reference})" + (f" WHERE {' AND '.join(where)}" if where else "")
        )

    def files_sql(self, query_id: str, *, directory: bool) -> str:
        """The listed files: COL, FILE_PATH (full stage path), ID, BYTES, IS_EMPTY, MODIFIED (UTC, seconds), MISPLACED.

        :param query_id: the listing's query.
        :param directory: whether it was :meth:`directory_sql`, whose times are timestamps and not GMT text.
        """
        if self.url:
            relative = f'SUBSTR("name", {len(self.url) + 1})'
            misplaced = f'NOT STARTSWITH("name", {sql.literal(self.url)})'
        else:
            relative = 'SUBSTR("name", POSITION(\'/\', "name") + 1)'
            misplaced = "POSITION('/', \"name\") = 0"
        modified = (
            "DATE_TRUNC('second', \"last_modified\")"
            if directory
            else "TO_TIMESTAMP_NTZ(\"last_modified\", 'DY, DD MON YYYY HH24:MI:SS GMT')"
        )
        content_id = content_id_sql('"md5"', '"size"', modified)
        return (
            f"SELECT {sql.literal(self.column)} AS COL, {sql.literal(self.path.root.full)} || {relative} AS FILE_PATH, "
            f"{content_id} AS ID, "
            f'"size" AS BYTES, "size" <= {int(self.empty_size)} AS IS_EMPTY, '
            f"{modified} AS MODIFIED, {misplaced} AS MISPLACED "
            f"FROM {result_scan_sql(query_id)}"
        )
