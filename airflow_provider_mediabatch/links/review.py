"""The link from a task to its review page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ReviewLink(BaseOperatorLink):
    """The review page of the task's sample or batch, in Airflow itself. It is there before the task has run."""

    name = "Batch review"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The page's address on this site."""
        from airflow_provider_mediabatch.review.addresses import URL_PREFIX, segments, site_prefix

        index = -1 if ti_key.map_index is None else ti_key.map_index
        return f"{site_prefix()}{URL_PREFIX}/{segments(ti_key.dag_id, ti_key.run_id, ti_key.task_id, index)}"
