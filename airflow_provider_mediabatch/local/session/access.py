"""Whether the session's role may do what a statement asks for, and who owns what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import does_not_exist

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage
    from airflow_provider_mediabatch.local.stores.tables.table import Table


def may(ctx: Context, privilege: str, kind: str, full_name: str) -> None:
    """Raise 003001 unless the role has the privilege on the object, owns it, or is ACCOUNTADMIN."""
    ctx.stores.privileges.require(ctx.session.role, privilege, kind, full_name)


def may_use_files(ctx: Context, stage: Stage, write: bool = False) -> None:
    """READ or WRITE of an internal stage, USAGE of an external one, READ of a model whose files are asked for.

    A temporary stage is its session's own.
    """
    if stage.session is not None:
        return
    if stage.kind == "external":
        may(ctx, "USAGE", "STAGE", stage.full_name)
    else:
        may(ctx, "WRITE" if write else "READ", stage.object_kind, stage.full_name)


def owned(ctx: Context, kind: str, full_name: str, session: int | None = None) -> None:
    """OWNERSHIP, which ALTER and DROP need; what is temporary is its session's own."""
    if session is None:
        may(ctx, "OWNERSHIP", kind, full_name)


def may_create(ctx: Context, kind: str, database: str, schema: str) -> None:
    """The schema is there, and the role may create such an object in it."""
    if not ctx.stores.storage.schema_exists(database, schema):
        raise does_not_exist("Schema", qualified(database, schema))
    may(ctx, f"CREATE {kind}", "SCHEMA", qualified(database, schema))


def may_use_table(ctx: Context, privilege: str, table: Table) -> None:
    """The privilege on a table or view; a temporary table is its session's own."""
    if not table.temporary:
        ctx.stores.privileges.require(
            ctx.session.role, privilege, table.kind, (table.database, table.schema, table.name)
        )


def created(ctx: Context, kind: str, *name: str) -> None:
    """Make the session's role the owner of an object that the statement has made; future grants apply.

    Not for temporary objects, which are their session's own, nor for one that was there already.
    """
    ctx.stores.privileges.created(ctx.session.role, kind, name)


def dropped(ctx: Context, kind: str, *name: str) -> None:
    """Forget the grants of an object that the statement has dropped."""
    ctx.stores.privileges.dropped(kind, name)
