"""Whoever creates an object owns it, whichever module carried the statement out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.statements.grants import object_at

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context

_TEMPORARY = {"TEMPORARY", "TEMP", "SCOPED", "VOLATILE", "LOCAL", "GLOBAL"}
_MODIFIERS = {"OR", "REPLACE", "TRANSIENT", "SECURE"}


def note_ownership(ctx: Context, cursor: Cursor) -> None:
    """After CREATE: the session's role owns the object, and future grants apply. After DROP: its grants are gone.

    Temporary objects are the session's own, and CREATE … IF NOT EXISTS of one that was there changes nothing.
    """
    creates = cursor.accept("CREATE")
    if not creates and not cursor.accept("DROP"):
        return
    while (token := cursor.peek()) is not None and token.kind == "word" and token.value.upper() in _MODIFIERS:
        cursor.next()
    if token is None or token.value.upper() in _TEMPORARY:
        return
    found = object_at(ctx, cursor)
    if found is None:
        return
    kind, name, if_not_exists = found
    privileges = ctx.stores.privileges
    if not creates:
        privileges.dropped(kind, name)
    elif not (if_not_exists and privileges.is_owned(kind, name)):
        privileges.created(ctx.session.role, kind, name)
