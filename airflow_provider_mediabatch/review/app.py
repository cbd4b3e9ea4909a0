"""The review page, a FastAPI app inside Airflow's API server.

Each route asks Airflow's auth manager for GET on the DAG's task instances and XComs, and the job's log for GET on task
logs. A media URL is signed for one file of one task instance when that task's result is read, so no other file of the
stage can be requested. The page writes nothing but the marks of readers (:mod:`.feedback`) and contains no script.
"""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_authenticated
from fastapi import Depends, FastAPI
from fastapi.responses import FileResponse, Response

from airflow_provider_mediabatch.review.routes import (
    batch_page,
    download,
    feedback,
    history_page,
    job_log,
    media_file,
    row_page,
    run_page,
)
from airflow_provider_mediabatch.review.site import HERE, ReviewSite


def create_app() -> FastAPI:
    """The app that the plugin mounts in the API server."""
    from airflow.configuration import conf

    return build_app(ReviewSite(conf.get_mandatory_value("api", "secret_key")))


def build_app(site: ReviewSite) -> FastAPI:
    """The app of one site.

    :param site: what its routes share.
    """
    app = FastAPI(
        title="Media batch review",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(requires_authenticated())],
    )
    app.state.site = site
    app.add_api_route("/static/review.css", _style)
    for module in (history_page, run_page, batch_page, row_page, media_file, job_log, download, feedback):
        app.include_router(module.router)
    return app


def _style() -> Response:
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return FileResponse(HERE / "static" / "review.css", media_type="text/css", headers=headers)
