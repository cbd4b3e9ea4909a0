"""A result as a file that a reader takes away."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from airflow_provider_mediabatch.review.downloads import as_csv, as_parquet
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import first_line
from airflow_provider_mediabatch.review.result_query import MAX_DOWNLOAD_CHARACTERS, ResultQuery
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, TASK_PATH, RequestedTask
from airflow_provider_mediabatch.review.site import ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_task

WAIT_SECONDS = 5.0
"""How long a download waits for another one. One at a time is in the API server's memory."""
router = APIRouter()
TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


@router.get(TASK_PATH + "/download/{kind}", dependencies=READS_RESULTS)
async def download(site: Site, key: RequestedTask, asked: Request, kind: Literal["csv", "parquet"]) -> Response:
    """The rows that match the reader's filters, at most 10,000, or the reason why they are too much."""
    request = PageRequest.of_url(asked.query_params)
    return await site.page(lambda: _build(site, key, request, kind))


def _build(site: ReviewSite, key: TaskKey, request: PageRequest, kind: str) -> Response:
    _, batch = load_task(key)
    if batch is None or not batch.result.job:
        return site.notice("Download", "This task instance has returned no rows.", status=404, back=site.task_url(key))
    if not site.downloading.acquire(timeout=WAIT_SECONDS):
        text = "Another reader's download is not finished yet. Try again in a minute."
        return site.notice("Download", text, status=503, back=site.task_url(key))
    try:
        return _read(site, key, batch, request, kind)
    finally:
        site.downloading.release()


def _read(site: ReviewSite, key: TaskKey, batch: ReviewedBatch, request: PageRequest, kind: str) -> Response:
    location, job = batch.result.location, batch.result.job

    def read(connection: Any) -> list[dict[str, Any]] | None:
        query = ResultQuery(connection, location, job)
        columns = query.columns(answers=batch.is_chat)
        if not columns:
            return []
        too_large = query.characters(columns, request) > MAX_DOWNLOAD_CHARACTERS
        return None if too_large else query.all_pages(columns, request)

    try:
        rows = site.connections.run(batch.conn_id, read)
        if rows is None:
            text = (
                f"These rows have more than the {MAX_DOWNLOAD_CHARACTERS:,} characters that are downloaded here. "
                "Filter them, or take the statements of the page."
            )
            return site.notice("Download", text, status=413, back=site.task_url(key))
        name = job.rsplit(".", 1)[-1]
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.{kind}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        if kind == "csv":
            # Written here, and not while it is sent, which Airflow's own threads would do.
            body = b"".join(as_csv(rows, batch.file_columns))
            return Response(body, media_type=TYPES[kind], headers=headers)
        return Response(as_parquet(rows), media_type=TYPES[kind], headers=headers)
    except ImportError:
        text = "Parquet needs pyarrow in the API server's environment. Take CSV, or the statements of the page."
        return site.notice("Download", text, status=501, back=site.task_url(key))
    except Exception as error:  # a page says why, whatever Snowflake answers
        text = f"The results cannot be read now: {first_line(error)}"
        return site.notice("Download", text, status=503, back=site.task_url(key))
