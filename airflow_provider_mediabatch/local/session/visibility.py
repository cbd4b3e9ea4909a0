"""What a session's role sees: SHOW and INFORMATION_SCHEMA list only objects of which it has some privilege."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.local.errors import cannot_operate
from airflow_provider_mediabatch.local.session.access import sees

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.tables.table import Table


def databases(ctx: Context) -> list[dict[str, Any]]:
    """The databases, as :meth:`Storage.databases` has them."""
    return [found for found in ctx.stores.storage.databases() if _seen(ctx, "DATABASE", found["name"])]


def schemas(ctx: Context, database: str | None = None) -> list[dict[str, Any]]:
    """The schemas of a database, or of all."""
    found = ctx.stores.storage.schemas(database)
    return [schema for schema in found if _seen(ctx, "SCHEMA", schema["database_name"], schema["name"])]


def tables(ctx: Context, database: str | None = None, schema: str | None = None) -> list[Table]:
    """Tables and views; temporary ones are the session's own."""
    found = ctx.session.tables.all(database, schema)
    return [t for t in found if t.temporary or _seen(ctx, t.kind, t.database, t.schema, t.name)]


def check_place(ctx: Context, database: str | None, schema: str | None = None) -> None:
    """The database or schema that USE or SHOW … IN names must be there and be seen.

    :raises SnowflakeError: 002043.
    """
    storage = ctx.stores.storage
    there = database is not None and storage.database_exists(database) and _seen(ctx, "DATABASE", database)
    if database is not None and schema is not None:
        there = there and storage.schema_exists(database, schema) and _seen(ctx, "SCHEMA", database, schema)
    if not there:
        raise cannot_operate()


def check_warehouse(ctx: Context, name: str) -> None:
    """The warehouse that USE names must be there and be seen.

    :raises SnowflakeError: 002043.
    """
    if not (ctx.stores.storage.warehouse_exists(name) and _seen(ctx, "WAREHOUSE", name)):
        raise cannot_operate()


def _seen(ctx: Context, kind: str, *name: str) -> bool:
    return sees(ctx, kind, name)
