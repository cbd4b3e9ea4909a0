"""Rows of which the model itself says that it could not process them: the contract of the error column.

A model that catches its own exceptions returns a text output, ``MB_ERROR`` by default. It is NULL (or an empty text)
for a row that went well, and says what went wrong for one that did not. The job then ends as DONE with one row for each
row of its manifest. Nothing is run again: the rows that failed are counted and their files quarantined with that text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.isolation_rounds import MAX_ERROR, MAX_LISTED, listed_files
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import TooManyQuarantinedError
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import JobRequest

_NAMED = 3


@dataclass(frozen=True)
class RowErrors:
    """The rows of one output that failed.

    :param count: how many.
    :param files: the first of them by path, ``{"path": …, "error": …}``.
    """

    count: int = 0
    files: Sequence[Mapping[str, str]] = ()

    @property
    def examples(self) -> str:
        """The first few, in one line each."""
        lines = [f"- {item['path']}: {item['error'].splitlines()[0]}" for item in self.files[:_NAMED]]
        return "\n".join(lines)


def has_failed(column: str) -> str:
    """The condition on a typed row that it failed.

    :param column: the error column.
    """
    return f"COALESCE({sql.quoted(column)}::VARCHAR <> '', FALSE)"


def failed_files_sql(staged: StagedParquet, request: JobRequest, location: str) -> str:
    """A SELECT of FILE_PATH, ERROR and FAILED (rows) of the files that failed. They stay on the server."""
    manifest, error = request.manifest, f"{field(str(request.error_column))}::VARCHAR"
    key = field((manifest.file_columns or tuple(manifest.columns))[0])
    return (
        f"SELECT {key}::VARCHAR AS FILE_PATH, MIN(LEFT({error}, {MAX_ERROR})) AS ERROR, COUNT(*) AS FAILED "
        f"FROM {staged.source(location)} WHERE {error} <> '' GROUP BY 1"
    )


def read_row_errors(connection: SnowflakeConnection, request: JobRequest, location: str) -> RowErrors:
    """Count the rows of a verified output that failed, in one statement; none without an error column."""
    if request.error_column is None:
        return RowErrors()
    staged = StagedParquet(connection, request.plan.job_schema)
    found = staged.rows(
        f"SELECT FILE_PATH, ERROR, SUM(FAILED) OVER () AS COUNTED FROM ({failed_files_sql(staged, request, location)}) "
        f"ORDER BY FILE_PATH LIMIT {MAX_LISTED}"
    )
    files = listed_files({"path": row["FILE_PATH"], "error": row["ERROR"]} for row in found)
    return RowErrors(int(found[0]["COUNTED"]) if found else 0, files)


def quarantine_failed_rows(
    connection: SnowflakeConnection, request: JobRequest, job: str, location: str, errors: RowErrors
) -> None:
    """Quarantine the files that failed in the ledger, if there is one. Repeating it changes nothing.

    :param job: the request's job.
    :param location: of its output.
    :param errors: what :func:`read_row_errors` found there.
    """
    claimed = ClaimedRows.of(connection, request.manifest) if errors.count else None
    if claimed is not None:
        staged = StagedParquet(connection, request.plan.job_schema)
        claimed.quarantine_rows(job, failed_files_sql(staged, request, location))


def model_at_fault(job: str, errors: RowErrors) -> TooManyQuarantinedError:
    """The error of a batch in which every row failed, by a model that is not known to have processed any file."""
    return TooManyQuarantinedError(
        f"The model says of every row of job {job} that it failed ({errors.count:,} files), and it is not known to "
        f"have processed any file. So the model counts as the cause, and no file is quarantined:\n{errors.examples}",
        running="The job has ended and incurs no more cost.",
        retry="A retry finds the same job and starts none. Correct the model and log a new version.",
    )
