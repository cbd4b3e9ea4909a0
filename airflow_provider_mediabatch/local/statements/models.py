"""CREATE, ALTER, DROP and COMMENT of models, as snowflake-ml's registry client sends them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported
from airflow_provider_mediabatch.local.runner.requirements import missing_requirements
from airflow_provider_mediabatch.local.session.access import (
    record_created,
    record_dropped,
    require_create,
    require_file_access,
    require_ownership,
    require_privilege,
)
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.model_tags import set_tags, unset_tags
from airflow_provider_mediabatch.local.statements.transfer import stage_reference

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.models.model import Model, ModelVersion


def model_named(ctx: Context, cursor: Cursor) -> Model:
    """The model whose name stands next."""
    model: Model = ctx.stores.models.get(*ctx.qualify(cursor.name()))
    return model


def _source(ctx: Context, cursor: Cursor) -> Path:
    """``FROM {@stage/path | MODEL name [VERSION v]}``: the folder with MANIFEST.yml."""
    cursor.expect("FROM")
    if cursor.accept("MODEL"):
        model = model_named(ctx, cursor)
        require_privilege(ctx, "READ", "MODEL", model.full_name)
        version = cursor.identifier() if cursor.accept("VERSION") else None
        folder: Path = ctx.stores.models.version_of(model, version).dir
        return folder
    stage, path = resolve_stage(ctx, stage_reference(cursor))
    require_file_access(ctx, stage)
    path_of_manifest: Path = stage.path(path)
    return path_of_manifest


def _not_installed(version: ModelVersion) -> str:
    """What the version requires and the engine's environment lacks: for the statement's answer, and in the log."""
    missing = missing_requirements(version.dir / "model")
    for requirement in missing:
        log.warning("Version %s of model %s: %s", version.name, version.model.full_name, requirement)
    return "".join(f" WARNING: {requirement}." for requirement in missing)


def _refuse_live(cursor: Cursor) -> None:
    if cursor.accept("LIVE"):
        raise not_supported("live versions of a model: log the version as a whole")


@statement("CREATE MODEL")
def create_model(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [WITH VERSION v] FROM {@stage/path | MODEL m VERSION v}``."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.expect("MODEL")
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    database, schema, name = ctx.qualify(cursor.name())
    version = "VERSION_1"
    if cursor.accept("WITH"):
        _refuse_live(cursor)
        cursor.expect("VERSION")
        version = cursor.identifier()
    existing = ctx.stores.models.find(database, schema, name)
    if existing is not None and if_not_exists:
        return Result.status(f"{name} already exists, statement succeeded.")
    require_create(ctx, "MODEL", database, schema)
    if existing is not None and replace:
        require_ownership(ctx, "MODEL", existing.full_name)
    source = _source(ctx, cursor)
    cursor.expect_end()
    ctx.stores.models.create(database, schema, name, version, source, owner=ctx.session.role, replace=replace)
    record_created(ctx, "MODEL", database, schema, name)
    logged = ctx.stores.models.version(database, schema, name, version)
    return Result.status(f"Model {name} successfully created.{_not_installed(logged)}")


@statement("DROP MODEL")
def drop_model(ctx: Context, cursor: Cursor) -> Result:
    """``DROP MODEL [IF EXISTS] name``."""
    cursor.expect("DROP", "MODEL")
    if_exists = cursor.accept("IF", "EXISTS")
    name = ctx.qualify(cursor.name())
    cursor.expect_end()
    if if_exists and ctx.stores.models.find(*name) is None:
        return Result.status("Drop statement executed successfully (object already dropped).")
    model = ctx.stores.models.get(*name)
    require_ownership(ctx, "MODEL", model.full_name)
    ctx.stores.models.drop(model)
    record_dropped(ctx, "MODEL", *name)
    return Result.status(f"{model.name} successfully dropped.")


@statement("COMMENT ON MODEL", "COMMENT IF EXISTS ON MODEL")
def comment_on_model(ctx: Context, cursor: Cursor) -> Result:
    """``COMMENT ON MODEL name IS '…'``."""
    cursor.expect("COMMENT")
    cursor.accept("IF", "EXISTS")
    cursor.expect("ON", "MODEL")
    model = model_named(ctx, cursor)
    cursor.expect("IS")
    comment = cursor.string()
    cursor.expect_end()
    require_ownership(ctx, "MODEL", model.full_name)
    ctx.stores.models.update_model(model, comment=comment)
    return Result.status()


@statement("ALTER MODEL")
def alter_model(ctx: Context, cursor: Cursor) -> Result:
    """``ALTER MODEL name {ADD | MODIFY | DROP VERSION … | VERSION v [UN]SET ALIAS | SET … | RENAME TO …}``."""
    cursor.expect("ALTER", "MODEL")
    if_exists = cursor.accept("IF", "EXISTS")
    name = ctx.qualify(cursor.name())
    if if_exists and ctx.stores.models.find(*name) is None:
        return Result.status()
    model = ctx.stores.models.get(*name)
    require_ownership(ctx, "MODEL", model.full_name)
    if cursor.accept("ADD"):
        return Result.status(f"Statement executed successfully.{_not_installed(_add_version(ctx, cursor, model))}")
    if cursor.accept("MODIFY", "VERSION"):
        _modify_version(ctx, cursor, model)
    elif cursor.accept("DROP", "VERSION"):
        version = ctx.stores.models.version_of(model, cursor.identifier())
        cursor.expect_end()
        ctx.stores.models.drop_version(version)
    elif cursor.accept("VERSION"):
        _alias(ctx, cursor, model)
    elif cursor.accept("RENAME", "TO"):
        new = ctx.qualify(cursor.name())
        cursor.expect_end()
        require_create(ctx, "MODEL", new[0], new[1])
        ctx.stores.models.rename(model, *new)
    elif cursor.accept("UNSET", "TAG"):
        unset_tags(ctx, cursor, model)
        cursor.expect_end()
    elif cursor.accept("UNSET", "COMMENT"):
        cursor.expect_end()
        ctx.stores.models.update_model(model, comment="")
    else:
        _set(ctx, cursor, model)
    return Result.status()


def _add_version(ctx: Context, cursor: Cursor, model: Model) -> ModelVersion:
    _refuse_live(cursor)
    cursor.expect("VERSION")
    version = cursor.identifier()
    source = _source(ctx, cursor)
    cursor.expect_end()
    ctx.stores.models.add_version(model, version, source)
    added: ModelVersion = ctx.stores.models.version_of(model, version)
    return added


def _modify_version(ctx: Context, cursor: Cursor, model: Model) -> None:
    version = ctx.stores.models.version_of(model, cursor.identifier())
    if cursor.accept("UNSET"):
        raise not_supported("ALTER MODEL … MODIFY VERSION … UNSET")
    cursor.expect("SET")
    while not cursor.at_end():
        key = cursor.identifier()
        if key not in ("COMMENT", "METADATA", "ALIAS"):
            raise not_supported(f"ALTER MODEL … MODIFY VERSION … SET {key}")
        cursor.expect("=")
        if key == "ALIAS":
            ctx.stores.models.set_alias(version, cursor.identifier())
            continue
        text = cursor.string()
        if key == "METADATA":
            try:
                json.loads(text)
            except ValueError as error:
                raise invalid_argument(f"METADATA is not valid JSON: {error}") from None
        ctx.stores.models.update_version(version, **{key.lower(): text})


def _alias(ctx: Context, cursor: Cursor, model: Model) -> None:
    """``VERSION v {SET ALIAS = a | UNSET ALIAS}``."""
    name = cursor.identifier()
    version = ctx.stores.models.version_of(model, name)
    if cursor.accept("SET", "ALIAS"):
        cursor.expect("=")
        alias = cursor.identifier()
        cursor.expect_end()
        ctx.stores.models.set_alias(version, alias)
        return
    cursor.expect("UNSET", "ALIAS")
    cursor.expect_end()
    ctx.stores.models.unset_alias(version, name)


def _set(ctx: Context, cursor: Cursor, model: Model) -> None:
    """``SET {DEFAULT_VERSION = v | COMMENT = '…' | TAG t = '…'}``."""
    cursor.expect("SET")
    while not cursor.at_end():
        if cursor.accept("DEFAULT_VERSION"):
            cursor.expect("=")
            token = cursor.peek()
            name = cursor.string() if token is not None and token.kind == "string" else cursor.identifier()
            version = ctx.stores.models.version_of(model, name)
            ctx.stores.models.update_model(model, default_version=version.id)
        elif cursor.accept("COMMENT"):
            cursor.expect("=")
            ctx.stores.models.update_model(model, comment=cursor.string())
        elif cursor.accept("TAG"):
            set_tags(ctx, cursor, model)
        else:
            cursor.fail("expected DEFAULT_VERSION, COMMENT or TAG")
