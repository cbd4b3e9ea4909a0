"""A model over files with the Snowflake provider: a container job of the user's own."""

from __future__ import annotations

from airflow.providers.snowflake.operators.snowpark_containers import SnowparkContainerJobOperator
from airflow.sdk import DAG

with DAG(dag_id="container_job", schedule=None):
    SnowparkContainerJobOperator(
        task_id="infer",
        compute_pool="POOL",
        container_name="main",
        spec="job.yaml",
        spec_stage="@SPECS",
        deferrable=True,
    )
