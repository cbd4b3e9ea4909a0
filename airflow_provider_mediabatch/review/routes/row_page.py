"""The page of one row of a result: its files in full size, all its values, and the rows before and after it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from airflow_provider_mediabatch.client.media import MediaUnavailableError
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review import result_page
from airflow_provider_mediabatch.review.feedback import latest_mark
from airflow_provider_mediabatch.review.page_request import SIZE, PageRequest
from airflow_provider_mediabatch.review.result_page import ResultPage
from airflow_provider_mediabatch.review.result_rows import MediaFile
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, TASK_PATH, MayMark, RequestedTask
from airflow_provider_mediabatch.review.site import Prediction, ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_task

log = logging.getLogger(__name__)
router = APIRouter()


@router.get(TASK_PATH + "/row/{number}", dependencies=READS_RESULTS)
async def row_page(
    site: Site,
    key: RequestedTask,
    asked: Request,
    user: GetUserDep,
    may_mark: MayMark,
    number: Annotated[int, Path(ge=1, le=1_000_000_000)],
) -> Response:
    """A row by its place, from 1, among the rows that match the reader's filters, in the reader's order."""
    request = PageRequest.of_url(asked.query_params, page=number, size=1)
    user_id = str(user.get_id()) if may_mark else None
    return await site.page(lambda: _build(site, key, request, user_id))


def _build(site: ReviewSite, key: TaskKey, request: PageRequest, user_id: str | None) -> Response:
    _, batch = load_task(key)
    if batch is None or not batch.result.job:
        return site.notice("Row", "This task instance has returned no rows.", status=404, back=site.task_url(key))
    results = result_page.read_page(batch, request, site.connections, partial(site.media_url, key))
    results = result_page.with_file_states(results, batch, site.media)
    rows = (replace(row, files=tuple(_by_content(site, batch, file) for file in row.files)) for row in results.rows)
    results = replace(results, rows=tuple(rows))
    prediction = marked(results, batch.result.job)
    mark = _latest_mark(site, batch, prediction)
    token = site.mark_token(key, user_id, prediction) if user_id is not None and prediction is not None else None
    return render_row(site, batch, request, results, prediction=prediction, token=token, mark=mark)


def marked(results: ResultPage, job: str) -> Prediction | None:
    """What a reader marks of a row: its first label, else its first text, of its first file.

    :param results: the row.
    :param job: whose result it is.
    """
    if not results.rows or not results.rows[0].files:
        return None
    row = results.rows[0]
    counted = {plot.column for plot in results.plots if plot.labels}
    outputs = [value for value in row.values if value.output and value.share is None]
    outputs.sort(key=lambda value: value.column not in counted)
    if not outputs:
        return None
    return Prediction(row.files[0].path, row.files[0].content_ids, outputs[0].column, outputs[0].text, job)


def _latest_mark(site: ReviewSite, batch: ReviewedBatch, prediction: Prediction | None) -> Mapping[str, Any] | None:
    if prediction is None:
        return None
    job, path, column = batch.result.job, prediction.path, prediction.column
    try:
        return site.connections.run(batch.conn_id, lambda opened: latest_mark(opened, job, path, column))
    except Exception:  # the row is shown whatever Snowflake answers
        log.warning("The marks of %s cannot be read", job, exc_info=True)
        return None


def _by_content(site: ReviewSite, batch: ReviewedBatch, file: MediaFile) -> MediaFile:
    """The file with the kind that its content has. It is fetched for that, as a browser does a moment later."""
    if file.url is None:
        return file
    try:
        found = site.media.find(batch.conn_id, StagePath.parse(file.path))
        site.media.whole(batch.conn_id, found)
        return replace(file, kind=site.media.known_kind(found) or file.kind)
    except MediaUnavailableError as error:
        return replace(file, kind="file", state=str(error))
    except Exception:  # the values are shown whatever Snowflake answers
        log.warning("%s cannot be read", file.path, exc_info=True)
        return file


def render_row(
    site: ReviewSite,
    batch: ReviewedBatch,
    request: PageRequest,
    results: ResultPage,
    *,
    prediction: Prediction | None = None,
    token: str | None = None,
    mark: Mapping[str, Any] | None = None,
) -> Response:
    """The page of a row.

    :param site: has the templates and makes the addresses.
    :param batch: whose row it is.
    :param request: of one row, which is the number of its page.
    :param results: that row.
    :param prediction: what the reader may mark.
    :param token: what the form posts, or None where the reader may not mark.
    :param mark: the latest mark, column name of the feedback table to value.
    """
    key, number = batch.key, results.page
    return site.render(
        "row.html",
        title=f"Row {number:,} of {results.matching:,}" if results.rows else f"Row {request.page:,}",
        batch=batch,
        results=results,
        filters=request.filters(),
        row=results.rows[0] if results.rows else None,
        number=number,
        prediction=prediction,
        token=token,
        mark=mark,
        labels=[
            label
            for plot in results.plots
            for label, _ in plot.labels
            if prediction and plot.column == prediction.column
        ],
        mark_url=site.task_url(key, "row", number, "mark") + request.query(),
        row_url=lambda other: site.task_url(key, "row", other) + request.query(),
        back_url=site.task_url(key) + request.query(page=-(-number // SIZE)),
    )
