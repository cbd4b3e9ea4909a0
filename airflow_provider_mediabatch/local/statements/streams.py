"""CREATE, DROP, SHOW and DESCRIBE of streams on stages, and SYSTEM$STREAM_HAS_DATA. What they return is in ``sql``.

Streams on tables, views and other objects are refused. Snowflake's directory tables have no data retention period, so
a stream on one does not become stale with time, only when its stage is dropped or replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified, split
from airflow_provider_mediabatch.local.errors import (
    already_exists,
    does_not_exist,
    invalid_argument,
    not_supported,
    syntax_error,
)
from airflow_provider_mediabatch.local.session.access import (
    record_created,
    record_dropped,
    require_create,
    require_file_access,
    require_ownership,
    require_privilege,
    require_visible,
    sees,
)
from airflow_provider_mediabatch.local.sql.system_functions import system_function
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements import options
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import is_within, schema_scope, show_clauses

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.streams import Stream

_GONE = "No privilege or table dropped"
_COLUMNS = [
    ResultColumn.timestamp_ltz("created_on"),
    *(ResultColumn.text(name) for name in ("name", "database_name", "schema_name", "owner", "comment", "table_name")),
    *(ResultColumn.text(name) for name in ("source_type", "base_tables", "type", "stale", "mode")),
    ResultColumn.timestamp_ltz("stale_after"),
    *(ResultColumn.text(name) for name in ("invalid_reason", "owner_role_type")),
]


@statement("CREATE STREAM")
def create_stream(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] STREAM [IF NOT EXISTS] name [COPY GRANTS] ON STAGE name [COMMENT = '…']``."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.expect("STREAM")
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    if replace and if_not_exists:
        raise syntax_error("OR REPLACE and IF NOT EXISTS cannot both be given")
    name = ctx.qualify(cursor.name())
    if cursor.accept("CLONE"):
        raise not_supported("CREATE STREAM … CLONE")
    if cursor.accept("WITH", "TAG") or cursor.accept("TAG"):
        raise not_supported("TAG of a stream")
    keep_grants = cursor.accept("COPY", "GRANTS")
    cursor.expect("ON")
    if not cursor.accept("STAGE"):
        raise not_supported(f"CREATE STREAM … ON {cursor.next().value.upper()}, only ON STAGE")
    stage = ctx.stores.stages.get(*ctx.qualify(cursor.name()), ctx.session.id)
    comment = str(options.options(cursor, ("COMMENT",)).get("COMMENT", ""))
    cursor.expect_end()
    require_create(ctx, "STREAM", name[0], name[1])
    require_file_access(ctx, stage)
    if stage.session is not None:
        raise invalid_argument(f"a stream cannot be created on the temporary stage {stage.full_name}")
    streams = ctx.stores.stages.streams
    existing = streams.find(name)
    if if_not_exists and existing is not None:
        return Result.status(f"{name[2]} already exists, statement succeeded.")
    if ctx.session.tables.find(*name) is not None:
        raise already_exists("Object", qualified(*name))
    if existing is not None and replace:
        require_ownership(ctx, "STREAM", existing.full_name)
    streams.create(name, stage, comment, ctx.session.role, replace=replace)
    record_created(ctx, "STREAM", *name, keep_grants=keep_grants and existing is not None)
    return Result.status(f"Stream {name[2]} successfully created.")


@statement("DROP STREAM")
def drop_stream(ctx: Context, cursor: Cursor) -> Result:
    """``DROP STREAM [IF EXISTS] name``."""
    cursor.expect("DROP", "STREAM")
    if_exists = cursor.accept("IF", "EXISTS")
    name = ctx.qualify(cursor.name())
    cursor.expect_end()
    if if_exists and ctx.stores.stages.streams.find(name) is None:
        return Result.status("Drop statement executed successfully (object already dropped).")
    stream = ctx.stores.stages.streams.get(name)
    require_ownership(ctx, "STREAM", stream.full_name)
    ctx.stores.stages.streams.drop(stream)
    record_dropped(ctx, "STREAM", *name)
    return Result.status(f"{stream.name} successfully dropped.")


@statement("SHOW STREAMS", locked=False)
def show_streams(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW STREAMS [LIKE '…'] [IN …] [STARTS WITH '…'] [LIMIT n [FROM '…']]``."""
    cursor.expect("SHOW", "STREAMS")
    clauses = show_clauses(cursor, schema_scope(ctx, cursor), limits=True)
    seen = [
        stream
        for stream in ctx.stores.stages.streams.all()
        if is_within(clauses.scope, stream.database, stream.schema) and sees(ctx, "STREAM", stream.full_name)
    ]
    return Result.of(_COLUMNS, [_row(ctx, stream) for stream in clauses.select(seen, lambda stream: stream.name)])


@statement("DESCRIBE STREAM", "DESC STREAM", locked=False)
def describe_stream(ctx: Context, cursor: Cursor) -> Result:
    """``DESCRIBE STREAM name``: the same columns as SHOW STREAMS."""
    cursor.next()
    cursor.expect("STREAM")
    name = ctx.qualify(cursor.name())
    cursor.expect_end()
    stream = ctx.stores.stages.streams.get(name)
    require_visible(ctx, "STREAM", stream.full_name)
    return Result.of(_COLUMNS, [_row(ctx, stream)])


def _row(ctx: Context, stream: Stream) -> tuple[Any, ...]:
    stage = ctx.stores.stages.streams.source(stream)
    seen = stage is not None and sees(ctx, "STAGE", stage.full_name)
    table = stage.full_name if stage is not None and seen else _GONE
    bases = table if seen else "1 inaccessible table(s)"
    return (
        *(utc_time(stream.created_on), stream.name, stream.database, stream.schema, stream.owner, stream.comment),
        *(table, "Stage", bases, "DELTA", "true" if stage is None else "false", "DEFAULT", None, "N/A", "ROLE"),
    )


@system_function("SYSTEM$STREAM_HAS_DATA")
def stream_has_data(ctx: Context, arguments: list[object]) -> object:
    """``SYSTEM$STREAM_HAS_DATA('<stream>')``: never false when there is something, sometimes true when there is not."""
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise syntax_error("SYSTEM$STREAM_HAS_DATA takes the name of a stream")
    try:
        name = ctx.qualify(split(arguments[0]))
    except ValueError:
        raise does_not_exist("Stream", arguments[0]) from None
    stream = ctx.stores.stages.streams.get(name)
    require_privilege(ctx, "SELECT", "STREAM", stream.full_name)
    return bool(ctx.stores.stages.streams.has_data(stream))
