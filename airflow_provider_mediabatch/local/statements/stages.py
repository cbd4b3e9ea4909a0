"""CREATE, ALTER, DROP, DESCRIBE and SHOW of stages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import does_not_exist, invalid_argument, not_supported
from airflow_provider_mediabatch.local.session.access import (
    record_created,
    record_dropped,
    require_create,
    require_file_access,
    require_ownership,
    sees,
)
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements import options
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import is_within, schema_scope, show_clauses
from airflow_provider_mediabatch.local.stores.stages import directory

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

_OPTIONS = (
    "URL",
    "ENCRYPTION",
    "DIRECTORY",
    "FILE_FORMAT",
    "COMMENT",
    "COPY_OPTIONS",
    "STORAGE_INTEGRATION",
    "CREDENTIALS",
)


_GROUPS = {"ENCRYPTION": {"TYPE"}, "DIRECTORY": {"ENABLE", "AUTO_REFRESH", "REFRESH_ON_CREATE"}}


def temporary(cursor: Cursor) -> tuple[bool, bool]:
    """Read ``CREATE [OR REPLACE] [[SCOPED] TEMP[ORARY]]``: whether it replaces, whether it is temporary."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.accept("SCOPED")
    return replace, cursor.accept("TEMPORARY") or cursor.accept("TEMP")


@statement("CREATE STAGE")
def create_stage(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] [TEMPORARY] STAGE [IF NOT EXISTS] name [URL] [ENCRYPTION] [DIRECTORY] [FILE_FORMAT] …``."""
    replace, is_temporary = temporary(cursor)
    cursor.expect("STAGE")
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    database, schema, name = ctx.qualify(cursor.name())
    if_not_exists = if_not_exists or cursor.accept("IF", "NOT", "EXISTS")
    if cursor.accept("CLONE"):
        raise not_supported("CREATE STAGE … CLONE")
    given = options.options(cursor, _OPTIONS)
    cursor.expect_end()
    if given.get("STORAGE_INTEGRATION") or given.get("CREDENTIALS"):
        raise not_supported(
            "STORAGE_INTEGRATION and CREDENTIALS: external stages are folders below the state directory's buckets/"
        )
    if given.get("COPY_OPTIONS"):
        raise not_supported("COPY_OPTIONS of a stage: give them to COPY INTO")
    # A role with USAGE alone uploads a DataFrame through one: snowflake-ml's registry_model_privilege_test.py.
    require_create(ctx, "STAGE", database, schema, privilege="USAGE" if is_temporary else None)
    session = ctx.session.id if is_temporary else None
    existing = ctx.stores.stages.find(database, schema, name, ctx.session.id)
    if if_not_exists and existing is not None and existing.session == session:
        return Result.status(f"{name} already exists, statement succeeded.")
    if replace and existing is not None and existing.session is None and session is None:
        require_ownership(ctx, "STAGE", existing.full_name)
    ctx.stores.stages.create(
        database,
        schema,
        name,
        url=given.get("URL"),
        encryption=_group(given, "ENCRYPTION").get("TYPE"),
        directory=options.boolean("ENABLE", _group(given, "DIRECTORY").get("ENABLE", False)),
        file_format=_file_format(given.get("FILE_FORMAT", {})),
        comment=str(given.get("COMMENT", "")),
        owner=ctx.session.role,
        session=session,
        replace=replace,
    )
    if not is_temporary:
        record_created(ctx, "STAGE", database, schema, name)
    made = ctx.stores.stages.find(database, schema, name, ctx.session.id)
    refreshed = options.boolean("REFRESH_ON_CREATE", _group(given, "DIRECTORY").get("REFRESH_ON_CREATE", True))
    if made is not None and made.kind == "external" and made.directory_enabled and refreshed:
        directory.refresh(ctx.stores.stages, made, no_md5_above=ctx.stores.settings.no_md5_above_bytes)
    return Result.status(f"Stage area {name} successfully created.")


def _group(given: dict[str, Any], key: str) -> dict[str, Any]:
    group = given.get(key, {})
    if not isinstance(group, dict):
        raise invalid_argument(f"invalid value for property '{key}': expected {key} = ( … )")
    for name in group.keys() - _GROUPS[key]:
        raise not_supported(f"{name} in {key} of a stage")
    if key == "DIRECTORY" and options.boolean("AUTO_REFRESH", group.get("AUTO_REFRESH", False)):
        raise not_supported("AUTO_REFRESH of a directory table: use ALTER STAGE … REFRESH")
    return group


def _file_format(given: Any) -> dict[str, Any]:
    return given if isinstance(given, dict) else {"FORMAT_NAME": given}


def _named(ctx: Context, cursor: Cursor, if_exists: bool = False) -> Stage | None:
    name = ctx.qualify(cursor.name())
    stage: Stage | None = ctx.stores.stages.find(*name, ctx.session.id)
    if stage is None and not if_exists:
        raise does_not_exist("Stage", qualified(*name))
    return stage


@statement("DROP STAGE")
def drop_stage(ctx: Context, cursor: Cursor) -> Result:
    """``DROP STAGE [IF EXISTS] name``: an internal stage's files go with it."""
    cursor.expect("DROP", "STAGE")
    if_exists = cursor.accept("IF", "EXISTS")
    stage = _named(ctx, cursor, if_exists)
    cursor.expect_end()
    if stage is None:
        return Result.status("Drop statement executed successfully (object already dropped).")
    require_ownership(ctx, "STAGE", stage.full_name, stage.session)
    ctx.stores.stages.drop(stage)
    if stage.session is None:
        record_dropped(ctx, "STAGE", stage.database, stage.schema, stage.name)
    return Result.status(f"{stage.name} successfully dropped.")


@statement("ALTER STAGE")
def alter_stage(ctx: Context, cursor: Cursor) -> Result:
    """``ALTER STAGE [IF EXISTS] name {SET … | REFRESH [SUBPATH = '…'] | RENAME TO name}``."""
    cursor.expect("ALTER", "STAGE")
    stage = _named(ctx, cursor, cursor.accept("IF", "EXISTS"))
    if stage is None:
        return Result.status()
    if cursor.accept("REFRESH"):
        require_file_access(ctx, stage, write=True)  # release notes, "Directory table refreshes allowed" (2023_06)
        subpath = options.options(cursor, ("SUBPATH",)).get("SUBPATH", "")
        cursor.expect_end()
        no_md5_above = ctx.stores.settings.no_md5_above_bytes
        return directory.refresh(ctx.stores.stages, stage, str(subpath).strip("/"), no_md5_above=no_md5_above)
    require_ownership(ctx, "STAGE", stage.full_name, stage.session)
    if cursor.accept("RENAME", "TO"):
        database, schema, name = ctx.qualify(cursor.name())
        cursor.expect_end()
        require_create(ctx, "STAGE", database, schema)
        ctx.stores.stages.rename(stage, database, schema, name)
        return Result.status()
    cursor.expect("SET")
    given = options.options(cursor, _OPTIONS)
    cursor.expect_end()
    changes: dict[str, Any] = {}
    for key, setting in given.items():
        if key == "COMMENT":
            changes["comment"] = str(setting)
        elif key == "DIRECTORY":
            changes["directory"] = options.boolean("ENABLE", _group(given, key).get("ENABLE", False))
        elif key == "FILE_FORMAT":
            changes["file_format"] = json.dumps(_file_format(setting))
        elif key == "ENCRYPTION" and stage.kind == "internal":
            raise invalid_argument("the encryption of an internal stage cannot be changed after it is created")
        else:
            raise not_supported(f"ALTER STAGE … SET {key}")
    if changes:
        ctx.stores.stages.update(stage, **changes)
    return Result.status()


@statement("COMMENT ON STAGE", "COMMENT IF EXISTS ON STAGE")
def comment_on_stage(ctx: Context, cursor: Cursor) -> Result:
    """``COMMENT [IF EXISTS] ON STAGE name IS '…'``."""
    cursor.expect("COMMENT")
    if_exists = cursor.accept("IF", "EXISTS")
    cursor.expect("ON", "STAGE")
    stage = _named(ctx, cursor, if_exists)
    cursor.expect("IS")
    comment = cursor.string()
    cursor.expect_end()
    if stage is not None:
        require_ownership(ctx, "STAGE", stage.full_name, stage.session)
        ctx.stores.stages.update(stage, comment=comment)
    return Result.status()


@statement("DESCRIBE STAGE", "DESC STAGE")
def describe_stage(ctx: Context, cursor: Cursor) -> Result:
    """``DESCRIBE STAGE name``: Snowpark reads STAGE_LOCATION, users ENCRYPTION and DIRECTORY."""
    cursor.next()
    cursor.expect("STAGE")
    stage = _named(ctx, cursor)
    cursor.expect_end()
    assert stage is not None
    external = stage.kind == "external"
    refreshed = utc_time(stage.refreshed_on).isoformat() if stage.refreshed_on else ""
    rows = [
        ("STAGE_FILE_FORMAT", key, _property_type(value), str(value), "") for key, value in stage.file_format.items()
    ]
    rows += [
        ("STAGE_COPY_OPTIONS", "ON_ERROR", "String", "ABORT_STATEMENT", "ABORT_STATEMENT"),
        ("STAGE_COPY_OPTIONS", "PURGE", "Boolean", "false", "false"),
        ("STAGE_LOCATION", "URL", "String", json.dumps([stage.url]) if external else "", ""),
        ("STAGE_INTEGRATION", "STORAGE_INTEGRATION", "String", "", ""),
        ("ENCRYPTION", "TYPE", "String", stage.encryption, "NONE" if external else "SNOWFLAKE_FULL"),
        ("DIRECTORY", "ENABLE", "Boolean", str(stage.directory_enabled).lower(), "false"),
        ("DIRECTORY", "AUTO_REFRESH", "Boolean", "false", "false"),
        ("DIRECTORY", "LAST_REFRESHED_ON", "String", refreshed, ""),
    ]
    names = ("parent_property", "property", "property_type", "property_value", "property_default")
    return Result.of([ResultColumn.text(name) for name in names], rows)


def _property_type(value: Any) -> str:
    return "Boolean" if isinstance(value, bool) else "Integer" if isinstance(value, int) else "String"


@statement("SHOW STAGES")
def show_stages(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW STAGES [LIKE '…'] [IN …]``."""
    cursor.expect("SHOW", "STAGES")
    clauses = show_clauses(cursor, schema_scope(ctx, cursor))
    stages = [
        stage
        for stage in ctx.stores.stages.all(ctx.session.id)
        if is_within(clauses.scope, stage.database, stage.schema) and _visible(ctx, stage)
    ]
    rows = [_stage_row(stage) for stage in clauses.select(stages, lambda stage: stage.name)]
    names = (
        *("name", "database_name", "schema_name", "url", "has_credentials", "has_encryption_key", "owner", "comment"),
        *(
            "region",
            "type",
            "cloud",
            "notification_channel",
            "storage_integration",
            "directory_enabled",
            "owner_role_type",
        ),
    )
    return Result.of([ResultColumn.timestamp_ltz("created_on"), *(ResultColumn.text(name) for name in names)], rows)


def _visible(ctx: Context, stage: Stage) -> bool:
    visible: bool = sees(ctx, "STAGE", stage.full_name)
    return visible or stage.session is not None


def _stage_row(stage: Stage) -> tuple[Any, ...]:
    external = stage.kind == "external"
    kind = stage.kind.upper() + (" TEMPORARY" if stage.session else "")
    if stage.encryption == "SNOWFLAKE_SSE":
        kind += " NO CSE"  # Snowflake's word for server-side encryption only
    return (
        *(utc_time(stage.created_on), stage.name, stage.database, stage.schema, stage.url or ""),
        *("N", "N", stage.owner, stage.comment, None, kind, "AWS" if external else None, None, None),
        *("Y" if stage.directory_enabled else "N", "ROLE"),
    )
