"""The page of a task instance: its sample or batch with files, predictions and distributions."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.review import result_page
from airflow_provider_mediabatch.review.overview import overview
from airflow_provider_mediabatch.review.result_query import PageRequest
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, TASK_PATH, RequestedTask
from airflow_provider_mediabatch.review.site import ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import TaskInstanceInfo, load_task

PAGE_SIZE = 24
router = APIRouter()


@router.get(TASK_PATH, dependencies=READS_RESULTS)
async def batch_page(
    site: Site,
    key: RequestedTask,
    page: Annotated[int, Query(ge=1, le=10_000_000)] = 1,
    q: Annotated[str, Query(max_length=200)] = "",
    sort: str = "",
    order: str = "asc",
    label_column: str | None = None,
    label: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """The batch of a task instance, or what is known of a task that has returned none."""
    request = PageRequest(page, PAGE_SIZE, q.replace("\0", ""), label_column, label, sort or None, order == "desc")
    return await site.page(lambda: _build(site, key, request))


def _build(site: ReviewSite, key: TaskKey, request: PageRequest) -> Response:
    info, batch = load_task(key)
    if info is None:
        return site.notice("Batch review", "Airflow has no such task instance.", status=404, back=site.run_url(key))
    if batch is None:
        return _without_batch(site, info)
    return _with_batch(site, batch, request)


def _with_batch(site: ReviewSite, batch: ReviewedBatch, request: PageRequest) -> Response:
    key = batch.key
    sign = partial(site.media_url, key)
    results = result_page.read_page(batch, request, site.connections, sign)
    if results.problem and isinstance(batch.result, SampleReport):
        results = result_page.with_preview(results, batch, batch.result)
    if not results.problem:
        results = result_page.with_file_states(results, batch, site.media)
    return site.render(
        "batch.html",
        title=f"Batch review: {key.task_id}",
        batch=batch,
        facts=overview(batch),
        results=results,
        request=request,
        pages=-(-results.matching // PAGE_SIZE),
        url=partial(_page_url, site.task_url(key), request),
        self_url=site.task_url(key),
        run_url=site.run_url(key),
        log_url=site.task_url(key, "log"),
    )


def _page_url(address: str, request: PageRequest, **changes: Any) -> str:
    """The address of the same page with other search values."""
    values = {
        "q": request.search,
        "sort": request.sort or "",
        "order": "desc" if request.descending else "",
        "label_column": request.label_column or "",
        "label": request.label or "",
        "page": request.page,
    } | changes
    return f"{address}?{urlencode({name: value for name, value in values.items() if value not in ('', None)})}"


def _without_batch(site: ReviewSite, info: TaskInstanceInfo) -> Response:
    state = info.state or "not started"
    if info.job and not info.refused:
        return _job_status_page(site, info, info.job)
    if info.refused:
        return site.notice(
            f"Batch review: {info.key.task_id}",
            "This task instance returned a result whose job or location is not named after it. Nothing of it is shown.",
            back=site.run_url(info.key),
        )
    return site.notice(
        f"Batch review: {info.key.task_id}",
        f"This task instance ({state}) has returned no sample and no batch. "
        "While a batch is running, the task's log shows its progress.",
        back=site.run_url(info.key),
    )


def _job_status_page(site: ReviewSite, info: TaskInstanceInfo, job: str) -> Response:
    """A task whose job has been submitted and that has returned nothing yet, or has failed."""
    from airflow_provider_mediabatch.client import jobs

    def ask(connection: Any) -> str:
        found = jobs.describe(connection, job)
        return f"The job is {found.status}." if found else "The job does not exist, or this role may not see it."

    try:
        status = site.connections.run(info.conn_id, ask)
    except Exception as error:  # the page stays up whatever Snowflake answers
        status = f"The job's status cannot be read now: {result_page.first_line(error)}"
    return site.render(
        "log.html",
        title=f"Batch review: {info.key.task_id}",
        job=job,
        logs=[(f"Task instance: {info.state or 'not started'}", status)],
        problem="",
        back=site.run_url(info.key),
    )
