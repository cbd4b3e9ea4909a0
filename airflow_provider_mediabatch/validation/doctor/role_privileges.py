"""What a role holds, and which objects it sees, by SHOW statements alone. No warehouse is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.grants import Grant, Name

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

ADMINISTRATOR = "ACCOUNTADMIN"
_PLURALS = {
    "DATABASE": "DATABASES",
    "SCHEMA": "SCHEMAS",
    "STAGE": "STAGES",
    "STREAM": "STREAMS",
    "TABLE": "TABLES",
    "MODEL": "MODELS",
    "IMAGE REPOSITORY": "IMAGE REPOSITORIES",
    "WAREHOUSE": "WAREHOUSES",
    "COMPUTE POOL": "COMPUTE POOLS",
}
_ALL = {"OWNERSHIP", "ALL", "ALL PRIVILEGES"}


class RolePrivileges:
    """A role's privileges, read once.

    :param connection: an open connection whose session has the role.
    :param role: its name as Snowflake stores it.
    """

    def __init__(self, connection: SnowflakeConnection, role: str) -> None:
        self._connection = connection
        self.role = role
        self._held = self._read()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def sees_everything(self) -> bool:
        """Whether an object that this role does not see does not exist."""
        return self.role == ADMINISTRATOR or any(privilege == "MANAGE GRANTS" for privilege, _, _ in self._held)

    def missing(self, grant: Grant) -> Grant:
        """The privileges that the role does not hold, itself or through a role granted to it.

        ACCOUNTADMIN owns everything, or can grant it to itself; SHOW GRANTS does not list that.
        """
        held = {privilege for privilege, kind, name in self._held if (kind, name) == (grant.kind, grant.name)}
        return grant.without(grant.privileges if self.role == ADMINISTRATOR or held & _ALL else held)

    def find(self, kind: str, name: Name) -> dict[str, Any] | None:
        """An object's row of SHOW, or None when it does not exist or the role may not see it.

        :param kind: as GRANT names it.
        """
        found = self._show(f"SHOW {_PLURALS[kind]} LIKE {sql.like(name[-1])}{_container(name)}")
        return next((row for row in found if row["name"] == name[-1]), None)

    def names(self, kind: str, name: Name) -> list[str]:
        """The names of the objects beside this one that the role sees."""
        return [str(row["name"]) for row in self._show(f"SHOW {_PLURALS[kind]}{_container(name)}")]

    def _read(self) -> set[tuple[str, str, Name]]:
        """Privilege, kind and name of what the role holds itself, through roles granted to it, and through PUBLIC."""
        found: set[tuple[str, str, Name]] = set()
        seen: set[str] = set()
        unread = [self.role, "PUBLIC"]
        while unread:
            role = unread.pop()
            if role in seen:
                continue
            seen.add(role)
            for row in self._show(f"SHOW GRANTS TO ROLE {sql.identifier(role)}"):
                kind = str(row["granted_on"]).upper().replace("_", " ")
                name = _parts(str(row["name"]))
                if kind == "ROLE":
                    unread.append(name[-1])
                else:
                    found.add((str(row["privilege"]).upper(), kind, name))
        return found

    def _show(self, statement: str) -> list[dict[str, Any]]:
        """The statement's rows; none where its container does not exist or may not be seen."""
        from snowflake.connector.errors import ProgrammingError

        try:
            return rows(self._connection, statement)
        except ProgrammingError:
            return []


def _container(name: Name) -> str:
    return "" if len(name) == 1 else f" IN {'SCHEMA' if len(name) == 3 else 'DATABASE'} {sql.qualified(*name[:-1])}"


def _parts(name: str) -> Name:
    try:
        return sql.split(name)
    except ValueError:
        return (name,)
