"""The page of a task instance: its sample or batch with files, predictions and distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.review import comparison_texts, drift_texts, result_page, truth_texts
from airflow_provider_mediabatch.review.attempt import Attempt, read_attempt
from airflow_provider_mediabatch.review.overview import details, overview
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.quarantined_files import QuarantinedFile, quarantined_files
from airflow_provider_mediabatch.review.result_page import ResultPage
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskInstanceInfo, TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, TASK_PATH, MayReadLogs, RequestedTask
from airflow_provider_mediabatch.review.site import Refresh, ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import SHOWN, load_task
from airflow_provider_mediabatch.review.task_texts import failure_text, state_text

router = APIRouter()


@router.get(TASK_PATH, dependencies=READS_RESULTS)
async def batch_page(
    site: Site,
    key: RequestedTask,
    asked: Request,
    may_read_logs: MayReadLogs,
    page: Annotated[int, Query(ge=1, le=10_000_000)] = 1,
    refresh: bool = True,
) -> Response:
    """The batch of a task instance, or what is known of a task that has returned none."""
    request = PageRequest.of_url(asked.query_params, page=page)
    return await site.page(lambda: _build(site, key, request, may_read_logs=may_read_logs, refresh=refresh))


def _build(site: ReviewSite, key: TaskKey, request: PageRequest, *, may_read_logs: bool, refresh: bool) -> Response:
    info, batch = load_task(key)
    if info is None:
        return site.notice("Batch review", "Airflow has no such task instance.", status=404, back=site.run_url(key))
    if info.sample is not None:
        # An approval has nothing of its own to show. It asks about the sample.
        return RedirectResponse(site.task_url(info.sample), 303)
    if batch is not None and batch.result.job:
        return _with_batch(site, info, batch, request)
    return _without_batch(site, info, batch, may_read_logs=may_read_logs, refresh=refresh)


def _with_batch(site: ReviewSite, info: TaskInstanceInfo, batch: ReviewedBatch, request: PageRequest) -> Response:
    sign = partial(site.media_url, batch.key)
    results = result_page.read_page(batch, request, site.connections, sign)
    if results.problem and isinstance(batch.result, SampleReport):
        results = result_page.with_preview(results, batch, batch.result)
    if not results.problem:
        results = result_page.with_file_states(results, batch, site.media)
    quarantined = quarantined_files(batch, site.connections, sign)
    return render_batch(site, info, batch, request, results, quarantined)


def render_batch(
    site: ReviewSite,
    info: TaskInstanceInfo,
    batch: ReviewedBatch,
    request: PageRequest,
    results: ResultPage,
    quarantined: Sequence[QuarantinedFile],
) -> Response:
    """The page of a sample or a batch.

    :param site: has the templates and makes the addresses.
    :param info: the task instance.
    :param batch: what it returned.
    :param request: what the reader asked for.
    :param results: the rows that were found.
    :param quarantined: the files that were left out.
    """
    key = batch.key
    return site.render(
        "batch.html",
        truth=_truth(batch, site.task_url(key)),
        comparison=_comparison(batch, site.task_url(key)),
        drift=[drift_texts.section(found) for found in batch.drift],
        title=heading(info),
        heading=heading(info),
        info=info,
        state=state_text(info, batch),
        failure=failure_text(info),
        batch=batch,
        details=details(batch),
        quarantined_files=quarantined,
        facts=overview(batch),
        results=results,
        request=request,
        pages=-(-results.matching // request.size),
        form_url=site.form_url,
        self_url=site.task_url(key),
        row_url=lambda number: site.task_url(key, "row", number) + request.query(),
        export_url=site.task_url(key, "feedback.json"),
        download_url=lambda kind: site.task_url(key, "download", kind) + request.query(),
        run_url=site.run_url(key),
        log_url=site.task_url(key, "log"),
    )


def _truth(batch: ReviewedBatch, address: str) -> Mapping[str, object] | None:
    """The comparison with expected labels, ready for the page. A wrong file is a search for its name."""
    found = batch.result.truth
    if found is None:
        return None
    return {
        "facts": truth_texts.facts(found),
        "classes": truth_texts.class_rows(found),
        "more": truth_texts.more_classes(found),
        "wrong": [(*row, address + PageRequest(search=row[0]).query()) for row in truth_texts.wrong_rows(found)],
    }


def _comparison(batch: ReviewedBatch, address: str) -> Mapping[str, object] | None:
    """The comparison with another version, ready for the page. A changed file is a search for its name."""
    found = batch.result.comparison if isinstance(batch.result, SampleReport) else None
    if found is None:
        return None
    return {
        "heading": comparison_texts.heading(found),
        "sentence": comparison_texts.sentence(found),
        "facts": comparison_texts.facts(found),
        "changed": [
            (*row, address + PageRequest(search=row[0]).query()) for row in comparison_texts.changed_rows(found)
        ],
        "confusion": comparison_texts.confusion_rows(found),
        "more": comparison_texts.more_pairs(found),
    }


def _without_batch(
    site: ReviewSite, info: TaskInstanceInfo, batch: ReviewedBatch | None, *, may_read_logs: bool, refresh: bool
) -> Response:
    title, back = f"Batch review: {info.key.task_id}", site.run_url(info.key)
    if info.refused:
        text = (
            "This task instance returned a result whose job or location is not named after it. Nothing of it is shown."
        )
        return site.notice(title, text, back=back)
    if info.unread:
        text = (
            f"This task instance returned a result that cannot be read here, so nothing of it is shown: {info.unread}"
        )
        return site.notice(title, text, back=back)
    if batch is not None:
        return site.notice(title, "There were no files, so no job was started.", back=back)
    if info.kind not in SHOWN:
        text = f"This task instance ({info.state or 'not started'}) has returned no sample and no batch."
        return site.notice(title, text, back=back)
    attempt = read_attempt(info, site.connections, partial(site.media_url, info.key), with_log=may_read_logs)
    return render_attempt(site, info, attempt, refresh=refresh)


def render_attempt(site: ReviewSite, info: TaskInstanceInfo, attempt: Attempt, *, refresh: bool) -> Response:
    """The page of a task that has returned nothing: it waits, runs or has failed.

    :param site: has the templates and makes the addresses.
    :param info: the task instance.
    :param attempt: what Snowflake knows of its job.
    :param refresh: whether the page may load again by itself.
    """
    key = info.key
    again = Refresh(f"{site.task_url(key)}?refresh=false") if refresh and info.is_open else None
    return site.render(
        "attempt.html",
        title=heading(info),
        refresh=again,
        heading=heading(info),
        info=info,
        state=state_text(info, None),
        failure=failure_text(info),
        job_status=attempt.status,
        files=attempt.files,
        total=info.files.row_count if info.files else 0,
        log=attempt.log,
        problem=attempt.problem,
        run_url=site.run_url(key),
        log_url=site.task_url(key, "log"),
        task_url=site.airflow_url(key),
    )


def heading(info: TaskInstanceInfo) -> str:
    """What a page is about: the kind of the task, and its id."""
    index = f" [{info.key.map_index}]" if info.key.map_index >= 0 else ""
    return f"{str(info.kind or 'task').capitalize()}: {info.key.task_id}{index}"
