"""The functions that return a staged file's URL: GET_PRESIGNED_URL and its like, served by the engine on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_mediabatch.local.errors import invalid_argument
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.sql.system_functions import system_function

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

DEFAULT_SECONDS, MAXIMUM_SECONDS = 3600, 604_800
_SCOPED_SECONDS = 86_400


def _link(ctx: Context, reference: object, path: object, seconds: int) -> str | None:
    if path is None:
        return None
    stage, folder = resolve_stage(ctx, str(reference))
    require_file_access(ctx, stage)
    relative = f"{folder.rstrip('/')}/{path}".strip("/") if folder else str(path).strip("/")
    stage.path(relative)
    return ctx.stores.links.link(stage, relative, seconds)


@system_function("GET_PRESIGNED_URL")
def get_presigned_url(ctx: Context, arguments: list[object]) -> object:
    """``GET_PRESIGNED_URL(@stage, 'path' [, seconds])``: an hour unless said otherwise, seven days at most."""
    if len(arguments) not in (2, 3):
        raise invalid_argument("GET_PRESIGNED_URL takes a stage, a path and optionally seconds")
    seconds = int(str(arguments[2])) if len(arguments) == 3 else DEFAULT_SECONDS
    if not 0 < seconds <= MAXIMUM_SECONDS:
        raise invalid_argument(f"the expiration of GET_PRESIGNED_URL must be between 1 and {MAXIMUM_SECONDS} seconds")
    return _link(ctx, arguments[0], arguments[1], seconds)


@system_function("BUILD_SCOPED_FILE_URL")
def build_scoped_file_url(ctx: Context, arguments: list[object]) -> object:
    """``BUILD_SCOPED_FILE_URL(@stage, 'path')``: a link for a day."""
    if len(arguments) != 2:
        raise invalid_argument("BUILD_SCOPED_FILE_URL takes a stage and a path")
    return _link(ctx, arguments[0], arguments[1], _SCOPED_SECONDS)


@system_function("BUILD_STAGE_FILE_URL")
def build_stage_file_url(ctx: Context, arguments: list[object]) -> object:
    """``BUILD_STAGE_FILE_URL(@stage, 'path')``: the file's lasting URL, which needs a login."""
    if len(arguments) != 2:
        raise invalid_argument("BUILD_STAGE_FILE_URL takes a stage and a path")
    stage, _ = resolve_stage(ctx, str(arguments[0]))
    require_file_access(ctx, stage)
    return ctx.stores.links.stage_url(stage) + quote(str(arguments[1]), safe="")
