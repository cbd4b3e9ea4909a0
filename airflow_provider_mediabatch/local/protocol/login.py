"""Logging in: user and password, the role, and the current database, schema and warehouse of the new session."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from airflow_provider_mediabatch.local.defaults import DATABASE, ROLE, SCHEMA, USER, WAREHOUSE
from airflow_provider_mediabatch.local.dispatch.engine import Engine
from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.session.session import Session
from airflow_provider_mediabatch.local.statements.session import set_parameter


class LoginError(Exception):
    """The login is refused.

    :param code: Snowflake's error code, as clients read it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def log_in(engine: Engine, password: str, data: Any, names: Mapping[str, str]) -> Session:
    """Open a session.

    :param engine: what is logged in to.
    :param password: of the engine's one user.
    :param data: the request's ``data``: ``LOGIN_NAME``, ``PASSWORD``, ``SESSION_PARAMETERS``.
    :param names: the request's ``roleName``, ``databaseName``, ``schemaName``, ``warehouse``.
    :raises LoginError: for another user or password, for a role that does not exist, and for a database, schema or
        warehouse that does not exist where the client wants them validated.
    """
    data = data if isinstance(data, dict) else {}
    user, given = str(data.get("LOGIN_NAME") or ""), str(data.get("PASSWORD") or "")
    # Both are compared, each in constant time, so that the time says nothing about either.
    right_user = hmac.compare_digest(user.upper().encode(), USER.encode())
    if not (hmac.compare_digest(given.encode(), password.encode()) and right_user):
        raise LoginError("390100", "Incorrect username or password was specified.")
    role = _resolved(names.get("roleName")) or ROLE
    if not engine.stores.privileges.exists(role):
        raise LoginError(
            "390189",
            f"Role '{role}' specified in the connect string does not exist or not authorized. Contact your local "
            "system administrator, or attempt to login with another role.",
        )
    parameters = data.get("SESSION_PARAMETERS")
    session = engine.sessions.open(USER, role)
    try:
        for name, value in (parameters if isinstance(parameters, dict) else {}).items():
            set_parameter(session, name.upper(), value)
    except SnowflakeError as error:
        engine.sessions.close(session)
        raise LoginError(f"{error.code:06}", error.message) from None
    # As with Snowflake, a name that does not exist is no error; the session has no current one then.
    storage = engine.stores.storage
    database = _resolved(names.get("databaseName")) or DATABASE
    session.database = database if storage.database_exists(database) else None
    schema = _resolved(names.get("schemaName")) or SCHEMA
    session.schema = schema if session.database and storage.schema_exists(session.database, schema) else None
    warehouse = _resolved(names.get("warehouse")) or WAREHOUSE
    session.warehouse = warehouse if storage.warehouse_exists(warehouse) else None
    if session.parameters.get("CLIENT_VALIDATE_DEFAULT_PARAMETERS") is True:
        for kind, found in (
            ("database", session.database),
            ("schema", session.schema),
            ("warehouse", session.warehouse),
        ):
            if found is None:
                engine.sessions.close(session)
                raise LoginError("390201", f"The requested {kind} does not exist or not authorized.")
    return session


def query_tag(data: Any) -> str:
    """The QUERY_TAG that a login asks for; empty without one.

    :param data: the request's ``data``.
    """
    parameters = data.get("SESSION_PARAMETERS") if isinstance(data, dict) else None
    return str(parameters.get("QUERY_TAG") or "") if isinstance(parameters, dict) else ""


def _resolved(name: str | None) -> str | None:
    """A name from the connect string, as Snowflake resolves it: unquoted is upper case."""
    if not name:
        return None
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name.upper()
