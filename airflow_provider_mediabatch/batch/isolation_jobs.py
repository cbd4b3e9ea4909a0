"""The jobs of an isolation's parts and their output on the stage.

All that belongs to it is named after the job that failed and the size of a round: its jobs
``<job>_I8_R<round>_<low>_<high>_<generation>``, and one folder ``<job>_I8/`` below which each of them writes. So every
step finds what an earlier try left, and the finished folder holds the good parts and nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.isolation_rounds import (
    MAX_LISTED,
    Part,
    Settled,
    error_of,
    good,
    listed,
    poison,
)
from airflow_provider_mediabatch.batch.submission import Work
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.model_registry import show
from airflow_provider_mediabatch.client.staged_parquet import Staged
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.exceptions import IncompleteOutputError, InvalidInputError
from airflow_provider_mediabatch.files.listing_sql import MANIFEST_FOLDER

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

ROW = "MB_ROW"
_ENDED = "All its jobs have ended and bill no more."


@dataclass(frozen=True)
class Isolation:
    """The isolation of one failed job.

    :param work: the batch.
    :param job: the qualified name of its job that failed.
    :param max_jobs: most jobs of one round.
    """

    work: Work
    job: str
    max_jobs: int

    @property
    def name(self) -> str:
        """What the names of its jobs begin with; its folder's name."""
        return f"{self.job.rsplit('.', 1)[-1]}_I{self.max_jobs}"

    @property
    def location(self) -> str:
        """The one folder that all good parts lie below."""
        return f"{self.work.output_location.rstrip('/')}/{self.name}/"

    def part_work(self, part: Part, manifest_location: str | None = None) -> Work:
        """A part as a piece of work of its own: everything that is true of a batch's job is true of a part's.

        :param manifest_location: where its rows are staged, once they are.
        """
        whole = self.work.manifest
        manifest = replace(
            whole,
            location=manifest_location or whole.location,
            row_count=part.rows,
            file_count=part.rows * max(1, len(whole.file_columns)),
            digest=digest(whole.digest, part.low, part.high)[:32],
        )
        stem = f"{self.name}_{part.name}"
        return replace(
            self.work,
            stem=stem,
            fingerprint=digest(self.work.fingerprint, stem),
            manifest=manifest,
            output_location=self.location,
            keeps_failure=True,
        )

    def staged_part(self, connection: SnowflakeConnection, part: Part) -> Work:
        """Write a part's rows as a manifest, on the server, into a fresh folder beside the whole one.

        :raises InvalidInputError: when the whole manifest is not there any more.
        """
        place = self.work.manifest.path
        parent = place.path.rstrip("/").rpartition("/")[0]
        folder = f"{parent}/{MANIFEST_FOLDER}{part.name}_{uuid.uuid4().hex[:12]}/".lstrip("/")
        location = StagePath(place.database, place.schema, place.stage, folder).full
        staged = Staged(connection, self.work.plan.job_schema)
        names = ", ".join(sql.quoted(name) for name in self.work.manifest.columns)
        rows = staged.copy_rows(
            f"SELECT {names} FROM {self._numbered(staged)} WHERE {ROW} >= {part.low} AND {ROW} < {part.high}", location
        )
        if rows != part.rows:
            raise InvalidInputError(
                f"The manifest {self.work.manifest.location} gave {rows} rows where {part.rows} were expected: it was "
                "removed or changed; clear the task that listed the files"
            )
        return self.part_work(part, location)

    def complete(self, connection: SnowflakeConnection, settled: Sequence[Settled]) -> int:
        """Make the folder one whole result: only the good parts, every row of theirs, ``_SUCCESS`` last.

        Repeating it changes nothing.

        :return: rows in it.
        :raises IncompleteOutputError: when rows are missing.
        """
        folder = StagePath.parse(self.location).folder
        names = {self._folder_of(item) for item in good(settled)}
        marker = "/" + folder.path
        found = {str(row["name"]).partition(marker)[2] for row in show(connection, f"LIST {folder.reference}")}
        strays = sorted({name.partition("/")[0] for name in found if "/" in name} - names)
        if strays:
            # Partial output of parts that failed, and of jobs that the server ended.
            pattern = sql.literal(f".*/({'|'.join(strays)})/.*")
            show(connection, f"REMOVE {folder.reference} PATTERN = {pattern}")
        rows = Staged(connection, self.work.plan.job_schema).count(self.location)
        expected = sum(item.part.rows for item in good(settled))
        if rows != expected:
            raise IncompleteOutputError(
                f"{self.location} holds {rows} rows and not the {expected} of the parts that are done",
                running=_ENDED,
                retry="A retry will find the same jobs and count again.",
            )
        if "_SUCCESS" not in found:
            source = (folder / min(names)).folder
            show(connection, f"COPY FILES INTO {folder.reference} FROM {source.reference} FILES = ('_SUCCESS')")
        return rows

    def errors(self, connection: SnowflakeConnection, settled: Sequence[Settled]) -> list[tuple[Part, str]]:
        """What the job of each bad part said at its end."""
        instances = self.work.plan.replicas or 1
        return [
            (item.part, error_of(jobs.logs(connection, self.job_of(item), instances), item.part, self.max_jobs))
            for item in poison(settled)
        ]

    def bad_files(self, connection: SnowflakeConnection, errors: Sequence[tuple[Part, str]]) -> list[dict[str, str]]:
        """The first of the bad files by row, each with its error."""
        staged = Staged(connection, self.work.plan.job_schema)
        found = staged.rows(f"{self.bad_rows(staged, errors)} ORDER BY {ROW} LIMIT {MAX_LISTED}")
        return list(listed({"path": row["FILE_PATH"], "error": row["ERROR"]} for row in found))

    def bad_rows(self, staged: Staged, errors: Sequence[tuple[Part, str]]) -> str:
        """A SELECT of the bad rows' FILE_PATH, ERROR and MB_ROW: they stay on the server, however many they are."""
        key = sql.quoted((self.work.manifest.file_columns or tuple(self.work.manifest.columns))[0])
        cases = " ".join(
            f"WHEN {ROW} >= {part.low} AND {ROW} < {part.high} THEN {sql.literal(error)}" for part, error in errors
        )
        return (
            f"SELECT FILE_PATH, ERROR, {ROW} FROM (SELECT {key}::VARCHAR AS FILE_PATH, CASE {cases} END AS ERROR, "
            f"{ROW} FROM {self._numbered(staged)}) WHERE ERROR IS NOT NULL"
        )

    def job_of(self, item: Settled) -> str:
        """The qualified name of the job that settled a part."""
        return self.part_work(item.part).job(item.generation)

    def _folder_of(self, item: Settled) -> str:
        return self.job_of(item).rsplit(".", 1)[-1]

    def _numbered(self, staged: Staged) -> str:
        """The manifest's rows with their numbers from 0, in an order that only their values decide."""
        columns = self.work.manifest.columns
        order = ", ".join(sql.quoted(name) for name in columns)
        return (
            f"(SELECT *, ROW_NUMBER() OVER (ORDER BY {order}) - 1 AS {ROW} "
            f"FROM {staged.relation(self.work.manifest.location, columns)})"
        )
