"""What the routes share: templates, Snowflake connections, fetched files, and the key that signs media URLs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from airflow_provider_mediabatch.review.addresses import URL_PREFIX, form_path, segments, site_prefix, task_path
from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
from airflow_provider_mediabatch.review.media_library import MediaLibrary
from airflow_provider_mediabatch.review.request_threads import BusyError, RequestThreads
from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
from airflow_provider_mediabatch.review.task_texts import moment
from airflow_provider_mediabatch.review.thumbnail_processes import ThumbnailProcesses
from airflow_provider_mediabatch.review.visible_text import exact, shortened, visible

HERE = Path(__file__).parent
SIGNATURE_SECONDS = 12 * 3600
REFRESH_SECONDS = 10
PAGE_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'"
)


@dataclass(frozen=True)
class Refresh:
    """A page of something that has not ended loads again by itself.

    :param stop_url: the address of the page that stays as it is.
    :param seconds: until it loads again.
    """

    stop_url: str
    seconds: int = REFRESH_SECONDS


@dataclass(frozen=True)
class Prediction:
    """What a reader marks: a value that a page has shown.

    :param path: the file.
    :param content_id: the listing's, or "".
    :param column: the output.
    :param value: its value.
    :param job: the job that predicted it. A task that runs again has another one.
    """

    path: str
    content_id: str
    column: str
    value: str
    job: str


class ReviewSite:
    """The state of the review page in one API server process.

    :param secret: Airflow's own secret key, which signs media URLs.
    """

    def __init__(self, secret: str) -> None:
        self.threads = RequestThreads()
        self.downloading = threading.Lock()
        self.connections = ConnectionPool()
        self.media = MediaLibrary(self.connections, ThumbnailProcesses())
        self._airflow = site_prefix()
        self.root = self._airflow + URL_PREFIX
        self._signer = URLSafeTimedSerializer(secret, salt="mediabatch.media")
        self._mark_signer = URLSafeTimedSerializer(secret, salt="mediabatch.mark")
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            finalize=visible,
        )
        self._templates.globals["moment"] = moment
        self._templates.filters |= {"exact": exact, "shortened": shortened}

    def task_url(self, key: TaskKey, *rest: str | int) -> str:
        """The address of a task instance's page, or of a route below it."""
        return f"{self.root}/{segments(key.dag_id, key.run_id, key.task_id, key.map_index, *rest)}"

    def run_url(self, key: TaskKey) -> str:
        """The address of the page of the task's DAG run."""
        return f"{self.root}/{segments(key.dag_id, key.run_id)}"

    def form_url(self, key: TaskKey) -> str:
        """The address of an approval's form in Airflow."""
        return self._airflow + form_path(key)

    def airflow_url(self, key: TaskKey) -> str:
        """The address of a task instance in Airflow's own pages."""
        return self._airflow + task_path(key)

    def media_url(self, key: TaskKey, path: str, content_ids: str) -> str:
        """The signed address of one file.

        :param key: the task instance whose result holds the file. The address is of no use for another one.
        :param path: the full stage path.
        :param content_ids: what the listing noted of its content, or "".
        """
        token = self._signer.dumps([key.dag_id, key.run_id, key.task_id, key.map_index, path, content_ids])
        return f"{self.task_url(key, 'media')}?{urlencode({'file': token})}"

    def signed_path(self, key: TaskKey, token: str) -> tuple[str, str]:
        """The stage path and the content ids that :meth:`media_url` signed for this task instance.

        :raises HTTPException: 403 when the signature is wrong, expired, or of another task instance.
        """
        try:
            *signed, path, content_ids = self._signer.loads(token, max_age=SIGNATURE_SECONDS)
        except (BadSignature, ValueError, TypeError):
            raise HTTPException(403, "This link is invalid or has expired. Reload the page.") from None
        if signed != [key.dag_id, key.run_id, key.task_id, key.map_index]:
            raise HTTPException(403, "This link belongs to another task instance.")
        return str(path), str(content_ids)

    def mark_token(self, key: TaskKey, user_id: str, prediction: Prediction) -> str:
        """What a form posts to mark a prediction. It is of no use to another reader, and another site cannot make it.

        :param key: the task instance whose result holds the prediction.
        :param user_id: the reader.
        :param prediction: what is marked.
        """
        return str(self._mark_signer.dumps([*astuple(key), user_id, *astuple(prediction)]))

    def marked_prediction(self, key: TaskKey, user_id: str, token: str) -> Prediction:
        """The prediction that :meth:`mark_token` signed for this reader and this task instance.

        :raises HTTPException: 403 when the signature is wrong, expired, or another reader's or task instance's.
        """
        try:
            *signed, path, content_id, column, value, job = self._mark_signer.loads(token, max_age=SIGNATURE_SECONDS)
        except (BadSignature, ValueError, TypeError):
            raise HTTPException(403, "This form is invalid or has expired. Reload the page.") from None
        if signed != [*astuple(key), user_id]:
            raise HTTPException(403, "This form belongs to another reader or another task instance.")
        return Prediction(path, content_id, column, value, job)

    async def page(self, build: Callable[[], Response]) -> Response:
        """The page that ``build`` returns, or one that asks the reader to try again.

        :param build: runs in a thread of the review page's own.
        """
        try:
            return await self.threads.run(build)
        except BusyError as error:
            return self.notice("Batch review", str(error), status=503)

    def render(
        self, template: str, *, title: str, status: int = 200, refresh: Refresh | None = None, **values: Any
    ) -> HTMLResponse:
        """A page.

        :param template: its file in ``templates``.
        :param title: of the page.
        :param status: the HTTP status.
        :param refresh: how the page loads again by itself. A header says so, because an element in the page could not
            be stopped by a reader.
        :param values: for the template.
        """
        return HTMLResponse(
            self._templates.get_template(template).render(title=title, root=self.root, refresh=refresh, **values),
            status,
            headers={
                **({"Refresh": str(refresh.seconds)} if refresh else {}),
                "Content-Security-Policy": PAGE_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "private, no-store",
            },
        )

    def notice(self, title: str, message: str, *, status: int = 200, back: str | None = None) -> HTMLResponse:
        """A page that only says why there is nothing to show.

        :param title: of the page.
        :param message: the reason.
        :param status: the HTTP status.
        :param back: the address of a link to the DAG run's page.
        """
        return self.render("notice.html", title=title, message=message, back=back, status=status)


def _site(request: Request) -> ReviewSite:
    site: ReviewSite = request.app.state.site
    return site


Site = Annotated[ReviewSite, Depends(_site)]
"""A route's parameter that receives the site."""
