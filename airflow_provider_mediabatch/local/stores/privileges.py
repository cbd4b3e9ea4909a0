"""Roles and grants, as far as they decide what a statement may do.

ACCOUNTADMIN, the default role, may do everything. Any other role needs grants, and gets Snowflake's two errors without
them: an object of which it has no privilege at all "does not exist or not authorized" (002003); one that it sees but
may not use so is "insufficient privileges" (003001). Source: Snowflake's access control privileges.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified, split
from airflow_provider_mediabatch.local.defaults import ACCOUNT, ROLE
from airflow_provider_mediabatch.local.errors import already_exists, does_not_exist, insufficient_privileges

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.catalog import Catalog

_SCHEMA = """
CREATE TABLE IF NOT EXISTS roles (name TEXT PRIMARY KEY, comment TEXT, created REAL);
CREATE TABLE IF NOT EXISTS role_members (role TEXT, grantee TEXT, kind TEXT, created REAL, PRIMARY KEY (role, grantee,
kind)); CREATE TABLE IF NOT EXISTS grants (
    privilege TEXT, kind TEXT, name TEXT, grantee TEXT, future INTEGER DEFAULT 0, grant_option INTEGER DEFAULT 0,
    granted_by TEXT, created REAL, PRIMARY KEY (privilege, kind, name, grantee, future)
);
"""
_BUILT_IN = ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "PUBLIC")
GRANTERS = (ROLE, "SECURITYADMIN")
"""Roles that may grant everything as if they owned it, and so see it."""
OWNERSHIP = "OWNERSHIP"
# ALL PRIVILEGES, kept as one word, since a privilege that is never asked for need not be listed.
ALL = "ALL"
Name = str | tuple[str, ...]


class Privileges:
    """The engine's roles and grants."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        connection = catalog.connect()
        connection.executescript(_SCHEMA)
        now = time.time()
        connection.executemany("INSERT OR IGNORE INTO roles VALUES (?, '', ?)", [(role, now) for role in _BUILT_IN])
        for role in ("USERADMIN", "SECURITYADMIN"):
            self.grant("CREATE ROLE", "ACCOUNT", ACCOUNT, role, by=ROLE)

    # Checks.

    def require(self, role: str, privilege: str, kind: str, name: Name) -> None:
        """Let a statement go on only if the role has this privilege.

        :param role: the session's current role.
        :param privilege: as GRANT names it: ``READ``, ``WRITE``, ``USAGE``, ``CREATE SERVICE`` …
        :param kind: as GRANT names it: ``stage``, ``model``, ``compute pool``, ``schema``, ``database``, ``warehouse``
            …
        :param name: resolved parts, or their SQL text.
        :raises SnowflakeError: 002003 or 003001.
        """
        if role == ROLE:
            return
        kind, text = kind.upper(), _text(name)
        parts = split(text)
        roles = self.roles_of(role)
        if len(parts) == 3:
            self._require_container(roles, "DATABASE", parts[:1])
            self._require_container(roles, "SCHEMA", parts[:2])
        elif kind == "SCHEMA" and len(parts) == 2:
            self._require_container(roles, "DATABASE", parts[:1])
        held = self._held(roles, kind, text)
        if not held and kind != "ACCOUNT":  # an account is seen by everybody
            raise does_not_exist(kind.capitalize(), text)
        if not held & {privilege.upper(), OWNERSHIP, ALL}:
            raise insufficient_privileges(kind.lower(), parts[-1])

    def allows(self, role: str, privilege: str, kind: str, name: Name) -> bool:
        """Whether a role has a privilege, itself or through roles granted to it."""
        held = self._held(self.roles_of(role), kind.upper(), _text(name))
        return role == ROLE or bool(held & {privilege.upper(), OWNERSHIP, ALL})

    def is_visible(self, role: str, kind: str, name: Name) -> bool:
        """Whether a role has any privilege of an object, and so sees it in SHOW."""
        return role in GRANTERS or bool(self._held(self.roles_of(role), kind.upper(), _text(name)))

    def created(self, role: str, kind: str, name: Name, *, keep: bool = False) -> None:
        """Note a new object: the role owns it, and future grants of its schema and database apply.

        :param keep: it stands in the place of another one, whose grants it keeps instead (COPY GRANTS).
        """
        kind, text = kind.upper(), _text(name)
        catalog = self.catalog.connect()
        if not keep:
            catalog.execute("DELETE FROM grants WHERE kind = ? AND name = ? AND future = 0", (kind, text))
        self.grant(OWNERSHIP, kind, text, role, by=role)
        if keep:
            return
        parts = split(text)
        for container in (qualified(*parts[:length]) for length in range(1, len(parts))):
            rows = catalog.execute(
                "SELECT * FROM grants WHERE kind = ? AND name = ? AND future = 1", (kind, container)
            ).fetchall()
            for row in rows:
                self.grant(row["privilege"], kind, text, row["grantee"], by=row["granted_by"])

    def dropped(self, kind: str, name: Name) -> None:
        """Forget the grants of an object that is gone."""
        self.catalog.connect().execute(
            "DELETE FROM grants WHERE kind = ? AND name = ? AND future = 0", (kind.upper(), _text(name))
        )

    # What GRANT, REVOKE and the statements about roles do.

    def exists(self, role: str) -> bool:
        """Whether there is such a role."""
        return self.catalog.connect().execute("SELECT 1 FROM roles WHERE name = ?", (role,)).fetchone() is not None

    def create_role(self, role: str, comment: str = "", *, replace: bool = False, if_not_exists: bool = False) -> bool:
        """Make a role; False when it was there and that is fine.

        :raises SnowflakeError: 002002 when the name is taken.
        """
        if self.exists(role):
            if if_not_exists:
                return False
            if not replace:
                raise already_exists("Object", role)
            self.drop_role(role)
        self.catalog.connect().execute("INSERT INTO roles VALUES (?, ?, ?)", (role, comment, time.time()))
        return True

    def drop_role(self, role: str) -> None:
        """Remove a role with its grants; what it owned falls to ACCOUNTADMIN.

        :raises SnowflakeError: 002003 when there is no such role; 003001 for one of Snowflake's own.
        """
        self.check_role(role)
        if role in _BUILT_IN:
            raise insufficient_privileges("role", role)
        with self.catalog.transaction() as catalog:
            catalog.execute("DELETE FROM grants WHERE grantee = ?", (role,))
            catalog.execute("DELETE FROM role_members WHERE role = ? OR (grantee = ? AND kind = 'ROLE')", (role, role))
            catalog.execute("DELETE FROM roles WHERE name = ?", (role,))

    def check_role(self, role: str) -> None:
        """:raises SnowflakeError: 002003 when there is no such role."""
        if not self.exists(role):
            raise does_not_exist("Role", role)

    def grant(
        self,
        privilege: str,
        kind: str,
        name: str,
        grantee: str,
        *,
        by: str,
        future: bool = False,
        grant_option: bool = False,
    ) -> None:
        """Give a role a privilege. There is one OWNERSHIP of an object: granting it takes it from who had it."""
        catalog = self.catalog.connect()
        if privilege == OWNERSHIP and not future:
            catalog.execute(
                "DELETE FROM grants WHERE privilege = ? AND kind = ? AND name = ? AND future = 0",
                (OWNERSHIP, kind, name),
            )
        catalog.execute(
            "INSERT OR REPLACE INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (privilege, kind, name, grantee, future, grant_option, by, time.time()),
        )

    def revoke(
        self, privilege: str, kind: str, name: str, grantee: str, *, future: bool = False, option_only: bool = False
    ) -> None:
        """Take a privilege away; ALL takes every one but OWNERSHIP. Nothing happens where it was not granted.

        :param option_only: the privilege stays, and only the right to grant it goes.
        """
        condition = "privilege <> 'OWNERSHIP'" if privilege == ALL else "privilege = :privilege"
        change = "UPDATE grants SET grant_option = 0" if option_only else "DELETE FROM grants"
        self.catalog.connect().execute(
            f"{change} WHERE {condition} AND kind = :kind AND name = :name AND grantee = :grantee AND future = :future",
            {"privilege": privilege, "kind": kind, "name": name, "grantee": grantee, "future": future},
        )

    def grant_role(self, role: str, grantee: str, kind: str) -> None:
        """Make a role's privileges those of another role, or let a user take it."""
        self.catalog.connect().execute(
            "INSERT OR REPLACE INTO role_members VALUES (?, ?, ?, ?)", (role, grantee, kind, time.time())
        )

    def revoke_role(self, role: str, grantee: str, kind: str) -> None:
        """Undo :meth:`grant_role`."""
        self.catalog.connect().execute(
            "DELETE FROM role_members WHERE role = ? AND grantee = ? AND kind = ?", (role, grantee, kind)
        )

    def roles_of(self, role: str) -> set[str]:
        """A role, PUBLIC, and all roles granted to them, however deep."""
        catalog = self.catalog.connect()
        found, unread = {"PUBLIC", role}, ["PUBLIC", role]
        while unread:
            rows = catalog.execute("SELECT role FROM role_members WHERE grantee = ? AND kind = 'ROLE'", (unread.pop(),))
            new = {row["role"] for row in rows} - found
            found |= new
            unread.extend(new)
        return found

    def list_roles(self) -> list[dict[str, Any]]:
        """All roles by name."""
        return [dict(row) for row in self.catalog.connect().execute("SELECT * FROM roles ORDER BY name")]

    def list_grants(self, condition: str, values: Iterable[object]) -> list[dict[str, Any]]:
        """Grants by a condition on their table."""
        rows = self.catalog.connect().execute(
            f"SELECT * FROM grants WHERE {condition} ORDER BY kind, name, privilege, grantee", tuple(values)
        )
        return [dict(row) for row in rows]

    def list_members(self, condition: str, values: Iterable[object]) -> list[dict[str, Any]]:
        """Grants of roles by a condition on their table."""
        rows = self.catalog.connect().execute(
            f"SELECT * FROM role_members WHERE {condition} ORDER BY role, grantee", tuple(values)
        )
        return [dict(row) for row in rows]

    def _held(self, roles: set[str], kind: str, name: str) -> set[str]:
        marks = ", ".join("?" * len(roles))
        rows = self.catalog.connect().execute(
            f"SELECT privilege FROM grants WHERE kind = ? AND name = ? AND future = 0 AND grantee IN ({marks})",
            (kind, name, *roles),
        )
        return {row["privilege"] for row in rows}

    def _require_container(self, roles: set[str], kind: str, parts: tuple[str, ...]) -> None:
        name = qualified(*parts)
        if not self._held(roles, kind, name) & {"USAGE", OWNERSHIP, ALL}:
            raise does_not_exist(kind.capitalize(), name)


def _text(name: Name) -> str:
    """One spelling for one object."""
    parts = name if isinstance(name, tuple) else split(name)
    return qualified(*parts)
