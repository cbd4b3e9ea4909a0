"""The button that leads from a task to its job in Snowsight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

JOB_KEY = "mediabatch_job"
"""XCom key of ``{"job": …, "query_id": …, "url": …}``, pushed before the waiting begins."""
WAITING_KEY = "mediabatch_waiting"
"""XCom key of ``{"snowflake_conn_id": …, "jobs": [[job, query id], …]}``, pushed right before a task defers."""


class BatchJobLink(BaseOperatorLink):
    """The submitting statement of the task's job, in Snowsight's query history."""

    name = "Batch inference job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that the task pushed; "" before it did, and for the local engine, which has no Snowsight."""
        return pushed_url(JOB_KEY, ti_key)


def pushed_url(key: str, ti_key: TaskInstanceKey) -> str:
    """The ``url`` that a task pushed under an XCom key; "" before it did, and where there is none."""
    from airflow.sdk.execution_time.xcom import XCom

    value = XCom.get_value(key=key, ti_key=ti_key)
    return str(value.get("url") or "") if isinstance(value, dict) else ""


def snowsight(account: str, host: str) -> str:
    """Snowsight's address for a connection, or "" where it has none.

    :param account: the connection's account, ``organization-account``; an account locator has no such address.
    :param host: the connection's host: a loopback engine has no Snowsight.
    """
    organization, _, name = account.partition("-")
    if not name or not host.endswith(("snowflakecomputing.com", "snowflakecomputing.cn")):
        return ""
    return f"https://app.snowflake.com/{organization.lower()}/{name.lower()}"


def snowsight_url(account: str, host: str, query_id: str | None) -> str:
    """Snowsight's address of a statement.

    :param account: the connection's account.
    :param host: the connection's host.
    :param query_id: the submitting statement.
    """
    base = snowsight(account, host)
    return f"{base}/#/compute/history/queries/{query_id}/detail" if base and query_id else ""
