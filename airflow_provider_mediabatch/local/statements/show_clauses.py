"""The clauses that SHOW statements share: LIKE, IN, STARTS WITH, LIMIT … FROM.

Each statement has those that Snowflake documents for it, in this order; any other one is a syntax error. Source:
Snowflake's reference of the SHOW commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_mediabatch.local.session import visibility

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context

P = TypeVar("P")
T = TypeVar("T")
Place = tuple[str | None, str | None]
"""Database and schema; None matches any."""
EVERYWHERE: Place = (None, None)


def matches_like(pattern: str, name: str) -> bool:
    """Whether a name matches a LIKE pattern of SHOW.

    ``%`` and ``_`` are wildcards, a backslash makes the next character an ordinary one, case does not matter.
    """
    parts = []
    for match in re.finditer(r"\\(.)|(%)|(_)|(.)", pattern, re.DOTALL):
        parts.append(".*" if match[2] else "." if match[3] else re.escape(match[1] or match[4]))
    return re.fullmatch("".join(parts), name, re.IGNORECASE | re.DOTALL) is not None


@dataclass(frozen=True)
class ShowClauses(Generic[P]):
    """The clauses of one SHOW statement.

    :param scope: what IN names, as the statement's own reader gave it.
    :param like: the pattern of LIKE.
    :param prefix: the text of STARTS WITH; case matters.
    :param limit: the most rows.
    :param after: the name that all rows come after (LIMIT … FROM).
    """

    scope: P
    like: str | None = None
    prefix: str = ""
    limit: int | None = None
    after: str | None = None

    def select(self, rows: Iterable[T], name: Callable[[T], str]) -> list[T]:
        """The rows that LIKE, STARTS WITH and LIMIT leave.

        :param rows: all rows of the scope.
        :param name: the name of a row's object.
        """
        kept = [row for row in rows if name(row).startswith(self.prefix)]
        if self.like is not None:
            kept = [row for row in kept if matches_like(self.like, name(row))]
        if self.limit is not None:
            kept.sort(key=name)
            kept = [row for row in kept if self.after is None or name(row) > self.after][: self.limit]
        return kept


def show_clauses(cursor: Cursor, scope: Callable[[], P], *, limits: bool = False) -> ShowClauses[P]:
    """Read ``[LIKE '…'] [IN …] [STARTS WITH '…'] [LIMIT n [FROM '…']]`` to the statement's end.

    :param cursor: stands behind the kind of objects.
    :param scope: reads the IN clause at the cursor, if the statement has one, and returns what it names.
    :param limits: whether the statement has STARTS WITH and LIMIT.
    """
    like = cursor.string() if cursor.accept("LIKE") else None
    named = scope()
    prefix, limit, after = "", None, None
    if limits:
        if cursor.accept("STARTS", "WITH"):
            prefix = cursor.string()
        if cursor.accept("LIMIT"):
            limit = cursor.whole_number()
            after = cursor.string() if cursor.accept("FROM") else None
    cursor.expect_end()
    return ShowClauses(named, like, prefix, limit, after)


def account_scope(cursor: Cursor) -> Callable[[], None]:
    """``[IN ACCOUNT]``, for objects of the account."""

    def read() -> None:
        cursor.accept("IN", "ACCOUNT")

    return read


def database_scope(ctx: Context, cursor: Cursor) -> Callable[[], str | None]:
    """``[IN {ACCOUNT | [DATABASE] name}]``, for schemas; without IN the current database."""

    def read() -> str | None:
        if not cursor.accept("IN"):
            return ctx.session.database
        if cursor.accept("ACCOUNT"):
            return None
        if cursor.accept("DATABASE") and _name_ends(cursor):
            return ctx.session.database
        database = cursor.name()[0]
        visibility.check_place(ctx, database)
        return database

    return read


def schema_scope(ctx: Context, cursor: Cursor) -> Callable[[], Place]:
    """``[IN {ACCOUNT | DATABASE [name] | [SCHEMA] [name]}]``, for objects of schemas; without IN the current schema.

    A name without a keyword before it is that of a schema, or of a database where there is one of that name.
    """

    def read() -> Place:
        session = ctx.session
        if not cursor.accept("IN"):
            return session.database, session.schema
        if cursor.accept("ACCOUNT"):
            return EVERYWHERE
        if cursor.accept("DATABASE"):
            if _name_ends(cursor):
                return session.database, None
            database = cursor.name()[0]
            visibility.check_place(ctx, database)
            return database, None
        named = cursor.accept("SCHEMA")
        if named and _name_ends(cursor):
            return session.database, session.schema
        name = cursor.name()
        if len(name) > 2:
            cursor.fail("expected a schema")
        if len(name) == 1 and not named and ctx.stores.storage.database_exists(name[0]):
            visibility.check_place(ctx, name[0])
            return name[0], None
        database = name[0] if len(name) == 2 else session.database or ""
        visibility.check_place(ctx, database, name[-1])
        return database, name[-1]

    return read


def is_within(place: Place, database: str, schema: str) -> bool:
    """Whether a schema is in what IN named."""
    return place[0] in (None, database) and place[1] in (None, schema)


def _name_ends(cursor: Cursor) -> bool:
    """Whether no name follows DATABASE or SCHEMA: another clause does, or the end."""
    token = cursor.peek()
    return token is None or token.is_word("STARTS") or token.is_word("LIMIT")
