"""Batch inference jobs on Snowflake: submit them, read their status and logs, cancel them.

No statement here needs a warehouse, but for :func:`seconds`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import execute, rows, rows_or_none
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.job_names import PREFIX
from airflow_provider_mediabatch.core.job_specification import job_specification
from airflow_provider_mediabatch.core.job_status import JobStatus, SubmissionState
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.inference_plan import InferencePlan

LOG_LINES = 100
LOGGED_INSTANCES = 8
"""The number of instances whose log is read."""
LOG_CHARACTERS = 12_000
"""The characters at the end of an instance's log that are returned."""
LINE_CHARACTERS = 1_000
"""The characters of a line of a log that are kept, of its beginning and its end."""
HISTORY_ROWS = 10_000
"""The largest RESULT_LIMIT of GET_JOB_HISTORY."""
MARGIN = timedelta(minutes=1)
"""How far the creation of a job may differ between DESCRIBE SERVICE and the job history."""
END_SECONDS = 10.0
"""How long a statement may take to end after it was cancelled."""
CONTAINER = "main"


@dataclass(frozen=True)
class JobInfo:
    """A job as DESCRIBE SERVICE shows it.

    :param name: qualified name.
    :param status: Snowflake's status text.
    :param instances: how many instances it was given.
    """

    name: str
    status: str
    instances: int


def execute_statement(
    plan: InferencePlan, *, manifest_location: str, job: str, output_location: str, save_mode: str
) -> str:
    """``EXECUTE INFERENCE JOB SERVICE`` as ``ModelVersion.run_batch`` sends it for the same arguments, by test.

    :param plan: model, function, columns, resources.
    :param manifest_location: folder of staged Parquet, read in place.
    :param job: the job's qualified name.
    :param output_location: the job writes a folder of its own name below it.
    :param save_mode: ``error`` or ``overwrite``: what happens when that folder holds files.
    :raises InvalidInputError: the plan is not one that validation wrote.
    """
    try:
        specification = job_specification(plan, output_location, save_mode.lower())
    except ValueError as error:
        raise InvalidInputError(f"The plan cannot become a job: {error}") from None
    clauses = [
        "EXECUTE INFERENCE JOB SERVICE",
        f"IN COMPUTE POOL {plan.compute_pool}",
        f"WITH SPECIFICATION {sql.specification(specification)}",
        f"FROM {StagePath.parse(manifest_location).folder.reference}",
        f"MODEL = {plan.model}",
        f"VERSION = {sql.identifier(plan.model_version)}",
        f"FUNCTION = {sql.literal(plan.function)}",
        f"NAME = {job}",
        "ASYNC = TRUE",
    ]
    if plan.replicas is not None:
        clauses.append(f"REPLICAS = {int(plan.replicas)}")
    return "\n".join(clauses)


def submit(connection: SnowflakeConnection, statement: str) -> str:
    """Send the statement without waiting (an image build takes minutes) and return its query id."""
    with connection.cursor() as cursor:
        cursor.execute_async(statement)
        return str(cursor.sfqid)


def describe(connection: SnowflakeConnection, job: str) -> JobInfo | None:
    """The job, or None when it does not exist or this role may not see it."""
    found = rows_or_none(connection, f"DESCRIBE SERVICE {job}")
    if not found:
        return None
    return JobInfo(job, str(found[0]["status"]), int(found[0].get("target_instances") or 1))


def statuses(connection: SnowflakeConnection, schema: str, prefix: str = PREFIX) -> dict[str, str]:
    """Status of every job of ours in a schema, by qualified name: one statement, however many there are.

    A job that is missing here is not proven gone (the listing has limits of its own): DESCRIBE it.

    :param prefix: only jobs whose names begin with it.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW JOB SERVICES LIKE {sql.like(prefix, prefix=True)} IN SCHEMA {schema}")
        columns = [column.name.lower() for column in cursor.description]
        name, status = columns.index("name"), columns.index("status")
        return {f"{schema}.{row[name]}": str(row[status]) for row in cursor.fetchall()}


def query_state(connection: SnowflakeConnection, query_id: str) -> tuple[SubmissionState, str | None]:
    """The submitting statement's state, and the error text that goes with it. No statement: the monitoring endpoint.

    FAILED only where Snowflake says so: the connector takes an error of the endpoint itself for a failed statement.
    """
    from snowflake.connector.constants import QueryStatus
    from snowflake.connector.errors import Error

    try:
        status = connection.get_query_status(query_id)
    except TypeError:  # the connector's own, for an answer without data
        return SubmissionState.UNKNOWN, None
    if status == QueryStatus.SUCCESS:
        return SubmissionState.SUCCEEDED, None
    if status == QueryStatus.ABORTING or (status != QueryStatus.NO_DATA and connection.is_still_running(status)):
        return SubmissionState.RUNNING, None
    if status in (QueryStatus.NO_DATA, QueryStatus.RESTARTED, QueryStatus.DISCONNECTED):
        return SubmissionState.UNKNOWN, None
    try:
        connection.get_query_status_throw_if_error(query_id)
    except Error as error:
        if errors.is_of_statement(error):
            return SubmissionState.FAILED, f"{error.errno}: {error.msg}"
        if errors.errno(error) is not None:
            raise
        ended = status in (QueryStatus.ABORTED, QueryStatus.FAILED_WITH_INCIDENT)
        return SubmissionState.FAILED if ended else SubmissionState.UNKNOWN, str(error.msg)
    return SubmissionState.UNKNOWN, None


def cancel(connection: SnowflakeConnection, job: str, query_id: str | None = None) -> bool:
    """Cancel the submitting statement, if one is given, and the job. The job is not dropped: its logs stay.

    :return: False when nothing was left to cancel: the job has ended, or its statement has ended without one.
    :raises MediaBatchError: there is no such job to cancel, and nothing proves that there is none that runs.
    """
    from snowflake.connector.errors import DatabaseError

    refused = ""
    if query_id:
        try:
            execute(connection, f"SELECT SYSTEM$CANCEL_QUERY({sql.literal(query_id)})")
        except DatabaseError as error:  # It may have ended, which is as good: its state and the job say so.
            refused = f" ({errors.error_text(error)})"
    cancelled = _cancel_job(connection, job)
    if cancelled is None and query_id:
        state = _end_of_statement(connection, query_id)
        if state is SubmissionState.FAILED:
            return False
        if state is not SubmissionState.SUCCEEDED:
            raise MediaBatchError(
                f"Statement {query_id}, which submits job {job}, is not known to have ended{refused}",
                running="It may still start the job, which then incurs cost.",
            )
        cancelled = _cancel_job(connection, job)  # The job may have come after the first CALL.
    if cancelled is None:
        raise MediaBatchError(
            f"There is no job {job} to cancel, or this role may not see it",
            running="Whether it was started, and runs and incurs cost, is not known.",
        )
    return cancelled


def _cancel_job(connection: SnowflakeConnection, job: str) -> bool | None:
    """Whether the job was there to cancel: False when it has ended, None when there is none or it may not be seen."""
    from snowflake.connector.errors import ProgrammingError

    try:
        execute(connection, f"CALL {job}!SPCS_CANCEL_JOB()")
    except ProgrammingError as error:
        info = None if errors.is_missing(error) else describe(connection, job)
        if info is None:
            return None
        status = JobStatus.of(info.status)
        if status is not None and (status.terminal or status.ending):
            return False
        raise
    return True


def _end_of_statement(connection: SnowflakeConnection, query_id: str) -> SubmissionState:
    """How a statement that was cancelled has ended; after some seconds its state, whichever it is."""
    until = time.monotonic() + END_SECONDS
    while True:
        state, _ = query_state(connection, query_id)
        if state in (SubmissionState.SUCCEEDED, SubmissionState.FAILED) or time.monotonic() >= until:
            return state
        time.sleep(0.5)


def logs(
    connection: SnowflakeConnection,
    job: str,
    instances: int = 1,
    lines: int = LOG_LINES,
    *,
    only: Sequence[int] | None = None,
) -> str:
    """The last lines of the job's log, of each instance; "" where there is none yet, or it may not be read.

    What is cut says where the whole log is.

    :param instances: how many the job has.
    :param only: the instances that are asked; None: the first ones.
    """
    from snowflake.connector.errors import DatabaseError

    texts = []
    for instance in range(min(instances, LOGGED_INSTANCES)) if only is None else only:
        try:
            found = rows(
                connection,
                f"SELECT SYSTEM$GET_SERVICE_LOGS({sql.literal(job)}, {sql.literal(str(instance))}, "
                f"{sql.literal(CONTAINER)}, {int(lines)}) AS LOGS",
            )
        except DatabaseError:
            continue
        text = str(found[0]["LOGS"] or "").rstrip() if found else ""
        if text:
            text = shorten_log(text, f"SYSTEM$GET_SERVICE_LOGS({sql.literal(job)}, '{instance}', '{CONTAINER}')")
            texts.append(f"[instance {instance}]\n{text}" if instances > 1 else text)
    return "\n".join(texts)


def shorten_log(text: str, whole: str) -> str:
    """The end of a log, in lines of a length that a task's error can hold.

    The lines are shortened first, so that a line with a whole file in it does not push out the exception.

    :param text: the log.
    :param whole: how to read all of it.
    """
    half = LINE_CHARACTERS // 2
    lines = [
        line if len(line) <= LINE_CHARACTERS else f"{line[:half]} … {len(line):,} characters … {line[-half:]}"
        for line in text.splitlines()
    ]
    short = "\n".join(lines)[-LOG_CHARACTERS:]
    return short if short == text else f"[shortened; the whole log: SELECT {whole}]\n{short}"


def seconds(connection: SnowflakeConnection, job: str) -> float | None:
    """From the creation of a finished job to its end, by the job history; None where that does not say.

    The history is read with a SELECT, which needs a warehouse. It gives the newest rows of a time range only, 100 by
    default, before any WHERE. So the range is that of the job's creation, and the limit is the largest there is.
    Source: Snowflake's documentation of GET_JOB_HISTORY.
    """
    from snowflake.connector.errors import DatabaseError

    described = rows_or_none(connection, f"DESCRIBE SERVICE {job}")
    if not described:
        return None
    created = described[0]["created_on"]
    start, end = (sql.literal((created + shift).isoformat()) for shift in (-MARGIN, MARGIN))
    database, schema, name = (sql.literal(part) for part in sql.split(job))
    try:
        found = rows(
            connection,
            "SELECT DATEDIFF(millisecond, CREATED_TIME, COMPLETED_TIME) / 1000 AS SECONDS FROM "
            f"TABLE(snowflake.spcs.get_job_history(CREATED_TIME_START => {start}::TIMESTAMP_LTZ, "
            f"CREATED_TIME_END => {end}::TIMESTAMP_LTZ, RESULT_LIMIT => {HISTORY_ROWS})) "
            f"WHERE DATABASE_NAME = {database} AND SCHEMA_NAME = {schema} "
            f"AND NAME = {name} AND COMPLETED_TIME IS NOT NULL ORDER BY CREATED_TIME DESC LIMIT 1",
        )
    except DatabaseError:
        return None
    return float(found[0]["SECONDS"]) if found else None


def visible_grant(job: str) -> str:
    """The statement that lets a role see a job that another role owns."""
    return f"GRANT MONITOR ON SERVICE {job} TO ROLE …"
