"""CREATE, DROP and SHOW of image repositories and tags.

The engine builds no images, so a repository is a name that jobs may give; tags can be set on models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.session.access import (
    record_created,
    record_dropped,
    require_create,
    require_ownership,
    sees,
)
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements import options
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import is_within, schema_scope, show_clauses
from airflow_provider_mediabatch.local.stores.schema_objects import IMAGE_REPOSITORY, TAG, SchemaObject

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context

_text, _time = ResultColumn.text, ResultColumn.timestamp_ltz


@statement("CREATE IMAGE REPOSITORY")
def create_image_repository(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] IMAGE REPOSITORY [IF NOT EXISTS] name [ENCRYPTION = (TYPE = '…')] [COMMENT = '…']``."""
    return _create(ctx, cursor, IMAGE_REPOSITORY, ("ENCRYPTION", "COMMENT"))


@statement("CREATE TAG")
def create_tag(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] TAG [IF NOT EXISTS] name [COMMENT = '…']``; ALLOWED_VALUES and PROPAGATE are refused."""
    return _create(ctx, cursor, TAG, ("COMMENT",))


def _create(ctx: Context, cursor: Cursor, kind: str, known: tuple[str, ...]) -> Result:
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.expect(*kind.split())
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = ctx.qualify(cursor.name())
    for unsupported in ("ALLOWED_VALUES", "PROPAGATE"):
        if kind == TAG and cursor.accept(unsupported):
            raise not_supported(f"{unsupported} of a tag")
    given = options.options(cursor, known)
    cursor.expect_end()
    require_create(ctx, kind, name[0], name[1])
    if if_not_exists and ctx.stores.schema_objects.find(kind, name) is not None:
        return Result.status(f"{name[2]} already exists, statement succeeded.")
    comment = str(given.get("COMMENT", ""))
    ctx.stores.schema_objects.create(kind, name, comment, ctx.session.role, replace=replace)
    record_created(ctx, kind, *name)
    return Result.status(f"{kind.capitalize()} {name[2]} successfully created.")


@statement("DROP IMAGE REPOSITORY", "DROP TAG")
def drop(ctx: Context, cursor: Cursor) -> Result:
    """``DROP {IMAGE REPOSITORY | TAG} [IF EXISTS] name``."""
    cursor.expect("DROP")
    kind = TAG if cursor.accept("TAG") else IMAGE_REPOSITORY
    if kind == IMAGE_REPOSITORY:
        cursor.expect("IMAGE", "REPOSITORY")
    if_exists = cursor.accept("IF", "EXISTS")
    name = ctx.qualify(cursor.name())
    cursor.expect_end()
    if if_exists and ctx.stores.schema_objects.find(kind, name) is None:
        return Result.status("Drop statement executed successfully (object already dropped).")
    found = ctx.stores.schema_objects.get(kind, name)
    require_ownership(ctx, kind, found.full_name)
    ctx.stores.schema_objects.drop(found)
    record_dropped(ctx, kind, *name)
    return Result.status(f"{name[2]} successfully dropped.")


@statement("SHOW IMAGE REPOSITORIES", locked=False)
def show_image_repositories(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW IMAGE REPOSITORIES [LIKE '…'] [IN …]``."""
    cursor.expect("SHOW", "IMAGE", "REPOSITORIES")
    columns = [_time("created_on"), _text("name"), _text("database_name"), _text("schema_name")]
    columns += [_text(name) for name in ("repository_url", "owner", "owner_role_type", "comment")]
    rows = []
    for found in _shown(ctx, cursor, IMAGE_REPOSITORY):
        place = f"{found.database}/{found.schema}/{found.name}".lower()
        url = f"local.registry.snowflakecomputing.com/{place}"
        at = utc_time(found.created_on)
        rows.append((at, found.name, found.database, found.schema, url, found.owner, "ROLE", found.comment))
    return Result.of(columns, rows)


@statement("SHOW TAGS", locked=False)
def show_tags(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW TAGS [LIKE '…'] [IN …]``."""
    cursor.expect("SHOW", "TAGS")
    columns = [_time("created_on"), *(_text(name) for name in ("name", "database_name", "schema_name", "owner"))]
    columns += [_text(name) for name in ("comment", "allowed_values", "owner_role_type")]
    return Result.of(
        columns,
        [
            (utc_time(tag.created_on), tag.name, tag.database, tag.schema, tag.owner, tag.comment, None, "ROLE")
            for tag in _shown(ctx, cursor, TAG)
        ],
    )


def _shown(ctx: Context, cursor: Cursor, kind: str) -> list[SchemaObject]:
    clauses = show_clauses(cursor, schema_scope(ctx, cursor))
    seen = [
        found
        for found in ctx.stores.schema_objects.all(kind)
        if is_within(clauses.scope, found.database, found.schema) and sees(ctx, kind, found.full_name)
    ]
    return clauses.select(seen, lambda found: found.name)
