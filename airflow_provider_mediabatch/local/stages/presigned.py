"""Links to staged files that need no login: GET_PRESIGNED_URL and its kin, served by the engine on loopback.

A link carries the file's stage and path, the second at which it ends, and a keyed digest of both; the key lies in the
state directory, so links live through a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import mimetypes
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument
from airflow_provider_mediabatch.local.sql.functions import scalar
from airflow_provider_mediabatch.local.statements.access_check import may_use_files

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from airflow_provider_mediabatch.local.context import Context
    from airflow_provider_mediabatch.local.engine import Engine
    from airflow_provider_mediabatch.local.stages.store import Stage

DEFAULT_SECONDS, MAXIMUM_SECONDS = 3600, 604_800
_SCOPED_SECONDS = 86_400


def _key(state_dir: Path) -> bytes:
    path = state_dir / "links.key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return path.read_bytes()


def _signature(state_dir: Path, stage: str, path: str, expires: int) -> str:
    message = json.dumps([stage, path, expires]).encode()
    return hmac.new(_key(state_dir), message, hashlib.sha256).hexdigest()


def base_url(ctx: Context) -> str:
    """``http://127.0.0.1:<port>`` of the running engine."""
    from airflow_provider_mediabatch.local.lifecycle import STATE_FILE

    port = json.loads((ctx.engine.state_dir / STATE_FILE).read_text(encoding="utf-8"))["port"]
    return f"http://127.0.0.1:{port}"


def file_url_base(ctx: Context, stage: Stage) -> str:
    """What FILE_URL of a directory table begins with. As on Snowflake, such a URL alone opens nothing."""
    parts = "/".join(quote(part, safe="") for part in (stage.database, stage.schema, stage.name))
    return f"{base_url(ctx)}/api/files/{parts}/"


def _link(ctx: Context, reference: object, path: object, seconds: int) -> str | None:
    if path is None:
        return None
    stage, folder = ctx.engine.stages.parse(ctx, str(reference))
    may_use_files(ctx, stage)
    relative = f"{folder.rstrip('/')}/{path}".strip("/") if folder else str(path).strip("/")
    stage.path(relative)
    expires = int(time.time()) + seconds
    signature = _signature(ctx.engine.state_dir, stage.id, relative, expires)
    return f"{base_url(ctx)}/files/{stage.id}/{quote(relative)}?expires={expires}&signature={signature}"


@scalar("GET_PRESIGNED_URL")
def get_presigned_url(ctx: Context, arguments: list[object]) -> object:
    """``GET_PRESIGNED_URL(@stage, 'path' [, seconds])``: an hour unless said otherwise, seven days at most."""
    if len(arguments) not in (2, 3):
        raise invalid_argument("GET_PRESIGNED_URL takes a stage, a path and optionally seconds")
    seconds = int(str(arguments[2])) if len(arguments) == 3 else DEFAULT_SECONDS
    if not 0 < seconds <= MAXIMUM_SECONDS:
        raise invalid_argument(f"the expiration of GET_PRESIGNED_URL must lie between 1 and {MAXIMUM_SECONDS} seconds")
    return _link(ctx, arguments[0], arguments[1], seconds)


@scalar("BUILD_SCOPED_FILE_URL")
def build_scoped_file_url(ctx: Context, arguments: list[object]) -> object:
    """``BUILD_SCOPED_FILE_URL(@stage, 'path')``: a link for a day."""
    if len(arguments) != 2:
        raise invalid_argument("BUILD_SCOPED_FILE_URL takes a stage and a path")
    return _link(ctx, arguments[0], arguments[1], _SCOPED_SECONDS)


@scalar("BUILD_STAGE_FILE_URL")
def build_stage_file_url(ctx: Context, arguments: list[object]) -> object:
    """``BUILD_STAGE_FILE_URL(@stage, 'path')``: the file's lasting URL, which needs a login."""
    if len(arguments) != 2:
        raise invalid_argument("BUILD_STAGE_FILE_URL takes a stage and a path")
    stage, _ = ctx.engine.stages.parse(ctx, str(arguments[0]))
    may_use_files(ctx, stage)
    return file_url_base(ctx, stage) + quote(str(arguments[1]), safe="")


def routes(engine: Engine) -> list[Route]:
    """``GET /files/<stage>/<path>?expires=…&signature=…``, for the engine's server to mount."""
    from starlette.responses import FileResponse, PlainTextResponse
    from starlette.routing import Route

    def serve(request: Request) -> Response:
        identity, path = request.path_params["stage"], request.path_params["path"]
        expires = request.query_params.get("expires", "")
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12:
            return PlainTextResponse("Bad link", 403)
        good = _signature(engine.state_dir, identity, path, int(expires))
        if not hmac.compare_digest(good.encode(), request.query_params.get("signature", "").encode()):
            return PlainTextResponse("Bad link", 403)
        if int(expires) < time.time():
            return PlainTextResponse("Request has expired", 403)
        try:
            file = engine.stages.by_id(identity).path(path)
        except SnowflakeError:
            return PlainTextResponse("Not found", 404)
        if not file.is_file():
            return PlainTextResponse("Not found", 404)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return FileResponse(file, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})

    return [Route("/files/{stage}/{path:path}", serve, methods=["GET"])]
