"""ALTER ACCOUNT: the engine's own settings, for trying out what takes minutes on Snowflake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.defaults import ACCOUNT
from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported
from airflow_provider_mediabatch.local.session.access import require_privilege
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.stores.settings import DEFAULTS

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context


@statement("ALTER ACCOUNT")
def alter_account(ctx: Context, cursor: Cursor) -> Result:
    """``ALTER ACCOUNT SET <setting> = n`` and ``ALTER ACCOUNT UNSET <setting>``.

    The settings are those of :mod:`~airflow_provider_mediabatch.local.stores.settings`. They are kept until they are
    set again.
    """
    cursor.expect("ALTER", "ACCOUNT")
    require_privilege(ctx, "OWNERSHIP", "ACCOUNT", ACCOUNT)
    unset = cursor.accept("UNSET")
    if not unset:
        cursor.expect("SET")
    name = cursor.identifier()
    if name not in DEFAULTS:
        raise not_supported(f"ALTER ACCOUNT, but for SET and UNSET {', '.join(DEFAULTS)}")
    value = DEFAULTS[name]
    if not unset:
        cursor.expect("=")
        token = cursor.next()
        if token.kind != "number":
            raise invalid_argument(f"{name} must be a number, not {token.value}")
        value = float(token.value)
    cursor.expect_end()
    ctx.stores.settings.set(name, value)
    return Result.status()
