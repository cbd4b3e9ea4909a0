"""A task that says what its process had imported before it."""

from __future__ import annotations

import sys

import pendulum
from airflow.sdk import DAG, BaseOperator


class Imported(BaseOperator):
    """Returns which of the connector's heavy packages are there already."""

    def execute(self, context: object) -> list[str]:
        return [name for name in ("snowflake.connector", "pandas", "pyarrow") if name in sys.modules]


with DAG(dag_id="live_preload", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
    Imported(task_id="imported")
