"""The page of one row of a result: its files in full size, all its values, and the rows before and after it."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from airflow_provider_mediabatch.client.media import MediaUnavailableError
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review import result_page
from airflow_provider_mediabatch.review.page_request import SIZE, PageRequest
from airflow_provider_mediabatch.review.result_page import ResultPage
from airflow_provider_mediabatch.review.result_rows import MediaFile
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, TASK_PATH, RequestedTask
from airflow_provider_mediabatch.review.site import ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_task

log = logging.getLogger(__name__)
router = APIRouter()


@router.get(TASK_PATH + "/row/{number}", dependencies=READS_RESULTS)
async def row_page(
    site: Site, key: RequestedTask, asked: Request, number: Annotated[int, Path(ge=1, le=1_000_000_000)]
) -> Response:
    """A row by its place, from 1, among the rows that match the reader's filters, in the reader's order."""
    request = PageRequest.of_url(asked.query_params, page=number, size=1)
    return await site.page(lambda: _build(site, key, request))


def _build(site: ReviewSite, key: TaskKey, request: PageRequest) -> Response:
    _, batch = load_task(key)
    if batch is None or not batch.result.job:
        return site.notice("Row", "This task instance has returned no rows.", status=404, back=site.task_url(key))
    results = result_page.read_page(batch, request, site.connections, partial(site.media_url, key))
    results = result_page.with_file_states(results, batch, site.media)
    rows = (replace(row, files=tuple(_by_content(site, batch, file) for file in row.files)) for row in results.rows)
    return render_row(site, batch, request, replace(results, rows=tuple(rows)))


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


def render_row(site: ReviewSite, batch: ReviewedBatch, request: PageRequest, results: ResultPage) -> Response:
    """The page of a row.

    :param site: has the templates and makes the addresses.
    :param batch: whose row it is.
    :param request: of one row, which is the number of its page.
    :param results: that row.
    """
    key, number = batch.key, results.page
    return site.render(
        "row.html",
        title=f"Row {number:,} of {results.matching:,}",
        batch=batch,
        results=results,
        filters=request.filters(),
        row=results.rows[0] if results.rows else None,
        number=number,
        row_url=lambda other: site.task_url(key, "row", other) + request.query(),
        back_url=site.task_url(key) + request.query(page=-(-number // SIZE)),
    )
