"""The link from a task to its job in Snowsight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from airflow_provider_mediabatch.core.xcom_keys import JOB_KEY

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class BatchJobLink(BaseOperatorLink):
    """The statement that submitted the task's job, in Snowsight's query history."""

    name = "Batch inference job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that the task pushed. It is "" until then, and always for the local engine."""
        return pushed_url(JOB_KEY, ti_key)


def pushed_url(key: str, ti_key: TaskInstanceKey) -> str:
    """The ``url`` that a task pushed under an XCom key, or "" where there is none.

    :param key: the XCom key.
    :param ti_key: the task instance.
    """
    from airflow.sdk.execution_time.xcom import XCom

    value = XCom.get_value(key=key, ti_key=ti_key)
    return str(value.get("url") or "") if isinstance(value, dict) else ""
