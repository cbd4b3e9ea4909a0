"""The page of a DAG run: its samples and batches in a table."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.cost_projection import duration
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, RUN_PATH
from airflow_provider_mediabatch.review.site import ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_run

router = APIRouter()


@router.get(RUN_PATH, dependencies=READS_RESULTS)
async def run_page(site: Site, dag_id: str, run_id: str) -> Response:
    """All batches of a DAG run."""
    return await site.page(lambda: _build(site, dag_id, run_id))


def _build(site: ReviewSite, dag_id: str, run_id: str) -> Response:
    lines = [_line(site, batch) for batch in load_run(dag_id, run_id)]
    return site.render("run.html", title="Batches", dag_id=dag_id, run_id=run_id, batches=lines)


def _line(site: ReviewSite, batch: ReviewedBatch) -> dict[str, Any]:
    result, index = batch.result, batch.key.map_index
    line = {
        "url": site.task_url(batch.key),
        "task": batch.key.task_id + (f" [{index}]" if index >= 0 else ""),
        "rows": result.rows,
        "job": result.job,
    }
    if isinstance(result, BatchResult):
        ended = {"quarantined": result.quarantined_count, "duration": duration(result.seconds)}
        return {**line, "kind": "full run", "verdict": "complete", **ended}
    verdict = "passed" if result.passed else "failed"
    return {**line, "kind": "sample", "verdict": verdict, "quarantined": result.quarantined_count, "duration": ""}
