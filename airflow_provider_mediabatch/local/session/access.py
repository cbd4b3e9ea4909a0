"""Whether the session's role may do what a statement asks for, and who owns what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import does_not_exist

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage
    from airflow_provider_mediabatch.local.stores.tables.table import Table


def require_privilege(ctx: Context, privilege: str, kind: str, full_name: str) -> None:
    """Let the statement go on only if the role has the privilege on the object, owns it, or is ACCOUNTADMIN.

    Secondary roles count, but for what is created: that takes a privilege of the current role (user guide, page
    "Overview of Access Control", section "Authorization through primary role and secondary roles").

    :raises SnowflakeError: 002003 or 003001.
    """
    role = ctx.session.role if privilege.startswith("CREATE") else ctx.session.acting_role
    ctx.stores.privileges.require(role, privilege, kind, full_name)


def sees(ctx: Context, kind: str, name: str | tuple[str, ...]) -> bool:
    """Whether the session has any privilege of an object, and so sees it in SHOW."""
    return ctx.stores.privileges.is_visible(ctx.session.acting_role, kind, name)


def require_visible(ctx: Context, kind: str, name: str | tuple[str, ...]) -> None:
    """Let the statement go on only if the session sees the object.

    :raises SnowflakeError: 002003.
    """
    if not sees(ctx, kind, name):
        raise does_not_exist(kind.capitalize(), qualified(*name) if isinstance(name, tuple) else name)


def require_file_access(ctx: Context, stage: Stage, write: bool = False) -> None:
    """Require READ or WRITE of an internal stage, USAGE of an external one, READ of a model whose files are asked for.

    A temporary stage is its session's own. Who may use a table's stage is decided where it is named.
    """
    if stage.session is not None or stage.implicit:
        return
    if stage.kind == "external":
        require_privilege(ctx, "USAGE", "STAGE", stage.full_name)
    else:
        require_privilege(ctx, "WRITE" if write else "READ", stage.object_kind, stage.full_name)


def require_ownership(ctx: Context, kind: str, full_name: str, session: int | None = None) -> None:
    """Require OWNERSHIP, which ALTER and DROP need; what is temporary is its session's own."""
    if session is None:
        require_privilege(ctx, "OWNERSHIP", kind, full_name)


def require_create(ctx: Context, kind: str, database: str, schema: str, *, privilege: str | None = None) -> None:
    """Require the schema, and the privilege to create such an object in it.

    :param privilege: another one than ``CREATE <kind>``.
    """
    if not ctx.stores.storage.schema_exists(database, schema):
        raise does_not_exist("Schema", qualified(database, schema))
    require_privilege(ctx, privilege or f"CREATE {kind}", "SCHEMA", qualified(database, schema))


def require_table_privilege(ctx: Context, privilege: str, table: Table) -> None:
    """Require a privilege on a table or view; a temporary table is its session's own."""
    if not table.temporary:
        require_privilege(ctx, privilege, table.kind, qualified(table.database, table.schema, table.name))


def record_created(ctx: Context, kind: str, *name: str, keep_grants: bool = False) -> None:
    """Make the session's role the owner of an object that the statement has made; future grants apply.

    Not for temporary objects, which are their session's own, nor for one that was there already.

    :param keep_grants: it replaces an object and keeps its grants.
    """
    ctx.stores.privileges.created(ctx.session.role, kind, name, keep=keep_grants)


def record_dropped(ctx: Context, kind: str, *name: str) -> None:
    """Forget the grants of an object that the statement has dropped."""
    ctx.stores.privileges.dropped(kind, name)
