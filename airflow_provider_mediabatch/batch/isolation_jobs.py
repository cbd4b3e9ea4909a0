"""The jobs that run the parts of a failed job, and their output on the stage.

All of it is named after the failed job and the size of a round (:func:`~.core.job_names.range_stem` for the jobs). All
jobs write below one folder, ``<failed job>_I<max_jobs>/``. So every step finds what an earlier try left, and the folder
in the end holds the output of the parts that are done and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.isolation_rounds import (
    MAX_LISTED,
    FinishedRange,
    RowRange,
    done_ranges,
    failed_range_error,
    failed_ranges,
    listed_files,
)
from airflow_provider_mediabatch.batch.submission import JobRequest
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.containers import JobEnd
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.job_names import range_stem
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.exceptions import IncompleteOutputError, InvalidInputError
from airflow_provider_mediabatch.files.manifest_files import fresh_folder

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

ROW = "MB_ROW"
_ENDED = "All its jobs have ended and incur no more cost."


@dataclass(frozen=True)
class IsolationJobs:
    """The jobs and the folder of one failed job's isolation.

    :param request: the batch.
    :param job: the qualified name of its job that failed.
    :param max_jobs: most jobs of one round.
    """

    request: JobRequest
    job: str
    max_jobs: int

    @property
    def location(self) -> str:
        """The one folder below which all parts write."""
        return f"{self.request.output_location.rstrip('/')}/{self._unqualified}_I{self.max_jobs}/"

    def range_request(self, row_range: RowRange, manifest_location: str | None = None) -> JobRequest:
        """A part as a request of its own. Everything that holds for a batch's job holds for a part's.

        :param manifest_location: where its rows are staged, once they are.
        """
        whole = self.request.manifest
        manifest = replace(
            whole,
            location=manifest_location or whole.location,
            row_count=row_range.rows,
            file_count=row_range.rows * max(1, len(whole.file_columns)),
            digest=digest(whole.digest, row_range.low, row_range.high)[:32],
        )
        stem = range_stem(
            self._unqualified,
            max_jobs=self.max_jobs,
            round_number=row_range.round,
            low=row_range.low,
            high=row_range.high,
        )
        return replace(
            self.request,
            stem=stem,
            fingerprint=digest(self.request.fingerprint, stem),
            manifest=manifest,
            output_location=self.location,
            # A part that fails is an answer: its rows are cut again, and no second job of the same rows is started.
            keeps_failure=True,
        )

    def stage_range(self, connection: SnowflakeConnection, row_range: RowRange) -> JobRequest:
        """Write a part's rows as a manifest, on the server, into a fresh folder beside the whole one.

        :raises InvalidInputError: when the whole manifest is not there any more.
        """
        location = fresh_folder(self.request.manifest, row_range.name)
        staged = StagedParquet(connection, self.request.plan.job_schema)
        names = ", ".join(sql.quoted(name) for name in self.request.manifest.columns)
        written = staged.copy_rows(
            f"SELECT {names} FROM {self._numbered(staged)} WHERE {ROW} >= {row_range.low} AND {ROW} < {row_range.high}",
            location,
        )
        if written != row_range.rows:
            raise InvalidInputError(
                f"The manifest {self.request.manifest.location} gave {written} rows where {row_range.rows} were "
                "expected. It was removed or changed; clear the task that listed the files"
            )
        return self.range_request(row_range, location)

    def complete_output(self, connection: SnowflakeConnection, finished: Sequence[FinishedRange]) -> int:
        """Make the folder one whole result: the parts that are done with every row, and ``_SUCCESS`` last.

        Repeating it changes nothing. Without a part that is done there is no output, and no ``_SUCCESS``.

        :return: rows in it.
        :raises IncompleteOutputError: when rows are missing.
        """
        folder = StagePath.parse(self.location).folder
        if not done_ranges(finished):
            return 0
        names = {self._folder_of(item) for item in done_ranges(finished)}
        marker = "/" + folder.path
        found = {str(row["name"]).partition(marker)[2] for row in rows(connection, f"LIST {folder.reference}")}
        strays = sorted({name.partition("/")[0] for name in found if "/" in name} - names)
        if strays:
            # Partial output of parts that failed, and of jobs that the server ended.
            pattern = sql.literal(f".*/({'|'.join(strays)})/.*")
            rows(connection, f"REMOVE {folder.reference} PATTERN = {pattern}")
        row_count = StagedParquet(connection, self.request.plan.job_schema).count(self.location)
        expected = sum(item.row_range.rows for item in done_ranges(finished))
        if row_count != expected:
            raise IncompleteOutputError(
                f"{self.location} holds {row_count} rows, and the parts that are done wrote {expected}",
                running=_ENDED,
                retry="A retry will find the same jobs and count again.",
            )
        if "_SUCCESS" not in found:
            source = (folder / min(names)).folder
            rows(connection, f"COPY FILES INTO {folder.reference} FROM {source.reference} FILES = ('_SUCCESS')")
        return row_count

    def range_errors(
        self, connection: SnowflakeConnection, finished: Sequence[FinishedRange]
    ) -> list[tuple[RowRange, str]]:
        """What the job of each failed part said at its end, and how its process died if it could say nothing."""
        errors = []
        for item in failed_ranges(finished):
            end = JobEnd(connection, self.job_of(item), self.request.plan.replicas)
            errors.append((item.row_range, failed_range_error(end.log, item.row_range, self.max_jobs, end.ends)))
        return errors

    def quarantined_files(
        self, connection: SnowflakeConnection, errors: Sequence[tuple[RowRange, str]]
    ) -> list[dict[str, str]]:
        """The first of the files to quarantine by row, each with its error."""
        staged = StagedParquet(connection, self.request.plan.job_schema)
        found = staged.rows(f"{self.quarantined_rows_sql(staged, errors)} ORDER BY {ROW} LIMIT {MAX_LISTED}")
        return list(listed_files({"path": row["FILE_PATH"], "error": row["ERROR"]} for row in found))

    def quarantined_rows_sql(self, staged: StagedParquet, errors: Sequence[tuple[RowRange, str]]) -> str:
        """A SELECT of FILE_PATH, ERROR and MB_ROW of the rows to quarantine. However many, they stay on the server."""
        key = sql.quoted((self.request.manifest.file_columns or tuple(self.request.manifest.columns))[0])
        cases = " ".join(
            f"WHEN {ROW} >= {row_range.low} AND {ROW} < {row_range.high} THEN {sql.literal(error)}"
            for row_range, error in errors
        )
        return (
            f"SELECT FILE_PATH, ERROR, {ROW} FROM (SELECT {key}::VARCHAR AS FILE_PATH, CASE {cases} END AS ERROR, "
            f"{ROW} FROM {self._numbered(staged)}) WHERE ERROR IS NOT NULL"
        )

    def stage_quarantined(self, connection: SnowflakeConnection, finished: Sequence[FinishedRange]) -> str:
        """Write the files to quarantine as Parquet (FILE_PATH, ERROR) beside the manifest.

        :return: its folder; "" when there are none.
        """
        errors = self.range_errors(connection, finished)
        if not errors:
            return ""
        location = fresh_folder(self.request.manifest, "quarantined")
        staged = StagedParquet(connection, self.request.plan.job_schema)
        staged.copy_rows(f"SELECT FILE_PATH, ERROR FROM ({self.quarantined_rows_sql(staged, errors)})", location)
        return location

    def job_of(self, item: FinishedRange) -> str:
        """The qualified name of the job that ran a part."""
        if item.row_range.round == 0:
            return self.job
        return self.range_request(item.row_range).job(item.generation)

    def _folder_of(self, item: FinishedRange) -> str:
        return self.job_of(item).rsplit(".", 1)[-1]

    @property
    def _unqualified(self) -> str:
        return self.job.rsplit(".", 1)[-1]

    def _numbered(self, staged: StagedParquet) -> str:
        """The manifest's rows with their numbers from 0, in an order that only their values decide."""
        columns = self.request.manifest.columns
        # Semi-structured values are ordered by their text.
        order = ", ".join(
            sql.quoted(name) + ("::VARCHAR" if sql_types.is_nested(kind) else "") for name, kind in columns.items()
        )
        return (
            f"(SELECT *, ROW_NUMBER() OVER (ORDER BY {order}) - 1 AS {ROW} "
            f"FROM {staged.relation(self.request.manifest.location, columns)})"
        )
