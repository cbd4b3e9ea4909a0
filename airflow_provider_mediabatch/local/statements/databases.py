"""CREATE, ALTER and DROP of databases, schemas and warehouses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import literal, qualified
from airflow_provider_mediabatch.local.errors import already_exists, does_not_exist, not_supported
from airflow_provider_mediabatch.local.session.access import record_created, record_dropped
from airflow_provider_mediabatch.local.sql import transactions
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.statements.handlers import statement

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context

_IGNORED = {
    "DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS", "WAREHOUSE_TYPE",
    "MIN_CLUSTER_COUNT", "MAX_CLUSTER_COUNT", "AUTO_SUSPEND", "AUTO_RESUME", "INITIALLY_SUSPENDED", "SCALING_POLICY",
    "STATEMENT_TIMEOUT_IN_SECONDS", "WITH", "ENABLE_QUERY_ACCELERATION",
}  # fmt: skip


def _options(cursor: Cursor) -> dict[str, str]:
    """``NAME = value`` pairs; those that change nothing here are read over, others are refused by name."""
    found: dict[str, str] = {}
    while not cursor.at_end():
        name = cursor.identifier()
        if not cursor.accept("="):
            if name not in _IGNORED:
                raise not_supported("MANAGED ACCESS" if name == "MANAGED" else name)
            continue
        value = cursor.next().value
        if name in ("COMMENT", "WAREHOUSE_SIZE"):
            found[name] = value
        elif name not in _IGNORED:
            raise not_supported(name)
    return found


def _head(cursor: Cursor, kind: str) -> tuple[bool, bool, tuple[str, ...]]:
    """``(or replace, if not exists, name)`` of a CREATE."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.accept("TRANSIENT")
    cursor.expect(kind)
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    return replace, if_not_exists, cursor.name()


def _schema(ctx: Context, name: tuple[str, ...]) -> tuple[str, str]:
    database = name[-2] if len(name) > 1 else ctx.session.database
    if not database or not ctx.stores.storage.database_exists(database):
        raise does_not_exist("Database", database or "")
    return database, name[-1]


@statement("CREATE DATABASE")
def create_database(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] DATABASE [IF NOT EXISTS]``; it becomes the session's current database."""
    replace, if_not_exists, (name, *_) = _head(cursor, "DATABASE")
    if not cursor.at_end() and cursor.accept("CLONE"):
        raise not_supported("CREATE DATABASE … CLONE")
    options = _options(cursor)
    transactions.of(ctx.session).commit()
    storage = ctx.stores.storage
    if storage.database_exists(name):
        if if_not_exists:
            return Result.status(f"{name} already exists, statement succeeded.")
        if not replace:
            raise already_exists("Object", name)
        _drop_database(ctx, name)
    storage.create_database(name, ctx.session.role, options.get("COMMENT", ""))
    record_created(ctx, "DATABASE", name)
    ctx.session.database, ctx.session.schema = name, "PUBLIC"
    return Result.status(f"Database {name} successfully created.")


def _drop_database(ctx: Context, name: str) -> None:
    for row in ctx.stores.storage.schemas(name):
        ctx.stores.drop_schema(name, row["name"])
    ctx.stores.storage.drop_database(name)
    record_dropped(ctx, "DATABASE", name)


@statement("DROP DATABASE")
def drop_database(ctx: Context, cursor: Cursor) -> Result:
    """``DROP DATABASE [IF EXISTS]``, with all that is in it."""
    cursor.expect("DROP", "DATABASE")
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()[0]
    transactions.of(ctx.session).commit()
    if not ctx.stores.storage.database_exists(name):
        if if_exists:
            return Result.status("Drop statement executed successfully.")
        raise does_not_exist("Database", name)
    _drop_database(ctx, name)
    if ctx.session.database == name:
        ctx.session.database = ctx.session.schema = None
    return Result.status(f"{name} successfully dropped.")


@statement("CREATE SCHEMA")
def create_schema(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] SCHEMA [IF NOT EXISTS]``; it becomes the session's current schema."""
    replace, if_not_exists, given = _head(cursor, "SCHEMA")
    if cursor.accept("CLONE"):
        raise not_supported("CREATE SCHEMA … CLONE")
    options = _options(cursor)
    database, name = _schema(ctx, given)
    ctx.stores.privileges.require(ctx.session.role, "CREATE SCHEMA", "DATABASE", (database,))
    transactions.of(ctx.session).commit()
    storage = ctx.stores.storage
    if storage.schema_exists(database, name):
        if if_not_exists:
            return Result.status(f"{name} already exists, statement succeeded.")
        if not replace:
            raise already_exists("Object", qualified(database, name))
        ctx.stores.drop_schema(database, name)
        storage.drop_schema(database, name)
    storage.create_schema(database, name, ctx.session.role, options.get("COMMENT", ""))
    record_created(ctx, "SCHEMA", database, name)
    ctx.session.database, ctx.session.schema = database, name
    return Result.status(f"Schema {name} successfully created.")


@statement("DROP SCHEMA")
def drop_schema(ctx: Context, cursor: Cursor) -> Result:
    """``DROP SCHEMA [IF EXISTS]``, with all that is in it."""
    cursor.expect("DROP", "SCHEMA")
    if_exists = cursor.accept("IF", "EXISTS")
    given = cursor.name()
    transactions.of(ctx.session).commit()
    database, name = given[-2] if len(given) > 1 else ctx.session.database, given[-1]
    if not database or not ctx.stores.storage.schema_exists(database, name):
        if if_exists:
            return Result.status("Drop statement executed successfully.")
        raise does_not_exist("Schema", qualified(*given))
    ctx.stores.drop_schema(database, name)
    ctx.stores.storage.drop_schema(database, name)
    record_dropped(ctx, "SCHEMA", database, name)
    if (ctx.session.database, ctx.session.schema) == (database, name):
        ctx.session.schema = None
    return Result.status(f"{name} successfully dropped.")


@statement("CREATE WAREHOUSE")
def create_warehouse(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] WAREHOUSE [IF NOT EXISTS]``: a name and a size; every query runs on this machine."""
    replace, if_not_exists, (name, *_) = _head(cursor, "WAREHOUSE")
    options = _options(cursor)
    storage = ctx.stores.storage
    if storage.warehouse_exists(name):
        if if_not_exists:
            return Result.status(f"{name} already exists, statement succeeded.")
        if not replace:
            raise already_exists("Object", name)
        storage.drop_warehouse(name)
    size, comment = options.get("WAREHOUSE_SIZE", "X-Small"), options.get("COMMENT", "")
    storage.create_warehouse(name, size, ctx.session.role, comment)
    record_created(ctx, "WAREHOUSE", name)
    ctx.session.warehouse = name
    return Result.status(f"Warehouse {name} successfully created.")


@statement("DROP WAREHOUSE")
def drop_warehouse(ctx: Context, cursor: Cursor) -> Result:
    """``DROP WAREHOUSE [IF EXISTS]``."""
    cursor.expect("DROP", "WAREHOUSE")
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()[0]
    if not ctx.stores.storage.warehouse_exists(name):
        if if_exists:
            return Result.status("Drop statement executed successfully.")
        raise does_not_exist("Warehouse", name)
    ctx.stores.storage.drop_warehouse(name)
    record_dropped(ctx, "WAREHOUSE", name)
    return Result.status(f"{name} successfully dropped.")


@statement("ALTER WAREHOUSE")
def alter_warehouse(ctx: Context, cursor: Cursor) -> Result:
    """``ALTER WAREHOUSE … SUSPEND | RESUME | SET …``: checked, and without effect on one machine."""
    cursor.expect("ALTER", "WAREHOUSE")
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()[0]
    if not if_exists and not ctx.stores.storage.warehouse_exists(name):
        raise does_not_exist("Warehouse", name)
    if cursor.accept("SET"):
        _options(cursor)
    elif not (cursor.accept("SUSPEND") or cursor.accept("RESUME", "IF", "SUSPENDED") or cursor.accept("RESUME")):
        raise not_supported(f"ALTER WAREHOUSE … {literal(cursor.rest())}")
    return Result.status()
