"""``GET /files/<stage>/<path>?expires=…&signature=…``: what presigned URLs point at."""

from __future__ import annotations

import mimetypes
import time

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.stores.stores import Stores


def file_route(stores: Stores) -> Route:
    """The route for the engine's server to mount."""

    def serve(request: Request) -> Response:
        stage_id, path = request.path_params["stage"], request.path_params["path"]
        expires = request.query_params.get("expires", "")
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12:
            return PlainTextResponse("Bad link", 403)
        if not stores.links.is_signed(stage_id, path, int(expires), request.query_params.get("signature", "")):
            return PlainTextResponse("Bad link", 403)
        if int(expires) < time.time():
            return PlainTextResponse("Request has expired", 403)
        try:
            file = stores.stages.by_id(stage_id).path(path)
        except SnowflakeError:
            return PlainTextResponse("Not found", 404)
        if not file.is_file():
            return PlainTextResponse("Not found", 404)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return FileResponse(file, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})

    return Route("/files/{stage}/{path:path}", serve, methods=["GET"])
