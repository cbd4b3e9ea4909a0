"""GRANT, REVOKE, SHOW GRANTS, and the statements about roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_mediabatch.core.sql import qualified, split
from airflow_provider_mediabatch.local.defaults import ACCOUNT, ROLE, USER
from airflow_provider_mediabatch.local.errors import (
    SnowflakeError,
    does_not_exist,
    insufficient_privileges,
    not_supported,
)
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements.handlers import answer, statement
from airflow_provider_mediabatch.local.stores.privileges import ALL, GRANTERS, OWNERSHIP, Privileges

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context

# Kinds of objects by how many parts their full name has.
_PARTS = {
    "ACCOUNT": 0,
    "DATABASE": 1,
    "WAREHOUSE": 1,
    "COMPUTE POOL": 1,
    "INTEGRATION": 1,
    "ROLE": 1,
    "USER": 1,
    "SCHEMA": 2,
    "TABLE": 3,
    "VIEW": 3,
    "STAGE": 3,
    "STREAM": 3,
    "MODEL": 3,
    "SERVICE": 3,
    "IMAGE REPOSITORY": 3,
    "FILE FORMAT": 3,
    "TAG": 3,
}


def _plural(kind: str) -> str:
    return kind[:-1] + "IES" if kind.endswith("Y") else kind + "S"


_PLURALS = {_plural(kind): kind for kind in _PARTS}
_Scope = Literal["ONE", "ALL", "FUTURE"]


@statement("GRANT", locked=False)
def grant(ctx: Context, cursor: Cursor) -> Result:
    """``GRANT privileges ON object TO ROLE r``; ``GRANT ROLE r TO ROLE | USER x``; Snowflake's GRANT <privileges>."""
    cursor.expect("GRANT")
    if cursor.accept("ROLE"):
        return _grant_role(ctx, cursor, revoke=False)
    privileges, kind, names, scope = _subject(ctx, cursor)
    cursor.expect("TO")
    grantee = _grantee(ctx, cursor)
    option = cursor.accept("WITH", "GRANT", "OPTION")
    others_go = not cursor.accept("COPY", "CURRENT", "GRANTS") and cursor.accept("REVOKE", "CURRENT", "GRANTS")
    cursor.expect_end()
    for name in names:
        _may_grant(ctx, kind, name)
        if scope == "ONE":  # the names of ALL come from SHOW, and what is FUTURE is not there yet
            _check_there(ctx, kind, name)
        if others_go and "OWNERSHIP" in privileges:
            ctx.stores.privileges.dropped(kind, name)
        for privilege in privileges:
            ctx.stores.privileges.grant(
                privilege, kind, name, grantee, by=ctx.session.role, future=scope == "FUTURE", grant_option=option
            )
    return Result.status()


@statement("REVOKE", locked=False)
def revoke(ctx: Context, cursor: Cursor) -> Result:
    """``REVOKE privileges ON object FROM ROLE r``; ``REVOKE ROLE r FROM ROLE | USER x``."""
    cursor.expect("REVOKE")
    if cursor.accept("ROLE"):
        return _grant_role(ctx, cursor, revoke=True)
    option_only = cursor.accept("GRANT", "OPTION", "FOR")
    privileges, kind, names, scope = _subject(ctx, cursor)
    cursor.expect("FROM")
    grantee = _grantee(ctx, cursor)
    if not cursor.accept("RESTRICT"):
        cursor.accept("CASCADE")
    cursor.expect_end()
    for name in names:
        _may_grant(ctx, kind, name)
        for privilege in privileges:
            ctx.stores.privileges.revoke(
                privilege, kind, name, grantee, future=scope == "FUTURE", option_only=option_only
            )
    return Result.status()


@statement("SHOW GRANTS", locked=False)
def show_grants(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW GRANTS [ON object | TO ROLE r | TO USER u | OF ROLE r]``; alone it shows the current role's."""
    cursor.expect("SHOW", "GRANTS")
    privileges: Privileges = ctx.stores.privileges
    if cursor.accept("OF", "ROLE"):
        role = cursor.identifier()
        cursor.expect_end()
        privileges.check_role(role)
        return _members(privileges.list_members("role = ?", [role]))
    if cursor.accept("TO", "USER"):
        user = cursor.identifier()
        cursor.expect_end()
        return _members(privileges.list_members("grantee = ? AND kind = 'USER'", [user]))
    if cursor.accept("ON"):
        kind, name = _object(ctx, cursor)
        cursor.expect_end()
        rows = privileges.list_grants("kind = ? AND name = ? AND future = 0", [kind, name])
        if not any(row["privilege"] == OWNERSHIP for row in rows) and kind != "ACCOUNT":
            rows.insert(0, _owned_by_default(kind, name))
        return _grants(rows)
    role = ctx.session.role
    if cursor.accept("TO"):
        cursor.accept("ROLE")
        role = cursor.identifier()
    cursor.expect_end()
    privileges.check_role(role)
    rows = privileges.list_grants("grantee = ? AND future = 0", [role])
    usage = [
        {"privilege": "USAGE", "kind": "ROLE", "name": row["role"], "grantee": role, "created": row["created"]}
        for row in privileges.list_members("grantee = ? AND kind = 'ROLE'", [role])
    ]
    return _grants(rows + usage)


def _grant_role(ctx: Context, cursor: Cursor, *, revoke: bool) -> Result:
    role = cursor.identifier()
    cursor.expect("FROM" if revoke else "TO")
    kind = "USER" if cursor.accept("USER") else "ROLE"
    if kind == "ROLE":
        cursor.accept("ROLE")
    grantee = cursor.identifier()
    cursor.expect_end()
    privileges: Privileges = ctx.stores.privileges
    privileges.check_role(role)
    if kind == "ROLE":
        privileges.check_role(grantee)
    elif grantee != USER:
        raise not_supported(f"users other than {USER}")
    if ctx.session.acting_role not in GRANTERS:
        raise insufficient_privileges("role", role)
    (privileges.revoke_role if revoke else privileges.grant_role)(role, grantee, kind)
    return Result.status()


def _subject(ctx: Context, cursor: Cursor) -> tuple[list[str], str, list[str], _Scope]:
    """``privileges ON object``: the privileges, the kind, the objects' names (of future ones, the container's)."""
    privileges = [_privilege(cursor)]
    while cursor.accept(","):
        privileges.append(_privilege(cursor))
    cursor.expect("ON")
    future = cursor.accept("FUTURE")
    if future or cursor.accept("ALL"):
        kind = _kind(cursor, _PLURALS)
        cursor.expect("IN")
        container, name = _object(ctx, cursor)
        if container not in ("SCHEMA", "DATABASE"):
            cursor.fail("expected SCHEMA or DATABASE")
        if future:
            return privileges, kind, [name], "FUTURE"
        return privileges, kind, _existing(ctx, kind, container, name), "ALL"
    kind, name = _object(ctx, cursor)
    return privileges, kind, [name], "ONE"


def _privilege(cursor: Cursor) -> str:
    words = []
    while (token := cursor.peek()) is not None and token.kind == "word" and not token.is_word("ON"):
        words.append(cursor.next().value.upper())
    if not words:
        cursor.fail("expected a privilege")
    return ALL if words in (["ALL"], ["ALL", "PRIVILEGES"]) else " ".join(words)


def _kind(cursor: Cursor, kinds: Mapping[str, Any]) -> str:
    kind = _kind_or_none(cursor, kinds)
    if kind is None:
        cursor.fail("expected a kind of object that the local engine knows grants of")
    assert kind is not None
    return kind


def _kind_or_none(cursor: Cursor, kinds: Mapping[str, Any]) -> str | None:
    for length in (2, 1):
        words = [cursor.peek(offset) for offset in range(length)]
        text = " ".join(token.value.upper() for token in words if token is not None)
        if text in kinds:
            cursor.position += length
            return str(kinds[text]) if kinds is _PLURALS else text
    return None


def _object(ctx: Context, cursor: Cursor) -> tuple[str, str]:
    kind = _kind(cursor, _PARTS)
    return kind, ACCOUNT if kind == "ACCOUNT" else _full_name(ctx, cursor, kind)


def _full_name(ctx: Context, cursor: Cursor, kind: str) -> str:
    parts, name = _PARTS[kind], cursor.name()
    if parts == 3:
        name = ctx.qualify(name)
    elif parts == 2 and len(name) == 1:
        name = (ctx.session.database or "", name[0])
    return qualified(*name)


def _existing(ctx: Context, kind: str, container: str, name: str) -> list[str]:
    """The names of all objects of a kind in a schema or database."""
    return _shown(ctx, f"SHOW {_plural(kind)} IN {container} {name}", _PARTS[kind])


def _check_there(ctx: Context, kind: str, name: str) -> None:
    """Nothing can be granted on what is not there. Integrations are not looked up: the engine keeps none."""
    if kind not in ("ACCOUNT", "INTEGRATION", "ROLE", "USER") and name not in _of_its_kind(ctx, kind, split(name)):
        raise does_not_exist(kind.capitalize(), name)


def _of_its_kind(ctx: Context, kind: str, parts: tuple[str, ...]) -> list[str]:
    """The names of the objects of this kind beside the one that the parts name."""
    if len(parts) == 1:
        return _shown(ctx, f"SHOW {_plural(kind)}", 1)
    kinds = ["TABLE", "VIEW"] if kind == "TABLE" else [kind]  # a view may be named as a table
    container = "SCHEMA" if len(parts) == 3 else "DATABASE"
    try:
        return [name for each in kinds for name in _existing(ctx, each, container, qualified(*parts[:-1]))]
    except SnowflakeError as error:
        if error.code not in (2003, 2043):
            raise
        return []


def _shown(ctx: Context, show: str, parts: int) -> list[str]:
    """Full names of as many parts, from the rows of a SHOW."""
    shown = answer(ctx, show)
    columns = [column.name for column in shown.columns]
    places = [columns.index(name) for name in (*("database_name", "schema_name")[: parts - 1], "name")]
    return [qualified(*row) for row in zip(*(shown.table.column(i).to_pylist() for i in places), strict=True)]


def _grantee(ctx: Context, cursor: Cursor) -> str:
    if cursor.accept("USER") or cursor.accept("DATABASE", "ROLE") or cursor.accept("SHARE"):
        raise not_supported("grants of privileges to users, database roles and shares")
    cursor.accept("ROLE")
    role = cursor.identifier()
    ctx.stores.privileges.check_role(role)
    return role


def _may_grant(ctx: Context, kind: str, name: str) -> None:
    """Granting takes ownership of the object, or a role made for it."""
    role = ctx.session.acting_role
    if role in GRANTERS or ctx.stores.privileges.allows(role, OWNERSHIP, kind, name):
        return
    raise insufficient_privileges(kind.lower(), name)


def _owned_by_default(kind: str, name: str) -> dict[str, Any]:
    return {"privilege": OWNERSHIP, "kind": kind, "name": name, "grantee": ROLE, "grant_option": 1, "created": 0.0}


def _grants(rows: list[dict[str, Any]]) -> Result:
    columns = [ResultColumn.timestamp_ltz("created_on")]
    texts = ("privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by")
    columns += [ResultColumn.text(name) for name in texts]
    return Result.of(
        columns,
        [
            (
                utc_time(row["created"]),
                row["privilege"],
                row["kind"].replace(" ", "_"),
                row["name"],
                "ROLE",
                row["grantee"],
                "true" if row.get("grant_option") else "false",
                row.get("granted_by") or ROLE,
            )
            for row in rows
        ],
    )


def _members(rows: list[dict[str, Any]]) -> Result:
    columns = [ResultColumn.timestamp_ltz("created_on")]
    columns += [ResultColumn.text(name) for name in ("role", "granted_to", "grantee_name", "granted_by")]
    return Result.of(
        columns,
        [(utc_time(row["created"]), row["role"], row["kind"], row["grantee"], ROLE) for row in rows],
    )
