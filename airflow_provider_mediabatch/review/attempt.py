"""What can be shown of a task that has returned nothing: its job's status, its files and the end of its log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import first_line
from airflow_provider_mediabatch.review.result_query import ResultQuery
from airflow_provider_mediabatch.review.result_rows import MediaFile, SignPath, media_file

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
    from airflow_provider_mediabatch.review.reviewed_batch import TaskInstanceInfo

log = logging.getLogger(__name__)

MAX_FILES = 24
LOG_LINES = 40


@dataclass(frozen=True)
class Attempt:
    """A task's try, as far as Snowflake knows of it.

    :param status: the job's status in a sentence, or "".
    :param files: the first files that the job runs, one tuple for each row.
    :param log: the end of the job's log, or "".
    :param problem: why something of it cannot be shown, or "".
    """

    status: str = ""
    files: tuple[tuple[MediaFile, ...], ...] = ()
    log: str = ""
    problem: str = ""


def read_attempt(info: TaskInstanceInfo, connections: ConnectionPool, sign: SignPath, *, with_log: bool) -> Attempt:
    """The try of a task instance.

    :param info: the task instance.
    :param connections: where the statements run. Their number does not depend on the number of files.
    :param sign: makes the media URL of a full stage path and its content ids.
    :param with_log: whether the reader may read logs.
    """
    if info.submitted is None:
        return Attempt()
    try:
        return connections.run(info.conn_id, partial(_read, info, sign, with_log))
    except Exception as error:  # the page stays up whatever Snowflake answers
        log.warning("Job %s cannot be shown", info.job, exc_info=True)
        return Attempt(problem=f"The job cannot be read now: {first_line(error)}")


def _read(info: TaskInstanceInfo, sign: SignPath, with_log: bool, connection: SnowflakeConnection) -> Attempt:
    assert info.submitted is not None
    job = info.submitted.job
    found = jobs.describe(connection, job)
    status = f"The job is {found.status}." if found else "The job does not exist, or this role may not see it."
    text = jobs.logs(connection, job, info.submitted.replicas, LOG_LINES) if with_log and found else ""
    files: tuple[tuple[MediaFile, ...], ...] = ()
    problem = ""
    try:
        files = _files(info, sign, connection)
    except Exception as error:  # the log matters more
        log.warning("The files of %s cannot be read", job, exc_info=True)
        problem = f"The files cannot be read now: {first_line(error)}"
    return Attempt(status, files, text, problem)


def _files(
    info: TaskInstanceInfo, sign: SignPath, connection: SnowflakeConnection
) -> tuple[tuple[MediaFile, ...], ...]:
    if info.files is None or info.submitted is None:
        return ()
    query = ResultQuery(connection, info.files.location, info.submitted.job)
    wanted = {*info.files.file_columns, CONTENT_ID}
    columns = [column for column in query.columns() if column.name in wanted]
    if not columns:
        return ()
    names = [column.name for column in columns if column.name != CONTENT_ID]
    rows = query.page(columns, PageRequest(size=MAX_FILES))
    return tuple(
        tuple(media_file(name, str(row[name]), str(row.get(CONTENT_ID) or ""), sign) for name in names if row[name])
        for row in rows
    )
