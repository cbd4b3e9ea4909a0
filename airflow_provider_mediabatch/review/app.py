"""The review page: a FastAPI app inside Airflow's API server.

Who may read it: every route asks Airflow's auth manager for GET on the DAG's task instances and XComs (logs: on task
logs). What may be read: a media URL holds a signature over one file of one task instance, made when that task's
results were read, so no other file of the stage can be asked for. Nothing here writes, and no script is needed or
allowed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag, requires_authenticated
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import FileResponse, HTMLResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from airflow_provider_mediabatch.client.media import MediaUnavailableError, fetch
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.projection import duration
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom_keys import JOB_KEY
from airflow_provider_mediabatch.review import batches, pages, thumbnails
from airflow_provider_mediabatch.review.addresses import URL_PREFIX, segments, site_prefix
from airflow_provider_mediabatch.review.batches import Batch, TaskKey
from airflow_provider_mediabatch.review.connections import Connections
from airflow_provider_mediabatch.review.media_cache import MediaCache
from airflow_provider_mediabatch.review.result_query import PageRequest

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
SIGNATURE_SECONDS = 12 * 3600
PAGE_SIZE = 24
PAGE_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'"
)
MEDIA_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
BATCH = "/{dag_id}/{run_id}/{task_id}/{map_index}"


def _reads(*entities: DagAccessEntity) -> list[Any]:
    return [Depends(_has_dag), *(Depends(requires_access_dag("GET", entity)) for entity in entities)]


def _has_dag(dag_id: str) -> None:
    # The auth manager reads "~" as "any DAG".
    if dag_id in ("", "~"):
        raise HTTPException(404)


READ_BATCH = _reads(DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)
READ_LOGS = _reads(DagAccessEntity.TASK_INSTANCE, DagAccessEntity.TASK_LOGS)


class _Review:
    """What the routes share: templates, Snowflake connections, fetched files, the signing key."""

    def __init__(self, secret: str) -> None:
        self.connections = Connections()
        self.files = MediaCache()
        self.signer = URLSafeTimedSerializer(secret, salt="mediabatch.media")
        self.root = site_prefix() + URL_PREFIX
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def url(self, key: TaskKey, *rest: str | int) -> str:
        return f"{self.root}/{segments(key.dag_id, key.run_id, key.task_id, key.map_index, *rest)}"

    def page(self, template: str, *, title: str, status: int = 200, **values: Any) -> HTMLResponse:
        text = self.templates.get_template(template).render(title=title, root=self.root, **values)
        return HTMLResponse(
            text,
            status,
            headers={
                "Content-Security-Policy": PAGE_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "private, no-store",
            },
        )

    def problem(self, title: str, message: str, *, status: int = 200, back: str | None = None) -> HTMLResponse:
        return self.page("problem.html", title=title, message=message, back=back, status=status)

    def sign(self, key: TaskKey, path: str) -> str:
        token = self.signer.dumps([key.dag_id, key.run_id, key.task_id, key.map_index, path])
        return f"{self.url(key, 'media')}?{urlencode({'file': token})}"

    def media(self, conn_id: str, path: str, size: str) -> Response:
        """One file, as a thumbnail or whole; a drawing with the reason where it cannot be shown."""
        headers = {
            "Content-Security-Policy": MEDIA_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        try:
            place = StagePath.parse(path)
            file = self.files.get(
                (conn_id, place.full),
                lambda target: self.connections.run(conn_id, partial(fetch, path=place, target=target)),
            )
            if size in ("thumb", "small"):
                edge = thumbnails.EDGE if size == "thumb" else thumbnails.SMALL_EDGE
                small = self.files.get((conn_id, place.full, size), partial(_write_thumbnail, file, edge))
                with small.open("rb") as opened:
                    kind = thumbnails.media_type(opened.read(16)) or "image/jpeg"
                return FileResponse(small, media_type=kind, headers=headers)
            with file.open("rb") as opened:
                found = thumbnails.media_type(opened.read(16))
            name = place.path.rsplit("/", 1)[-1]
            disposition = "inline" if found else "attachment"
            return FileResponse(
                file,
                media_type=found or "application/octet-stream",
                filename=name,
                content_disposition_type=disposition,
                headers=headers,
            )
        except (MediaUnavailableError, thumbnails.NotAPictureError, ValueError) as error:
            reason, status = str(error), 200
        except Exception:  # whatever Snowflake says, the reader gets a picture that says so
            log.warning("%s cannot be shown", path, exc_info=True)
            reason, status = "this file cannot be read now; the API server's log says why", 200
        return Response(
            thumbnails.placeholder(reason),
            status,
            media_type="image/svg+xml",
            headers={**headers, "Cache-Control": "no-store"},
        )


def _write_thumbnail(source: Path, edge: int, target: Path) -> None:
    target.write_bytes(thumbnails.thumbnail(source, edge=edge)[0])


def create_app() -> FastAPI:
    """The app that the plugin mounts."""
    from airflow.configuration import conf

    return _build(_Review(conf.get_mandatory_value("api", "secret_key")))


def _build(review: _Review) -> FastAPI:
    app = FastAPI(
        title="Media batch review",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(requires_authenticated())],
    )

    @app.get("/static/review.css")
    def style() -> Response:
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return FileResponse(HERE / "static" / "review.css", media_type="text/css", headers=headers)

    @app.get("/{dag_id}/{run_id}", dependencies=READ_BATCH)
    def run(dag_id: str, run_id: str) -> Response:
        found = [_summary(review, batch) for batch in batches.load_run(dag_id, run_id)]
        return review.page("run.html", title="Batches", dag_id=dag_id, run_id=run_id, batches=found)

    @app.get(BATCH, dependencies=READ_BATCH)
    def batch(
        dag_id: str,
        run_id: str,
        task_id: str,
        map_index: str,
        page: Annotated[int, Query(ge=1, le=10_000_000)] = 1,
        q: Annotated[str, Query(max_length=200)] = "",
        sort: str = "",
        order: str = "asc",
        label_column: str | None = None,
        label: Annotated[str | None, Query(max_length=400)] = None,
    ) -> Response:
        wanted = PageRequest(page, PAGE_SIZE, q.replace("\0", ""), label_column, label, sort or None, order == "desc")
        return _batch_page(review, _key(dag_id, run_id, task_id, map_index), wanted)

    @app.get(BATCH + "/media", dependencies=READ_BATCH)
    def media(dag_id: str, run_id: str, task_id: str, map_index: str, file: str, size: str = "full") -> Response:
        key = _key(dag_id, run_id, task_id, map_index)
        try:
            *signed, path = review.signer.loads(file, max_age=SIGNATURE_SECONDS)
        except (BadSignature, ValueError, TypeError):
            raise HTTPException(403, "this link is not one of the page's, or is too old: reload the page") from None
        if signed != [key.dag_id, key.run_id, key.task_id, key.map_index]:
            raise HTTPException(403, "this link belongs to another task instance")
        return review.media(_connection_of(key), path, size)

    @app.get(BATCH + "/preview/{row}/{column}", dependencies=READ_BATCH)
    def preview(
        dag_id: str, run_id: str, task_id: str, map_index: str, row: int, column: str, size: str = "small"
    ) -> Response:
        _, found = batches.load(_key(dag_id, run_id, task_id, map_index))
        if found is None or not isinstance(found.value, SampleReport):
            raise HTTPException(404)
        rows = found.value.preview
        path = rows[row].get(column) if 0 <= row < len(rows) else None
        if not isinstance(path, str) or (found.file_columns and column not in found.file_columns):
            raise HTTPException(404)
        return review.media(found.conn_id, path, size)

    @app.get(BATCH + "/log", dependencies=READ_LOGS)
    def job_log(dag_id: str, run_id: str, task_id: str, map_index: str) -> Response:
        return _log_page(review, _key(dag_id, run_id, task_id, map_index))

    _ = style, run, batch, media, preview, job_log
    return app


def _key(dag_id: str, run_id: str, task_id: str, map_index: str) -> TaskKey:
    # Airflow's UI leaves "{MAP_INDEX}" as it is for a task that is not mapped.
    index = int(map_index) if map_index.removeprefix("-").isascii() and map_index.removeprefix("-").isdigit() else -1
    return TaskKey(dag_id, run_id, task_id, max(-1, min(index, 2**31 - 1)))


def _connection_of(key: TaskKey) -> str:
    from airflow.utils.session import create_session

    with create_session() as session:
        return batches.connection_id(session, key)


def _summary(review: _Review, batch: Batch) -> dict[str, Any]:
    value, index = batch.value, batch.key.map_index
    full = isinstance(value, BatchResult)
    return {
        "url": review.url(batch.key),
        "task": batch.key.task_id + (f" [{index}]" if index >= 0 else ""),
        "kind": "full run" if full else "sample",
        "verdict": "complete" if isinstance(value, BatchResult) else "passed" if value.passed else "failed",
        "rows": value.rows,
        "quarantined": value.quarantined_count if isinstance(value, BatchResult) else 0,
        "duration": duration(value.seconds) if isinstance(value, BatchResult) else "",
        "job": value.job,
    }


def _batch_page(review: _Review, key: TaskKey, request: PageRequest) -> Response:
    back = f"{review.root}/{segments(key.dag_id, key.run_id)}"
    facts, batch = batches.load(key)
    if facts is None:
        return review.problem("Batch review", "Airflow has no such task instance.", status=404, back=back)
    if batch is None:
        state = facts.state or "not started"
        job = facts.xcom.get(JOB_KEY)
        if isinstance(job, Mapping) and job.get("job"):
            return _running_page(review, key, state, str(job["job"]), back)
        return review.problem(
            f"Batch review: {key.task_id}",
            f"This task instance ({state}) has returned no sample and no batch. "
            "A batch that is still running shows its progress in the task's log.",
            back=back,
        )
    found = pages.results(batch, request, review.connections, partial(review.sign, key))
    if found.problem and isinstance(batch.value, SampleReport):
        found = pages.with_preview(found, batch, batch.value, partial(review.sign, key))
    self_url = review.url(key)

    def url(**changes: Any) -> str:
        values = {
            "q": request.search,
            "sort": request.sort or "",
            "order": "desc" if request.descending else "",
            "label_column": request.label_column or "",
            "label": request.label or "",
            "page": request.page,
        } | changes
        return f"{self_url}?{urlencode({name: value for name, value in values.items() if value not in ('', None)})}"

    return review.page(
        "batch.html",
        title=f"Batch review: {key.task_id}",
        batch=batch,
        facts=pages.overview(batch),
        results=found,
        request=request,
        pages=-(-found.matching // PAGE_SIZE),
        url=url,
        self_url=self_url,
        run_url=back,
        log_url=review.url(key, "log"),
    )


def _running_page(review: _Review, key: TaskKey, state: str, job: str, back: str) -> Response:
    """A task whose job has been submitted and that has returned nothing yet, or failed."""
    from airflow_provider_mediabatch.client import jobs

    def ask(connection: Any) -> str:
        info = jobs.describe(connection, job)
        return f"The job is {info.status}." if info else "The job is not there yet, or this role may not see it."

    try:
        found = review.connections.run(_connection_of(key), ask)
    except Exception as error:  # the page stays up whatever Snowflake says
        found = f"Its status cannot be read now: {pages.first_line(error)}"
    return review.page(
        "log.html",
        title=f"Batch review: {key.task_id}",
        job=job,
        logs=[(f"Task instance: {state}", found)],
        problem="",
        back=back,
    )


def _log_page(review: _Review, key: TaskKey) -> Response:
    from airflow_provider_mediabatch.client import jobs

    _, batch = batches.load(key)
    if batch is None:
        return review.problem("Job log", "This task instance has returned no sample and no batch.", status=404)
    text, problem = "", ""
    replicas = (batch.plan.replicas if batch.plan else None) or 1
    try:
        text = review.connections.run(
            batch.conn_id, lambda connection: jobs.logs(connection, batch.value.job, replicas)
        )
    except Exception as error:  # the page stays up whatever Snowflake says
        problem = f"The log cannot be read now: {pages.first_line(error)}"
    if not text and not problem:
        problem = "The job left no log, or its log is gone."
    return review.page(
        "log.html",
        title=f"Job log: {key.task_id}",
        job=batch.value.job,
        logs=[("Last lines", text)] if text else [],
        problem=problem,
        back=review.url(key),
    )
