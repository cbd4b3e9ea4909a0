"""A result as a file that a reader takes away."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from airflow_provider_mediabatch.review.downloads import as_csv, as_parquet
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import first_line
from airflow_provider_mediabatch.review.result_query import ResultQuery
from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, TASK_PATH, RequestedTask
from airflow_provider_mediabatch.review.site import ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_task

router = APIRouter()
TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


@router.get(TASK_PATH + "/download/{kind}", dependencies=READS_RESULTS)
async def download(site: Site, key: RequestedTask, asked: Request, kind: Literal["csv", "parquet"]) -> Response:
    """The rows that match the reader's filters, at most 10,000."""
    request = PageRequest.of_url(asked.query_params)
    return await site.page(lambda: _build(site, key, request, kind))


def _build(site: ReviewSite, key: TaskKey, request: PageRequest, kind: str) -> Response:
    _, batch = load_task(key)
    if batch is None or not batch.result.job:
        return site.notice("Download", "This task instance has returned no rows.", status=404, back=site.task_url(key))
    location, job = batch.result.location, batch.result.job

    def read(connection: Any) -> list[dict[str, Any]]:
        query = ResultQuery(connection, location, job)
        columns = query.columns(answers=batch.is_chat)
        return query.all_pages(columns, request) if columns else []

    try:
        rows = site.connections.run(batch.conn_id, read)
        name = job.rsplit(".", 1)[-1]
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.{kind}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        if kind == "csv":
            return StreamingResponse(as_csv(rows), media_type=TYPES[kind], headers=headers)
        return Response(as_parquet(rows), media_type=TYPES[kind], headers=headers)
    except ImportError:
        text = "Parquet needs pyarrow in the API server's environment. Take CSV, or the statements of the page."
        return site.notice("Download", text, status=501, back=site.task_url(key))
    except Exception as error:  # a page says why, whatever Snowflake answers
        text = f"The results cannot be read now: {first_line(error)}"
        return site.notice("Download", text, status=503, back=site.task_url(key))
