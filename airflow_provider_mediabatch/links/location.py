"""The link from a task to the stage or table that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from airflow_provider_mediabatch.core.xcom_keys import LOCATION_KEY
from airflow_provider_mediabatch.links.batch_job import pushed_url
from airflow_provider_mediabatch.links.snowsight import location_url

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey
    from snowflake.connector import SnowflakeConnection


class LocationLink(BaseOperatorLink):
    """The manifest's stage, the results' stage, or the results table, in Snowsight."""

    name = "Results location"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that the task pushed. It is "" until then, and always for the local engine."""
        return pushed_url(LOCATION_KEY, ti_key)


def push_location(context: Context, connection: SnowflakeConnection, location: str) -> None:
    """Push where a task writes, for its link.

    :param context: the task's context.
    :param connection: names the account and the host.
    :param location: a full stage path, or a table's qualified name.
    """
    url = location_url(connection.account or "", connection.host or "", location)
    context["ti"].xcom_push(key=LOCATION_KEY, value={"location": location, "url": url})
