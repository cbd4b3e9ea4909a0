"""The page of a job's log."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from airflow_provider_mediabatch.review.result_page import first_line
from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_LOGS, TASK_PATH, RequestedTask
from airflow_provider_mediabatch.review.site import ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_task

router = APIRouter()


@router.get(TASK_PATH + "/log", dependencies=READS_LOGS)
async def job_log(site: Site, key: RequestedTask) -> Response:
    """The last lines of the log of the task's job."""
    return await site.page(lambda: _build(site, key))


def _build(site: ReviewSite, key: TaskKey) -> Response:
    from airflow_provider_mediabatch.client import jobs

    info, batch = load_task(key)
    # A job that an earlier run finished was adopted, and not submitted.
    job = (batch.result.job if batch is not None else info.job) if info is not None and not info.refused else None
    if info is None or not job:
        return site.notice("Job log", "This task instance has submitted no job.", status=404)
    text, problem = "", ""
    replicas = info.submitted.replicas if info.submitted is not None else 1
    try:
        text = site.connections.run(info.conn_id, lambda connection: jobs.logs(connection, job, replicas))
    except Exception as error:  # the page stays up whatever Snowflake answers
        problem = f"The log cannot be read now: {first_line(error)}"
    if not text and not problem:
        problem = "The job wrote no log, or its log has been deleted."
    return site.render(
        "log.html",
        title=f"Job log: {key.task_id}",
        job=job,
        logs=[("Last lines", text)] if text else [],
        problem=problem,
        back=site.task_url(key),
    )
