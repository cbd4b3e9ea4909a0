"""CREATE, DROP, SHOW and USE of roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.defaults import ACCOUNT, ROLE
from airflow_provider_mediabatch.local.errors import (
    not_supported,
)
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import account_scope, show_clauses

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context


@statement("CREATE ROLE", locked=False)
def create_role(ctx: Context, cursor: Cursor) -> Result:
    """``CREATE [OR REPLACE] ROLE [IF NOT EXISTS] r [COMMENT = '…']``."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.expect("ROLE")
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    role = cursor.identifier()
    comment = ""
    if cursor.accept("COMMENT"):
        cursor.expect("=")
        comment = cursor.string()
    cursor.expect_end()
    ctx.stores.privileges.require(ctx.session.role, "CREATE ROLE", "ACCOUNT", ACCOUNT)
    if ctx.stores.privileges.create_role(role, comment, replace=replace, if_not_exists=if_not_exists):
        return Result.status(f"Role {role} successfully created.")
    return Result.status(f"{role} already exists, statement succeeded.")


@statement("DROP ROLE", locked=False)
def drop_role(ctx: Context, cursor: Cursor) -> Result:
    """``DROP ROLE [IF EXISTS] r``."""
    cursor.expect("DROP", "ROLE")
    if_exists = cursor.accept("IF", "EXISTS")
    role = cursor.identifier()
    cursor.expect_end()
    if if_exists and not ctx.stores.privileges.exists(role):
        return Result.status("Drop statement executed successfully (role already dropped).")
    ctx.stores.privileges.require(ctx.session.role, "CREATE ROLE", "ACCOUNT", ACCOUNT)
    ctx.stores.privileges.drop_role(role)
    return Result.status(f"{role} successfully dropped.")


@statement("SHOW ROLES", locked=False)
def show_roles(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW ROLES [LIKE '…'] [STARTS WITH '…'] [LIMIT n [FROM '…']]``."""
    cursor.expect("SHOW", "ROLES")
    clauses = show_clauses(cursor, account_scope(cursor), limits=True)
    columns = [ResultColumn.timestamp_ltz("created_on")]
    columns += [
        ResultColumn.text(name) for name in ("name", "is_default", "is_current", "is_inherited", "owner", "comment")
    ]
    rows = [
        (
            utc_time(role["created"]),
            role["name"],
            "Y" if role["name"] == ROLE else "N",
            "Y" if role["name"] == ctx.session.role else "N",
            "N",
            ROLE,
            role["comment"],
        )
        for role in clauses.select(ctx.stores.privileges.list_roles(), lambda role: str(role["name"]))
    ]
    return Result.of(columns, rows)


@statement("USE ROLE")
def use_role(ctx: Context, cursor: Cursor) -> Result:
    """``USE ROLE r``. The engine's one user may take any role that exists."""
    cursor.expect("USE", "ROLE")
    role = cursor.name()[0]
    cursor.expect_end()
    ctx.stores.privileges.check_role(role)
    ctx.session.role = role
    return Result.status()


@statement("USE SECONDARY ROLES")
def use_secondary_roles(ctx: Context, cursor: Cursor) -> Result:
    """``USE SECONDARY ROLES {ALL | NONE}``; a session begins with none."""
    cursor.expect("USE", "SECONDARY", "ROLES")
    everything = cursor.accept("ALL")
    if not everything and not cursor.accept("NONE"):
        raise not_supported("USE SECONDARY ROLES other than ALL and NONE")
    cursor.expect_end()
    ctx.session.secondary_roles = everything
    return Result.status()
