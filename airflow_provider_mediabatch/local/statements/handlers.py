"""Which module answers which statement.

Each module of this package registers its handlers with :func:`statement`, by the statement's leading keywords; what no
handler takes goes to the ordinary SQL path (sqlglot and DuckDB), which refuses by name what it cannot translate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.sql.execute import run_sql
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Pending, Result

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

Handler = Callable[["Context", Cursor], Result | FileTransfer | Pending]

_handlers: dict[tuple[str, ...], Handler] = {}
_unlocked: set[Handler] = set()
_DDL = {"ALTER", "COMMENT", "CREATE", "DROP", "GRANT", "REVOKE", "UNDROP"}
# ALTER STAGE … REFRESH may take minutes, and the other two change no object that has a name.
_NOT_ALONE = {"ALTER STAGE", "ALTER SESSION", "ALTER ACCOUNT"}


def statement(*leads: str, locked: bool = True) -> Callable[[Handler], Handler]:
    """Register a handler for statements that begin with these keywords, e.g. ``@statement("LIST", "LS")``.

    The cursor stands at the statement's start. Modifiers between CREATE and the object's kind (``OR REPLACE``,
    ``TEMPORARY``, ``TEMP``, ``SCOPED``, ``TRANSIENT`` …) are skipped for the match only. DDL runs alone: whether a name
    is free, what takes it, and who owns it are one step, whatever other sessions do. That of tables has its own locks.

    :param leads: leading keywords; the longest that fits a statement wins.
    :param locked: whether the handler has the session to itself (its DuckDB connection above all). False for
        statements that must get through while another statement of the session runs, such as the one that cancels it.
    """

    def register(handler: Handler) -> Handler:
        registered = _alone(handler) if leads[0].split()[0] in _DDL and leads[0] not in _NOT_ALONE else handler
        for lead in leads:
            _handlers[tuple(lead.upper().split())] = registered
        if not locked:
            _unlocked.add(registered)
        return handler

    return register


def _alone(handler: Handler) -> Handler:
    def alone(ctx: Context, cursor: Cursor) -> Result | FileTransfer | Pending:
        with ctx.stores.naming:
            return handler(ctx, cursor)

    return alone


_MODIFIERS = {"OR", "REPLACE", "SCOPED", "TEMPORARY", "TEMP", "TRANSIENT", "VOLATILE", "LOCAL", "GLOBAL", "SECURE"}


def find(cursor: Cursor) -> Handler | None:
    """The handler for the statement at ``cursor``, by the longest lead that matches; None for ordinary SQL."""
    words: list[str] = []
    for token in cursor.tokens[:8]:
        if token.kind != "word":
            break
        word = token.value.upper()
        if words and words[0] == "CREATE" and len(words) == 1 and word in _MODIFIERS:
            continue
        words.append(word)
    for length in range(len(words), 0, -1):
        handler = _handlers.get(tuple(words[:length]))
        if handler is not None:
            return handler
    return None


def is_locked(handler: Handler) -> bool:
    """Whether a handler needs the session to itself."""
    return handler not in _unlocked


def answer(ctx: Context, sql: str) -> Result:
    """The rows of a statement that another statement needs, run as part of that one."""
    cursor = Cursor(sql)
    handler = find(cursor)
    outcome = handler(ctx, cursor) if handler is not None else run_sql(ctx, sql)
    if not isinstance(outcome, Result):
        raise not_supported(f"a statement within a statement: {sql}")
    return outcome
