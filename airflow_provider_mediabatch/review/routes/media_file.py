"""The files of a result: pictures, sounds and videos, whole or as thumbnails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, Response

from airflow_provider_mediabatch.client.media import MediaUnavailableError, StagedFile
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.core.media_types import HEAD_BYTES
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review import result_page, thumbnails
from airflow_provider_mediabatch.review.connection_pool import ConnectionBusyError
from airflow_provider_mediabatch.review.media_types import media_type
from airflow_provider_mediabatch.review.placeholder import placeholder
from airflow_provider_mediabatch.review.request_threads import BusyError
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey
from airflow_provider_mediabatch.review.routes.access import READS_RESULTS, TASK_PATH, RequestedTask
from airflow_provider_mediabatch.review.site import ReviewSite, Site
from airflow_provider_mediabatch.review.task_instances import load_connection_id, load_task

log = logging.getLogger(__name__)

EDGES = {"thumb": thumbnails.EDGE, "small": thumbnails.SMALL_EDGE, "large": thumbnails.LARGE_EDGE}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=60",
    "Cross-Origin-Resource-Policy": "same-origin",
}
router = APIRouter()


@router.get(TASK_PATH + "/media", dependencies=READS_RESULTS)
async def media_file(site: Site, key: RequestedTask, file: str, size: str = "full") -> Response:
    """A file of the result, by the signed address that the page holds."""
    path, content_ids = site.signed_path(key, file)
    return await _in_time(site, lambda: _respond(site, load_connection_id(key), path, content_ids, size))


@router.get(TASK_PATH + "/preview/{row}/{column}", dependencies=READS_RESULTS)
async def preview_file(site: Site, key: RequestedTask, row: int, column: str, size: str = "small") -> Response:
    """A file of the preview in the sample's report. The approval form's pictures have these addresses."""
    return await _in_time(site, lambda: _preview(site, key, row, column, size))


def _preview(site: ReviewSite, key: TaskKey, row: int, column: str, size: str) -> Response:
    _, batch = load_task(key)
    if batch is None or not isinstance(batch.result, SampleReport):
        raise HTTPException(404)
    rows = batch.result.preview
    path = rows[row].get(column) if 0 <= row < len(rows) else None
    if not isinstance(path, str) or column not in batch.file_columns:
        raise HTTPException(404)
    content_ids = str(rows[row].get(CONTENT_ID) or "")
    return _respond(site, batch.conn_id, path, content_ids, size, lambda: _check_sampled(site, batch, column, path))


async def _in_time(site: ReviewSite, build: Callable[[], Response]) -> Response:
    try:
        return await site.threads.run(build)
    except BusyError as error:
        return _placeholder(str(error))


def _check_sampled(site: ReviewSite, batch: ReviewedBatch, column: str, path: str) -> None:
    if path not in result_page.sampled_paths(batch, column, site.connections):
        raise MediaUnavailableError("this file is not in the sample's output")


def _respond(
    site: ReviewSite,
    conn_id: str | None,
    path: str,
    content_ids: str,
    size: str,
    check: Callable[[], None] = lambda: None,
) -> Response:
    """The file, or a drawing with the reason why it cannot be shown.

    :param site: has the files.
    :param conn_id: the connection that the task used.
    :param path: the full stage path.
    :param content_ids: what the listing noted of its content. A thumbnail of another content is marked.
    :param size: ``thumb``, ``small``, ``large``, or anything else for the whole file.
    :param check: raises MediaUnavailableError when the file may not be shown.
    """
    try:
        check()
        file = site.media.find(conn_id, StagePath.parse(path))
        if size not in EDGES:
            return _whole(site.media.whole(conn_id, file), file)
        changed = bool(content_ids) and not file.is_one_of(content_ids)
        small = site.media.thumbnail(conn_id, file, EDGES[size], changed=changed)
        return FileResponse(small, media_type=_type_of(small) or "image/jpeg", headers=HEADERS)
    except (BusyError, MediaUnavailableError, ConnectionBusyError, thumbnails.NotAPictureError, ValueError) as error:
        return _placeholder(str(error))
    except Exception:  # whatever Snowflake answers, the reader gets a picture
        log.warning("%s cannot be shown", path, exc_info=True)
        return _placeholder("this file cannot be read now; the API server's log says why")


def _placeholder(reason: str) -> Response:
    headers = {**HEADERS, "Cache-Control": "no-store"}
    return Response(placeholder(reason), media_type="image/svg+xml", headers=headers)


def _whole(fetched: Path, file: StagedFile) -> Response:
    kind = _type_of(fetched)
    return FileResponse(
        fetched,
        media_type=kind or "application/octet-stream",
        filename=file.path.path.rsplit("/", 1)[-1],
        content_disposition_type="inline" if kind else "attachment",
        headers=HEADERS,
    )


def _type_of(file: Path) -> str | None:
    with file.open("rb") as opened:
        return media_type(opened.read(HEAD_BYTES))
