"""One page of a batch's results, or the reason why they cannot be read."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.media import MediaUnavailableError
from airflow_provider_mediabatch.core.sample_report import PREVIEW_ROWS
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review.bounded_cache import BoundedCache
from airflow_provider_mediabatch.review.distributions import Distribution, distributions
from airflow_provider_mediabatch.review.feedback import LabelAccuracy, accuracy
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_query import ResultColumn, ResultQuery
from airflow_provider_mediabatch.review.result_rows import MediaFile, ResultRow, SignPath, result_row

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.sample_report import SampleReport
    from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
    from airflow_provider_mediabatch.review.media_library import MediaLibrary
    from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch

log = logging.getLogger(__name__)

_MAX_CACHED = 128
_STATE_SECONDS = 3.0


@dataclass(frozen=True)
class ResultPage:
    """A page of results.

    :param rows: the rows of this page.
    :param plots: distributions over all rows.
    :param total: rows of the result.
    :param matching: rows that match the reader's filter.
    :param columns: the columns that a reader can sort by.
    :param page: the number of the page, which is never above the last one.
    :param script: the statements that give all matching rows.
    :param accuracy: how often each label was marked as right.
    :param problem: why there are no results, or "".
    :param note: what is wrong with the listing that says which columns are files, or "".
    """

    rows: tuple[ResultRow, ...] = ()
    plots: tuple[Distribution, ...] = ()
    total: int = 0
    matching: int = 0
    columns: tuple[ResultColumn, ...] = ()
    page: int = 1
    script: str = ""
    accuracy: tuple[LabelAccuracy, ...] = ()
    problem: str = ""
    note: str = ""


def read_page(batch: ReviewedBatch, request: PageRequest, connections: ConnectionPool, sign: SignPath) -> ResultPage:
    """One page of the batch's output.

    :param batch: whose output is read.
    :param request: what the reader asked for.
    :param connections: where the statements run.
    :param sign: makes the media URL of a full stage path and its content ids.
    """
    try:
        return connections.run(batch.conn_id, partial(_read, batch, request, sign))
    except Exception as error:  # the page stays up whatever Snowflake answers
        log.warning("The results of %s cannot be read", batch.result.job, exc_info=True)
        return ResultPage(problem=f"The results cannot be read now: {first_line(error)}")


def with_file_states(page: ResultPage, batch: ReviewedBatch, media: MediaLibrary) -> ResultPage:
    """The page with a note at each file that was changed or removed since the prediction, and with known kinds.

    Each file takes one LIST, unless it was listed within the last minute. After 3 seconds the other files are left
    without a note. Their thumbnails are marked nevertheless.

    :param page: a page of results.
    :param batch: whose results they are.
    :param media: lists the files.
    """
    deadline = time.monotonic() + _STATE_SECONDS

    def state(file: MediaFile) -> MediaFile:
        nonlocal deadline
        if file.url is None or time.monotonic() > deadline:
            return file
        try:
            found = media.find(batch.conn_id, StagePath.parse(file.path))
        except MediaUnavailableError as error:
            return replace(file, state=str(error))
        except Exception:
            log.warning("%s cannot be listed; the other files of the page are not listed", file.path, exc_info=True)
            deadline = 0.0
            return file
        file = replace(file, kind=media.known_kind(found) or file.kind)
        same = not file.content_ids or found.is_one_of(file.content_ids)
        return file if same else replace(file, state="this file was changed after the prediction")

    rows = (replace(row, files=tuple(map(state, row.files))) for row in page.rows)
    return replace(page, rows=tuple(rows))


def with_preview(page: ResultPage, batch: ReviewedBatch, report: SampleReport) -> ResultPage:
    """The rows that the sample's report holds, where the output itself cannot be read.

    Their files get no address, because nothing but an XCom says that they are the sample's.
    """
    shown = report.preview[:PREVIEW_ROWS]
    rows = (result_row(batch, [ResultColumn(name, "TEXT") for name in row], row, None) for row in shown)
    return replace(page, rows=tuple(rows))


def sampled_paths(batch: ReviewedBatch, column: str, connections: ConnectionPool) -> frozenset[str]:
    """The files of a sample, as its output has them. The preview in the task's XCom is no proof of that.

    :param batch: a sample.
    :param column: a file column.
    :param connections: where the statement runs, once for each column.
    """
    key = (batch.conn_id, batch.result.location, column)
    found = _paths.get(key)
    if found is not None:
        return found
    location, job = batch.result.location, batch.result.job
    found = connections.run(batch.conn_id, lambda opened: ResultQuery(opened, location, job).paths(column))
    return _paths.put(key, found)


_paths: BoundedCache[tuple[str | None, str, str], frozenset[str]] = BoundedCache(_MAX_CACHED)
_totals: BoundedCache[tuple[str | None, str], tuple[int, tuple[Distribution, ...]]] = BoundedCache(_MAX_CACHED)


def _read(batch: ReviewedBatch, request: PageRequest, sign: SignPath, connection: SnowflakeConnection) -> ResultPage:
    query = ResultQuery(connection, batch.result.location, batch.result.job)
    columns = query.columns(answers=batch.is_chat)
    if not columns:
        return ResultPage(problem="The output folder holds no results any more.")
    key = (batch.conn_id, batch.result.location)
    known = _totals.get(key)
    if known is None:
        # The output of a finished job does not change, so its totals are read once.
        total = query.count(columns, PageRequest())
        known = _totals.put(key, (total, distributions(batch, query, columns, total)))
    total, drawn = known
    matching = query.count(columns, request) if request.is_filtered else total
    request = replace(request, page=max(1, min(request.page, -(-matching // request.size))))
    return ResultPage(
        rows=tuple(result_row(batch, columns, row, sign) for row in query.page(columns, request)),
        plots=drawn,
        total=total,
        matching=matching,
        columns=tuple(column for column in columns if not column.name.startswith("MB_")),
        page=request.page,
        script=query.script(columns, request),
        accuracy=_accuracy(connection, batch.result.job),
        note=batch.files_problem([column.name for column in columns]),
    )


def _accuracy(connection: SnowflakeConnection, job: str) -> tuple[LabelAccuracy, ...]:
    """The marks matter less than the rows: a table that cannot be read hides nothing else."""
    from snowflake.connector.errors import ProgrammingError

    try:
        return accuracy(connection, job)
    except ProgrammingError:
        log.warning("The marks of %s cannot be read", job, exc_info=True)
        return ()


def first_line(error: Exception) -> str:
    """An error's text as one short line."""
    text = str(getattr(error, "msg", None) or error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
