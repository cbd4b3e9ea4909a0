"""Claims of runs that have ended: which may be taken over, and which hold the output of a finished job.

A claim is a promise about money until its files are recorded, so what a job's absence proves is decided here alone:

- A job that this role cannot see is not gone. "Does not exist or not authorized" is Snowflake's one answer to both. It
  proves absence to the role that submitted the job, and to others once the job is older than Snowflake keeps jobs.
- A job that is DONE, or is gone and has left ``_SUCCESS``, has done its files: they are recorded, not run again.
- A job that failed or was cancelled, or whose model says of every row that it failed, has done nothing, and its files
  are free, unless jobs that isolate them run.
- A failed job whose isolation has left ``_SUCCESS`` has done the files that are in the isolation's output. The others
  are those that the model cannot process.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import errors, jobs
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.client.stages import output_folder
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.job_names import range_prefix
from airflow_provider_mediabatch.core.job_status import JobStatus
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.ledger.conditions import claim_condition

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.ledger.claims import ClaimOwner

log = logging.getLogger(__name__)

JOB_RETENTION_DAYS = 30
"""Days after which Snowflake has forgotten a job: no job of this age runs, whoever may see it."""


@dataclass(frozen=True)
class ClaimedJob:
    """The rows of one claim that wait for one job.

    :param is_own: whether the claim is of the task instance that asks.
    :param job: the job's qualified name; None: none was submitted.
    :param location: the job's output folder.
    :param error_column: the output in which its model says why a row failed; None: it has none.
    :param is_my_job: whether this role submitted the job.
    :param is_forgotten: whether the rows are older than Snowflake keeps jobs.
    :param newest: when the newest of these rows changed, as text.
    :param is_recent: whether that is within the hour, so that the job's image may still be being built.
    :param files: how many rows they are.
    :param was_done: whether an earlier job has done one of them, which is reprocessed.
    """

    claim_id: str
    dag_id: str
    run_id: str
    is_own: bool
    job: str | None
    location: str | None
    is_my_job: bool
    is_forgotten: bool
    newest: str
    error_column: str | None = None
    files: int = 0
    is_recent: bool = False
    was_done: bool = False

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ClaimedJob:
        """A row of the ledger's statements about claimed jobs."""
        return cls(
            claim_id=row["CLAIM_ID"],
            dag_id=row["DAG_ID"],
            run_id=row["RUN_ID"],
            is_own=bool(row["IS_OWN"]),
            job=row["JOB_NAME"],
            location=row["OUTPUT_LOCATION"],
            is_my_job=bool(row["IS_MY_JOB"]),
            is_forgotten=bool(row["FORGOTTEN"]),
            newest=str(row["NEWEST"]),
            error_column=row["ERROR_COLUMN"],
            files=int(row["COUNTED"]),
            is_recent=bool(row["RECENT"]),
            was_done=bool(row["WAS_DONE"]),
        )

    @property
    def is_isolated(self) -> bool:
        """Whether the output is of the jobs that isolate its files: their folder is not named as the job is."""
        name = str(self.job).rpartition(".")[2]
        return self.location is not None and self.location.rstrip("/").rpartition("/")[2] != name


class JobFate(Enum):
    """What a claimed job means for its files."""

    ALIVE = "may still do them"
    FINISHED = "has done them"
    FREE = "will not do them"


@dataclass(frozen=True)
class EndedClaims:
    """What claims of ended runs leave.

    :param free: claims to take over, with the time of their newest row.
    :param finished: jobs whose output is whole and was not recorded.
    :param running: jobs of the run that asks, from an earlier try, which may still do their files.
    :param given_up: jobs of the run that asks, from an earlier try, which will not do their files.
    :param reprocessed: whether files of the claims to take over were done before.
    """

    free: Sequence[tuple[str, str]]
    finished: Sequence[ClaimedJob]
    running: Sequence[str] = ()
    given_up: Sequence[str] = ()
    reprocessed: bool = False


def find_ended_claims(
    connection: SnowflakeConnection, claimed: Iterable[ClaimedJob], owner: ClaimOwner, *, adopt_own: bool
) -> EndedClaims:
    """Decide about each claim as a whole: one job that is alive keeps all of its files.

    :param claimed: own claims, and others that are old enough.
    :param owner: the task instance that asks; knows which runs are over.
    :param adopt_own: whether own jobs are adopted; a reprocessing finds them by their names instead.
    """
    claims: dict[str, list[ClaimedJob]] = {}
    for item in claimed:
        claims.setdefault(item.claim_id, []).append(item)
    free: list[tuple[str, str]] = []
    finished: list[ClaimedJob] = []
    running: list[str] = []
    given_up: list[str] = []
    reprocessed = False
    for claim_id, items in claims.items():
        first = items[0]
        if first.is_own and not adopt_own:
            continue
        if not first.is_own and not owner.run_over(first.dag_id, first.run_id):
            continue
        fates = [job_fate(connection, item) for item in items]
        finished += [item for item, fate in zip(items, fates, strict=True) if fate is JobFate.FINISHED]
        if first.is_own:
            running += [str(item.job) for item, fate in zip(items, fates, strict=True) if fate is JobFate.ALIVE]
            given_up += [str(item.job) for item, fate in zip(items, fates, strict=True) if fate is JobFate.FREE]
        elif JobFate.ALIVE not in fates:
            free.append((claim_id, max(item.newest for item in items)))
            reprocessed |= any(item.was_done for item in items)
    return EndedClaims(free, finished, running, given_up, reprocessed)


def job_fate(connection: SnowflakeConnection, claimed: ClaimedJob) -> JobFate:
    """Whether a claimed job may still do its files, has done them, or will not."""
    from snowflake.connector.errors import ProgrammingError

    if claimed.job is None:
        return JobFate.FREE
    info = jobs.describe(connection, claimed.job)
    if info is None:
        if not (claimed.is_my_job or claimed.is_forgotten):
            log.warning(
                "Job %s of run %s keeps its files: another role submitted it, and this role cannot see whether it has "
                "ended. Let its owner run: %s",
                *(claimed.job, claimed.run_id, jobs.visible_grant(claimed.job)),
            )
            return JobFate.ALIVE
        status: JobStatus | None = JobStatus.DELETED
    else:
        status = JobStatus.of(info.status)
    if claimed.is_own and status is not None and status.ending:
        return JobFate.FREE  # The task was cleared: its job is being cancelled, and the files are to run again.
    if status is None or not status.terminal:
        return JobFate.ALIVE
    may_be_isolated = status not in (JobStatus.DONE, JobStatus.DELETED) or claimed.is_isolated
    if may_be_isolated and _isolation_is_alive(connection, claimed.job):
        return JobFate.ALIVE
    if claimed.location is None or (status not in (JobStatus.DONE, JobStatus.DELETED) and not claimed.is_isolated):
        return JobFate.FREE
    try:
        whole = output_folder(connection, claimed.location).success
    except ProgrammingError:
        if claimed.is_my_job:
            return JobFate.FREE  # The role that wrote the output finds no such stage any more.
        log.warning(
            "Job %s of run %s keeps its files: this role cannot read its output in %s, which may be whole",
            *(claimed.job, claimed.run_id, claimed.location),
        )
        return JobFate.ALIVE
    if whole and claimed.error_column and not _any_row_went_well(connection, claimed):
        return JobFate.FREE  # As for a job that FAILED: the model may be the cause, and no file is blamed for it.
    return JobFate.FINISHED if whole else JobFate.FREE


def _any_row_went_well(connection: SnowflakeConnection, claimed: ClaimedJob) -> bool:
    """Whether the output has a row without an error."""
    staged = StagedParquet(connection, str(claimed.job).rpartition(".")[0])
    error = f"{field(str(claimed.error_column))}::VARCHAR"
    source = staged.source(str(claimed.location))
    return bool(staged.rows(f"SELECT 1 AS FOUND FROM {source} WHERE COALESCE({error}, '') = '' LIMIT 1"))


def _isolation_is_alive(connection: SnowflakeConnection, job: str) -> bool:
    """Whether a job runs that isolates files of this one's task instance."""
    from snowflake.connector.errors import ProgrammingError

    schema, _, name = job.rpartition(".")
    try:
        found = jobs.statuses(connection, schema, range_prefix(name))
    except ProgrammingError as error:
        if errors.is_missing(error):
            return False  # The schema is gone, and its jobs with it.
        raise
    return any((status := JobStatus.of(text)) is None or not status.terminal for text in found.values())


def finished_files_sql(connection: SnowflakeConnection, claimed: ClaimedJob, table: str) -> str:
    """A SELECT of the paths that a finished job has processed, as P, and of each row's ERROR.

    They are read from each text column of its output, because the ledger does not know the output's column of paths. A
    value of another column that equals the full stage path of a claimed file is that path as well.

    The output of a method on whole partitions has none of the manifest's columns, and need not have a row for each
    file. Its ``_SUCCESS`` says that the method has seen all files that were claimed for the job.

    :param table: the ledger's qualified name as SQL.
    """
    staged = StagedParquet(connection, str(claimed.job).rpartition(".")[0])
    found = staged.columns(str(claimed.location))
    if found and CONTENT_ID not in found and not (claimed.is_isolated or claimed.error_column):
        return (
            f"SELECT T.FILE_PATH AS P, NULL::VARCHAR AS ERROR FROM {table} T WHERE {claim_condition(claimed.claim_id)} "
            f"AND T.JOB_NAME = {sql.literal(str(claimed.job))}"
        )
    columns = [name for name, kind in found.items() if sql_types.family(kind) == "VARCHAR"]
    source = staged.source(str(claimed.location))
    error = f"NULLIF({field(claimed.error_column)}::VARCHAR, '')" if claimed.error_column else "NULL::VARCHAR"
    return " UNION ".join(
        f"SELECT {field(name)}::VARCHAR AS P, {error} AS ERROR FROM {source}"
        for name in columns
        if name != claimed.error_column
    )
