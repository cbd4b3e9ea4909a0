"""A reader marks a prediction as right or wrong, and the marks are exported.

The page has no script, so a form posts. Its token is signed for one reader and one prediction: another site cannot know
it, and a reader can mark no other file or value with it. The name that is recorded is the reader's own.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated
from urllib.parse import parse_qs

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.review import feedback
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import first_line
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey
from airflow_provider_mediabatch.review.routes.access import MARKS_RESULTS, READS_RESULTS, TASK_PATH, RequestedTask
from airflow_provider_mediabatch.review.site import Prediction, ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_task

MAX_BODY = 20_000
router = APIRouter()


@router.post(TASK_PATH + "/row/{number}/mark", dependencies=MARKS_RESULTS)
async def mark_row(
    site: Site,
    key: RequestedTask,
    asked: Request,
    user: GetUserDep,
    number: Annotated[int, Path(ge=1, le=1_000_000_000)],
) -> Response:
    """Record what the reader says of a row, and show the row again."""
    body = b""
    async for part in asked.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    prediction = site.marked_prediction(key, str(user.get_id()), form.get("token", ""))
    verdict, correct = form.get("verdict"), form.get("correct", "").replace("\0", "").strip()[:400]
    if verdict not in ("right", "wrong"):
        raise HTTPException(400, "Say right or wrong.")
    back = site.task_url(key, "row", number) + PageRequest.of_url(asked.query_params).query()
    is_right = verdict == "right"
    by = str(user.get_name())
    return await site.page(lambda: _record(site, key, prediction, is_right, "" if is_right else correct, by, back))


@router.get(TASK_PATH + "/feedback.json", dependencies=READS_RESULTS)
async def export(site: Site, key: RequestedTask) -> Response:
    """The marks of a task's results in Label Studio's JSON format, at most 10,000."""
    return await site.page(lambda: _export(site, key))


def _record(
    site: ReviewSite, key: TaskKey, prediction: Prediction, is_right: bool, correct: str, by: str, back: str
) -> Response:
    _, batch = load_task(key)
    if batch is None or not batch.result.job:
        return site.notice("Mark", "This task instance has returned no rows.", status=404, back=back)
    mark = make_mark(batch, prediction, is_right=is_right, correct=correct, by=by)
    if mark is None:
        text = "The task has run again since this row was shown. Nothing was recorded. Look at the row as it is now."
        return site.notice("Mark", text, status=409, back=back)
    try:
        site.connections.run(batch.conn_id, partial(feedback.add_mark, mark=mark))
    except Exception as error:  # a page says why, whatever Snowflake answers
        text = f"The mark was not recorded in {feedback.table_of(mark.job)}: {first_line(error)}"
        return site.notice("Mark", text, status=503, back=back)
    return RedirectResponse(back, 303)


def make_mark(
    batch: ReviewedBatch, prediction: Prediction, *, is_right: bool, correct: str, by: str
) -> feedback.Mark | None:
    """What is recorded of a reader's answer, or None when the prediction is not of this batch.

    :param batch: what the task has returned.
    :param prediction: what the reader's page showed.
    :param is_right: the answer.
    :param correct: the right value, or "".
    :param by: the reader.
    """
    if prediction.job != batch.result.job:
        return None
    source = batch.result if isinstance(batch.result, BatchResult) else batch.plan
    return feedback.Mark(
        prediction.path,
        prediction.content_id,
        source.model if source else "",
        source.model_version if source else "",
        source.function if source else "",
        prediction.column,
        prediction.value,
        is_right,
        correct,
        by,
        batch.key.dag_id,
        batch.key.run_id,
        batch.result.job,
    )


def _export(site: ReviewSite, key: TaskKey) -> Response:
    _, batch = load_task(key)
    if batch is None or not batch.result.job:
        return site.notice("Export", "This task instance has returned no rows.", status=404, back=site.task_url(key))
    job = batch.result.job
    try:
        found = site.connections.run(batch.conn_id, lambda opened: feedback.marks(opened, job))
    except Exception as error:  # a page says why, whatever Snowflake answers
        text = f"The marks cannot be read now: {first_line(error)}"
        return site.notice("Export", text, status=503, back=site.task_url(key))
    headers = {
        "Content-Disposition": 'attachment; filename="label_studio.json"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return JSONResponse(feedback.label_studio_tasks(found), headers=headers)
