"""Addresses in Snowsight, Snowflake's web interface."""

from __future__ import annotations

from urllib.parse import quote

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.stage_path import StagePath


def base_url(account: str, host: str) -> str:
    """Snowsight's address for a connection, or "" where it has none.

    :param account: the connection's account, ``organization-account``. An account locator has no such address.
    :param host: the connection's host. The local engine has no Snowsight.
    """
    organization, _, name = account.partition("-")
    if not name or not host.endswith(("snowflakecomputing.com", "snowflakecomputing.cn")):
        return ""
    return f"https://app.snowflake.com/{organization.lower()}/{name.lower()}"


def statement_url(account: str, host: str, query_id: str | None) -> str:
    """The page of a statement in the query history, or "" where there is none.

    :param account: the connection's account.
    :param host: the connection's host.
    :param query_id: the statement's query id.
    """
    base = base_url(account, host)
    return f"{base}/#/compute/history/queries/{query_id}/detail" if base and query_id else ""


def location_url(account: str, host: str, location: str) -> str:
    """The page of a stage or a table, or "" where there is none.

    :param account: the connection's account.
    :param host: the connection's host.
    :param location: a full stage path, or a table's qualified name.
    """
    base = base_url(account, host)
    return f"{base}/#/data/databases/{_object_path(location)}" if base else ""


def _object_path(location: str) -> str:
    if location.startswith("@"):
        path = StagePath.parse(location)
        database, schema, kind, name = path.database, path.schema, "stage", path.stage
    else:
        database, schema, name = sql.split(location)
        kind = "table"
    database, schema, name = (quote(part, safe="") for part in (database, schema, name))
    return f"{database}/schemas/{schema}/{kind}/{name}"
