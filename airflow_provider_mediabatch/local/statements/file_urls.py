"""The functions that return a staged file's URL: GET_PRESIGNED_URL and its like, served by the engine on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_mediabatch.local.errors import invalid_argument
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.sql.file_urls import FileUrl, file_url_function

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

DEFAULT_SECONDS, MAXIMUM_SECONDS = 3600, 604_800
_SCOPED_SECONDS = 86_400


def _stage(ctx: Context, reference: object) -> tuple[Stage, str]:
    stage, folder = resolve_stage(ctx, str(reference))
    require_file_access(ctx, stage)
    return stage, folder


def _links(ctx: Context, reference: object, seconds: int) -> FileUrl:
    stage, folder = _stage(ctx, reference)
    links = ctx.stores.links

    def link(path: str) -> str:
        relative = f"{folder.rstrip('/')}/{path}".strip("/") if folder else path.strip("/")
        stage.path(relative)
        return links.link(stage, relative, seconds)

    return link


@file_url_function("GET_PRESIGNED_URL")
def get_presigned_url(ctx: Context, arguments: list[object]) -> FileUrl:
    """``GET_PRESIGNED_URL(@stage, path [, seconds])``: an hour unless said otherwise, seven days at most."""
    if len(arguments) not in (1, 2):
        raise invalid_argument("GET_PRESIGNED_URL takes a stage, a path and optionally seconds")
    seconds = int(str(arguments[1])) if len(arguments) == 2 else DEFAULT_SECONDS
    if not 0 < seconds <= MAXIMUM_SECONDS:
        raise invalid_argument(f"the expiration of GET_PRESIGNED_URL must be between 1 and {MAXIMUM_SECONDS} seconds")
    return _links(ctx, arguments[0], seconds)


@file_url_function("BUILD_SCOPED_FILE_URL")
def build_scoped_file_url(ctx: Context, arguments: list[object]) -> FileUrl:
    """``BUILD_SCOPED_FILE_URL(@stage, path)``: a link for a day."""
    if len(arguments) != 1:
        raise invalid_argument("BUILD_SCOPED_FILE_URL takes a stage and a path")
    return _links(ctx, arguments[0], _SCOPED_SECONDS)


@file_url_function("BUILD_STAGE_FILE_URL")
def build_stage_file_url(ctx: Context, arguments: list[object]) -> FileUrl:
    """``BUILD_STAGE_FILE_URL(@stage, path)``: the file's lasting URL, which needs a login."""
    if len(arguments) != 1:
        raise invalid_argument("BUILD_STAGE_FILE_URL takes a stage and a path")
    start = ctx.stores.links.stage_url(_stage(ctx, arguments[0])[0])
    return lambda path: start + quote(path, safe="")
