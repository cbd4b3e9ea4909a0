"""How a wait ends: the output is whole, or the error says what happened, what still costs and what a retry does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.batch.job_log import LOG_FOLLOWS, memory_error, model_exception, process_end
from airflow_provider_mediabatch.batch.job_polling import Outcome
from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest, submission_error
from airflow_provider_mediabatch.client import errors, jobs, stages
from airflow_provider_mediabatch.client.containers import JobEnd
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.core.job_status import JobStatus
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import (
    CANCELLED,
    NOT_KNOWN,
    RETRY_NEXT,
    FilesMissingError,
    IncompleteOutputError,
    InvalidInputError,
    JobFailedError,
    JobTimeoutError,
    MediaBatchError,
    ModelRaisedError,
    PollingFailedError,
)

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.missing_files import MissingFiles
    from airflow_provider_mediabatch.core.manifest import Manifest

logger = logging.getLogger(__name__)

_ENDED = "The job has ended and incurs no more cost."
_ATTACH = "A retry will attach to it if it runs."
_NAMED = 10


def check_manifest_exists(connection: SnowflakeConnection, manifest: Manifest) -> None:
    """The staged Parquet must still be there: a job over an empty folder would fail late, and cost an image.

    :raises InvalidInputError: naming the task to clear.
    """
    if not manifest.is_empty and not stages.output_folder(connection, manifest.location).files:
        raise InvalidInputError(
            f"The manifest {manifest.location} is not there any more: its Parquet was removed since it was written. "
            "Nothing was started; clear the task that listed the files, so that it is written again"
        )


def verify_output(
    connection: SnowflakeConnection, request: JobRequest, attempt: Attempt, *, is_part: bool = False
) -> int:
    """Rows of the output, after checking that it is whole.

    :param is_part: the manifest's folder holds more rows than this request's, as that of an isolation's part does.
    :raises IncompleteOutputError: no ``_SUCCESS``, or rows missing. A partition without rows is a warning: methods
        on partitions may return more rows than they are given, or fewer (snowflake-ml's documentation of them).
    """
    location = request.location(attempt.job)
    found = stages.output_folder(connection, location)
    if not found.success:
        raise IncompleteOutputError(
            f"Job {attempt.job} is DONE, but {location} has no _SUCCESS: its output is not whole and is not read",
            running=_ENDED,
            retry=RETRY_NEXT,
        )
    staged = StagedParquet(connection, request.plan.job_schema)
    rows = staged.count(location) if found.files else 0
    expected = request.manifest.row_count
    if request.plan.keeps_rows and rows != expected:
        raise IncompleteOutputError(
            f"Job {attempt.job} wrote {rows} rows to {location} for {expected} rows of its manifest",
            running=_ENDED,
            retry=_checks_again(location),
        )
    _verify_identity(staged, request, attempt, location, is_part=is_part)
    column = request.plan.partition_column
    if column is not None and not request.plan.keeps_rows and expected:
        missing = staged.missing_values(column, request.manifest.location, location)
        if missing:  # a method may find nothing in a partition: _SUCCESS says that it has seen all of them
            logger.warning(
                "Job %s wrote no rows for %d of the manifest's partitions (%s)", attempt.job, missing, column
            )
    return rows


def _verify_identity(
    staged: StagedParquet, request: JobRequest, attempt: Attempt, location: str, *, is_part: bool
) -> None:
    """Each row of the manifest must be in the output as often as in the manifest.

    Of a part, whose rows have no folder of their own any more, each row of the output must be in the whole manifest.

    The right number of rows proves nothing: a row that is there twice could hide one that is missing.
    """
    manifest = request.manifest
    outputs = {name.upper() for name in request.plan.outputs}
    # An output of the model with the name of an input hides the input's values.
    keys = [
        name
        for name in (*manifest.file_columns, CONTENT_ID)
        if name in manifest.columns and name.upper() not in outputs
    ]
    if not (keys and request.plan.keeps_rows and manifest.row_count):
        return
    if is_part:
        strays, example = staged.missing_row(keys, location, manifest.location)
        if strays:
            raise IncompleteOutputError(
                f"The output of job {attempt.job} in {location} has as many rows as its part of the manifest, but "
                f"{example} is in it more often than in the manifest",
                running=_ENDED,
                retry=_checks_again(location),
            )
        return
    missing, example = staged.missing_row(keys, manifest.location, location)
    if missing:
        raise IncompleteOutputError(
            f"The output of job {attempt.job} in {location} has as many rows as its manifest, but {example} is missing "
            f"({missing:,} rows of the manifest are missing, and others are there more than once)",
            running=_ENDED,
            retry=_checks_again(location),
        )


def _checks_again(location: str) -> str:
    """What a retry does with output that is whole by its ``_SUCCESS``, and yet not that of the manifest."""
    return (
        "A retry finds the same job and checks the same output again. To run the files again, delete the output with "
        f"REMOVE {StagePath.parse(location).reference}: a retry then starts the next job."
    )


def polling_error(event: Mapping[str, Any], attempt: Attempt) -> PollingFailedError | None:
    """The error of a wait that ended because the status could not be read; None for every other end."""
    outcome = Outcome(event["outcome"])
    if outcome is Outcome.UNKNOWN:
        said = f" Snowflake's answer was: {event['error']}." if event.get("error") else ""
        return PollingFailedError(
            f"Snowflake does not know the statement {attempt.query_id} that submits job {attempt.job}, and there is no "
            f"job of this name yet.{said} The statement may go on and start it: see DESCRIBE SERVICE {attempt.job}, "
            "and the statement in the query history",
            running=NOT_KNOWN,
        )
    if outcome is Outcome.FORBIDDEN:
        return PollingFailedError(
            f"The status of job {attempt.job} may not be read: {event.get('error')}",
            running="The job was left alone. It may run and incur cost.",
        )
    if outcome is Outcome.UNREACHABLE:
        return PollingFailedError(
            f"The status of job {attempt.job} could not be read repeatedly. The last error: {event.get('error')}",
            running="The job was left alone, because its state is not known. It may run and incur cost.",
        )
    return None


def model_raised(event: Mapping[str, Any]) -> bool:
    """Whether the job ended as FAILED, which is what a model that raises leads to.

    Every other end (cancelled, dropped, INTERNAL_ERROR, a timeout) says nothing about the files.
    """
    return Outcome(event["outcome"]) is Outcome.FAILED and event.get("status") == JobStatus.FAILED


def cancelled_by_clearing(event: Mapping[str, Any], attempt: Attempt) -> bool:
    """Whether an earlier try's job was cancelled after this try had attached to it.

    Clearing a deferred task makes its trigger cancel the job a moment later, and the next try may come first. That try
    must run the batch and not fail because of the cancelled job.
    """
    outcome = Outcome(event["outcome"])
    cancelled = outcome is Outcome.FAILED and event.get("status") == JobStatus.CANCELLED
    return attempt.attached and (cancelled or outcome is Outcome.REJECTED)


def outcome_error(
    connection: SnowflakeConnection,
    event: Mapping[str, Any],
    attempt: Attempt,
    *,
    cancel_on_timeout: bool,
    request: JobRequest | None = None,
) -> MediaBatchError:
    """The error of a wait that ended otherwise than in DONE; cancels a job whose time is over, if it is not yet.

    :param event: what the trigger, or the wait in place, gave.
    :param request: what the job was for: after a failure, files that are gone since they were listed are named.
    """
    from snowflake.connector.errors import Error

    outcome = Outcome(event["outcome"])
    if outcome is Outcome.REJECTED:
        return submission_error(attempt.job, str(event.get("error") or "the statement failed"))
    if outcome is Outcome.GONE:
        return JobFailedError(
            f"Job {attempt.job} does not exist any more (it was dropped), or this role may not see it any more",
            status="DELETED",
            running="If it was dropped, it incurs no more cost.",
            retry="A retry will look it up by name, and start a new job if it is not there.",
        )
    if outcome is Outcome.TIMEOUT:
        late = f"Job {attempt.job} was not finished in time (last status: {event.get('status') or 'submitting'})"
        if not cancel_on_timeout:
            return JobTimeoutError(late, running="It was left running and incurs cost.", retry=_ATTACH)
        if not event.get("cancelled"):
            try:
                jobs.cancel(connection, attempt.job, attempt.query_id)
            except (Error, MediaBatchError) as error:
                what = error.what if isinstance(error, MediaBatchError) else errors.error_text(error)
                may_run = "It may run, or still be started, and incur cost."
                return JobTimeoutError(f"{late}, and could not be cancelled. {what}", running=may_run, retry=_ATTACH)
        return JobTimeoutError(late, running=CANCELLED, retry=RETRY_NEXT)
    end = JobEnd(connection, attempt.job, request.plan.replicas if request is not None else None)
    tail = end.log
    status = str(event.get("status") or "FAILED")
    log = f"{LOG_FOLLOWS}{tail}" if tail else "\nIt has no log."
    gone = _missing_files(connection, request) if request is not None and status == JobStatus.FAILED else None
    if gone:
        return FilesMissingError(
            f"Job {attempt.job} ended as {status}: {gone.count:,} of the manifest's files are not on their stage any "
            f"more: {gone}. Upload them again, or clear the task that lists the files, with what follows it.{log}",
            running=_ENDED,
        )
    if status == JobStatus.FAILED and model_exception(tail) is not None:
        files = f" It ran {file_names(connection, request)}." if request is not None else ""
        return ModelRaisedError(
            f"Job {attempt.job} ended as {status}, because the model raised an exception.{files}{log}", running=_ENDED
        )
    ends = end.ends
    died = process_end(ends)
    if died is not None:
        files = f" It ran {file_names(connection, request)}." if request is not None else ""
        cause = f" {died}.{files} With isolate_failures=True the file of which a process dies is found and left out."
    elif refused := memory_error(tail):
        cause = f" {refused}."
    else:
        cause = f" Of its containers Snowflake says: {ends}." if ends else ""
    return JobFailedError(f"Job {attempt.job} ended as {status}.{cause}{log}", status=status, running=_ENDED)


def file_names(connection: SnowflakeConnection, request: JobRequest) -> str:
    """The files of a request in words: the first ten by name, and how many more.

    An error of this look-up must not hide the one that asked for it.
    """
    from snowflake.connector.errors import Error

    manifest = request.manifest
    column = field((manifest.file_columns or tuple(manifest.columns))[0])
    staged = StagedParquet(connection, request.plan.job_schema)
    try:
        found = staged.rows(
            f"SELECT {column}::VARCHAR AS FILE_PATH FROM {staged.source(manifest.location)} ORDER BY 1 LIMIT {_NAMED}"
        )
    except Error as error:
        return f"the files of {manifest.location}, which cannot be read ({error})"
    names = ", ".join(str(row["FILE_PATH"]) for row in found)
    more = manifest.row_count - len(found)
    return f"{names} and {more:,} more" if more > 0 else names


def _missing_files(connection: SnowflakeConnection, request: JobRequest) -> MissingFiles | None:
    """Files that were deleted after they were listed. An error of this search must not hide the job's failure."""
    from snowflake.connector.errors import Error

    from airflow_provider_mediabatch.batch.missing_files import missing_files

    try:
        found = missing_files(connection, request.manifest, request.plan.job_schema)
    except (Error, MediaBatchError) as error:
        logger.warning("Whether files were deleted after they were listed could not be checked: %s", error)
        return None
    return found if found.count else None
