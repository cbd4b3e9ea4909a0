"""CREATE, DROP and SHOW of FILE FORMAT objects, which Snowpark and write_pandas make for every read of Parquet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import does_not_exist, invalid_argument
from airflow_provider_mediabatch.local.session.access import (
    record_created,
    record_dropped,
    require_create,
    require_ownership,
)
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements import options, parquet_options, text_options
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import is_within, schema_scope, show_clauses
from airflow_provider_mediabatch.local.statements.stages import temporary
from airflow_provider_mediabatch.local.stores.stages.file_formats import TYPES

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context


@statement("CREATE FILE FORMAT")
def create_file_format(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] [TEMPORARY] FILE FORMAT [IF NOT EXISTS] name TYPE = … [options]``."""
    replace, is_temporary = temporary(cursor)
    cursor.expect("FILE", "FORMAT")
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = ctx.qualify(cursor.name())
    given = options.options(cursor)
    cursor.expect_end()
    given["TYPE"] = str(given.get("TYPE", "CSV")).upper()
    if given["TYPE"] not in TYPES:
        raise invalid_argument(f"invalid value '{given['TYPE']}' for property 'TYPE'")
    if given["TYPE"] == "PARQUET":
        parquet_options.check(given)
    elif given["TYPE"] in ("CSV", "JSON"):
        text_options.check(given)
    require_create(ctx, "FILE FORMAT", name[0], name[1], privilege="USAGE" if is_temporary else None)
    formats = ctx.stores.stages.file_formats
    session = ctx.session.id if is_temporary else None
    existing = formats.find(name, ctx.session.id)
    if existing is not None and existing.session == session and if_not_exists:
        return Result.status(f"{name[2]} already exists, statement succeeded.")
    comment = str(given.pop("COMMENT", ""))
    formats.create(name, given, comment=comment, owner=ctx.session.role, session=session, replace=replace)
    if not is_temporary:
        record_created(ctx, "FILE FORMAT", *name)
    return Result.status(f"File format {name[2]} successfully created.")


@statement("DROP FILE FORMAT")
def drop_file_format(ctx: Context, cursor: Cursor) -> Result:
    """``DROP FILE FORMAT [IF EXISTS] name``."""
    cursor.expect("DROP", "FILE", "FORMAT")
    if_exists = cursor.accept("IF", "EXISTS")
    name = ctx.qualify(cursor.name())
    cursor.expect_end()
    found = ctx.stores.stages.file_formats.find(name, ctx.session.id)
    if found is None:
        if if_exists:
            return Result.status("Drop statement executed successfully (object already dropped).")
        raise does_not_exist("File format", qualified(*name))
    require_ownership(ctx, "FILE FORMAT", found.full_name, found.session)
    ctx.stores.stages.file_formats.drop(found)
    if found.session is None:
        record_dropped(ctx, "FILE FORMAT", *name)
    return Result.status(f"{name[2]} successfully dropped.")


@statement("SHOW FILE FORMATS")
def show_file_formats(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW FILE FORMATS [LIKE '…'] [IN …]``."""
    cursor.expect("SHOW", "FILE", "FORMATS")
    clauses = show_clauses(cursor, schema_scope(ctx, cursor))
    seen = ctx.stores.stages.file_formats.all(ctx.session.id)
    formats = [f for f in seen if is_within(clauses.scope, f.database, f.schema)]
    rows = [
        (
            *(utc_time(f.created_on), f.name, f.database, f.schema, f.options["TYPE"], f.owner),
            *(f.comment, json.dumps(f.options), "ROLE"),
        )
        for f in clauses.select(formats, lambda f: f.name)
    ]
    names = ("name", "database_name", "schema_name", "type", "owner", "comment", "format_options", "owner_role_type")
    return Result.of([ResultColumn.timestamp_ltz("created_on"), *(ResultColumn.text(name) for name in names)], rows)
