"""A model over files with the Databricks provider: a submitted run."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.sdk import DAG

with DAG(dag_id="submit_run", schedule=None):
    DatabricksSubmitRunOperator(
        task_id="infer",
        notebook_task={"notebook_path": "/infer"},
        new_cluster={"spark_version": "17.3.x-scala2.13", "num_workers": 1},
        deferrable=True,
    )
