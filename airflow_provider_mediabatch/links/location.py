"""The button that leads from a task to what it writes: a stage or a table in Snowsight."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.links.batch_job import pushed_url, snowsight

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey
    from snowflake.connector import SnowflakeConnection

LOCATION_KEY = "mediabatch_location"
"""XCom key of ``{"location": …, "url": …}``, pushed as soon as it is known where the task writes."""


class LocationLink(BaseOperatorLink):
    """Where the task writes: the manifest's stage, the results' stage, or the results' table."""

    name = "Results location"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that the task pushed; "" before it did, and for the local engine, which has no Snowsight."""
        return pushed_url(LOCATION_KEY, ti_key)


def push_location(context: Context, connection: SnowflakeConnection, location: str) -> None:
    """Note where a task writes.

    :param location: a full stage path, or a table's qualified name.
    """
    base = snowsight(connection.account or "", connection.host or "")
    url = f"{base}/#/data/databases/{place(location)}" if base else ""
    context["ti"].xcom_push(key=LOCATION_KEY, value={"location": location, "url": url})


def place(location: str) -> str:
    """``<database>/schemas/<schema>/stage/<stage>``, or ``…/table/<table>``, as Snowsight's addresses have it."""
    if location.startswith("@"):
        path = StagePath.parse(location)
        database, schema, kind, name = path.database, path.schema, "stage", path.stage
    else:
        database, schema, name = sql.split(location)
        kind = "table"
    database, schema, name = (quote(part, safe="") for part in (database, schema, name))
    return f"{database}/schemas/{schema}/{kind}/{name}"
