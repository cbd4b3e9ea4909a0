"""What ``@[db.][schema.]stage[/path]`` and ``snow://model/…`` in a statement refer to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import split
from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported
from airflow_provider_mediabatch.local.session.access import require_table_privilege

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

_PART = r'(?:"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_$]*)'
_REFERENCE = re.compile(rf"@(?P<name>{_PART}(?:\.{_PART}?)*)(?P<rest>/.*)?\Z", re.DOTALL)
_IMPLICIT = re.compile(rf"@(?:~|(?P<place>(?:{_PART}\.){{0,2}})%(?P<table>{_PART}))(?P<rest>/.*)?\Z", re.DOTALL)
_MODEL_URL = re.compile(
    r'snow://model/(?P<name>(?:"(?:[^"]|"")*"|[^/"])+)/versions/(?P<version>[^/]+)/?(?P<path>.*)\Z', re.I | re.S
)


def resolve_stage(ctx: Context, reference: str) -> tuple[Stage, str]:
    """The stage that a reference names, and the path on it without a leading slash.

    The path is kept as written: LIST and COPY take it as a prefix, so a trailing slash matters.

    :raises SnowflakeError: 002003 where there is no such stage; for text that is not a reference, and for a path that
        leaves the stage.
    """
    if reference.lower().startswith("snow://"):
        return _model_files(ctx, reference)
    if reference.startswith(("s3://", "gcs://", "azure://")):
        raise not_supported(f"a storage location without a stage ('{reference}'): create a stage with that URL")
    match = _REFERENCE.match(reference)
    if implicit := _IMPLICIT.match(reference):
        stage = _table_stage(ctx, implicit["place"] + implicit["table"]) if implicit["table"] else _user_stage(ctx)
        path = (implicit["rest"] or "").lstrip("/")
        stage.path(path)
        return stage, path
    if match is None:
        raise invalid_argument(f"invalid stage reference '{reference}': expected '@[database.][schema.]stage[/path]'")
    try:
        parts = split(match["name"].replace("..", ".PUBLIC."))
    except ValueError as error:
        raise invalid_argument(f"invalid stage reference '{reference}': {error}") from None
    if len(parts) > 3:
        raise invalid_argument(f"invalid stage reference '{reference}': more than database, schema and stage")
    stage = ctx.stores.stages.get(*ctx.qualify(parts), session=ctx.session.id)
    path = (match["rest"] or "").lstrip("/")
    stage.path(path)  # refuses a path that leaves the stage before anything is done with it
    return stage, path


def _table_stage(ctx: Context, name: str) -> Stage:
    """The stage that a table has; only who owns the table may use it. It is as old as the table."""
    try:
        parts = ctx.qualify(split(name))
    except ValueError as error:
        raise invalid_argument(f"invalid stage reference '@{name}': {error}") from None
    table = ctx.session.tables.get(*parts)
    require_table_privilege(ctx, "OWNERSHIP", table)
    session = ctx.session.id if table.temporary else None
    return _implicit_stage(ctx, (table.database, table.schema, f"%{table.name}"), repr(table.created_on), session)


def _user_stage(ctx: Context) -> Stage:
    return _implicit_stage(ctx, ("USERS", ctx.session.user, "~"), "", None)


def _implicit_stage(ctx: Context, place: tuple[str, str, str], made: str, session: int | None) -> Stage:
    """The stage of a table or of the user, which is made when it is first used.

    :param made: when its table was made, so that the stage of a table that was replaced is replaced too.
    """
    stages = ctx.stores.stages
    found = stages.find(*place, session=session)
    if found is not None and found.implicit and found.comment == made:
        return found
    with ctx.stores.naming:  # of several sessions that come first, one makes it
        found = stages.find(*place, session=session)
        if found is not None and found.implicit and found.comment == made:
            return found
        replace, owner = found is not None, ctx.session.role
        return stages.create(*place, comment=made, owner=owner, session=session, replace=replace, implicit=True)


def _model_files(ctx: Context, url: str) -> tuple[Stage, str]:
    """The files of a model's version: ``snow://model/DB.SCHEMA.MODEL/versions/V1/path``."""
    match = _MODEL_URL.match(url)
    if match is None:
        raise invalid_argument(f"invalid location '{url}': expected snow://model/<name>/versions/<version>/<path>")
    try:
        name = ctx.qualify(split(match["name"]))
    except ValueError as error:
        raise invalid_argument(f"invalid location '{url}': {error}") from None
    stage = ctx.stores.models.version(*name, match["version"]).stage()
    stage.path(match["path"])
    return stage, match["path"]
