"""What is added to Airflow itself: the review page (a FastAPI app and the views that open it), and a listener.

Every Airflow process loads plugins, so nothing of the app is imported here until its first request.
"""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_mediabatch.plugins import cancel_on_manual_state_change
from airflow_provider_mediabatch.review.addresses import URL_PREFIX, site_prefix

_PAGE = f"{URL_PREFIX}/{{DAG_ID}}/{{RUN_ID}}"


class _OnFirstRequest:
    """An ASGI app that builds the real one when it is first asked for something."""

    def __init__(self) -> None:
        self._app: Any = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            async with self._building:
                if self._app is None:
                    from airflow_provider_mediabatch.review.app import create_app

                    self._app = create_app()
        await self._app(scope, receive, send)


class MediaBatchPlugin(AirflowPlugin):
    """Adds *Batch review* to task instances and DAG runs; ends the jobs of deferred tasks that somebody marks."""

    name = "mediabatch"
    listeners = [cancel_on_manual_state_change]  # noqa: RUF012
    fastapi_apps = [{"app": _OnFirstRequest(), "url_prefix": URL_PREFIX, "name": "Media batch review"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Batch review",
            "href": f"{site_prefix()}{_PAGE}/{{TASK_ID}}/{{MAP_INDEX}}",
            "destination": "task_instance",
            "url_route": "batch-review",
        },
        {
            "name": "Batch reviews",
            "href": f"{site_prefix()}{_PAGE}",
            "destination": "dag_run",
            "url_route": "batch-reviews",
        },
    ]
