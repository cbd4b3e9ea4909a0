"""The review page's app, built at its first request.

Every Airflow process loads plugins, and only the API server serves pages, so nothing heavy is imported before.
"""

from __future__ import annotations

import asyncio
from typing import Any


class LazyApp:
    """An ASGI app that builds the real one when it receives its first request."""

    def __init__(self) -> None:
        self._app: Any = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, as ASGI defines it."""
        if self._app is None:
            async with self._building:
                if self._app is None:
                    # The import takes a second, in which the event loop serves other requests.
                    self._app = await asyncio.get_running_loop().run_in_executor(None, _create_app)
        await self._app(scope, receive, send)


def _create_app() -> Any:
    from airflow_provider_mediabatch.review.app import create_app

    return create_app()
