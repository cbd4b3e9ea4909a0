"""The page of a DAG run: its samples, approvals and batches in a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.cost_projection import duration
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.review import drift_texts
from airflow_provider_mediabatch.review.addresses import segments
from airflow_provider_mediabatch.review.reviewed_batch import LoadedDrift, ReviewedBatch, TaskInstanceInfo
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, RUN_PATH
from airflow_provider_mediabatch.review.serialized_tasks import TaskKind
from airflow_provider_mediabatch.review.site import Refresh, ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_run
from airflow_provider_mediabatch.review.task_texts import failure_text, state_text

router = APIRouter()


@router.get(RUN_PATH, dependencies=READS_RESULTS)
async def run_page(site: Site, dag_id: str, run_id: str, refresh: bool = True) -> Response:
    """All samples, approvals and batches of a DAG run, the failed and the running ones too."""

    def build() -> Response:
        found, drift = load_run(dag_id, run_id)
        return render_run(site, dag_id, run_id, found, drift, refresh=refresh)

    return await site.page(build)


def render_run(
    site: ReviewSite,
    dag_id: str,
    run_id: str,
    found: Sequence[tuple[TaskInstanceInfo, ReviewedBatch | None]],
    drift: Sequence[LoadedDrift] = (),
    *,
    refresh: bool,
) -> Response:
    """The page of a DAG run.

    :param site: has the templates and makes the addresses.
    :param dag_id: the DAG.
    :param run_id: its run.
    :param found: its samples, approvals and batches.
    :param drift: what its output was compared with.
    :param refresh: whether the page may load again by itself.
    """
    is_open = any(info.is_open and info.state is not None for info, _ in found)
    stop = f"{site.root}/{segments(dag_id, run_id)}?refresh=false"
    return site.render(
        "run.html",
        title=f"Batches of {dag_id}",
        refresh=Refresh(stop) if refresh and is_open else None,
        dag_id=dag_id,
        run_id=run_id,
        dag_url=f"{site.root}/{segments(dag_id)}",
        # What failed is what a reader is looking for.
        batches=[_line(site, *item) for item in sorted(found, key=lambda item: not item[0].is_failed)],
        drift=[drift_texts.section(item) for item in drift[: drift_texts.MAX_SECTIONS]],
        more_drift=len(drift[drift_texts.MAX_SECTIONS :]),
        form_url=site.form_url,
    )


def _line(site: ReviewSite, info: TaskInstanceInfo, batch: ReviewedBatch | None) -> dict[str, Any]:
    index = info.key.map_index
    failure = failure_text(info)
    text = failure.cause or failure.sentence if failure else ""
    if not text and batch is not None and isinstance(batch.result, SampleReport) and not batch.result.passed:
        text = "; ".join(check.name for check in batch.result.checks if not check.passed)
    return {
        "url": site.task_url(info.key),
        "task": info.key.task_id + (f" [{index}]" if index >= 0 else ""),
        "kind": info.kind,
        "state": state_text(info, batch),
        "rows": f"{batch.result.rows:,}" if batch else "",
        "quarantined": f"{batch.result.quarantined_count:,}" if batch else "",
        "duration": _duration(info, batch),
        "text": text,
        "log_url": site.task_url(info.key, "log") if info.is_failed and info.job else None,
        "answers": info.answers if info.kind is TaskKind.APPROVAL else (),
    }


def _duration(info: TaskInstanceInfo, batch: ReviewedBatch | None) -> str:
    if batch is not None and isinstance(batch.result, BatchResult) and batch.result.seconds:
        return duration(batch.result.seconds)
    if info.started is None or info.kind is TaskKind.APPROVAL:
        return ""
    until = info.ended if info.ended is not None and not info.is_open else datetime.now(UTC)
    return duration(max(0.0, (until - info.started).total_seconds()))
