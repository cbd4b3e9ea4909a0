"""A run for each upload to a stage of the bench."""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_provider_mediabatch.assets.stage import stage_asset

uploads = stage_asset("@MEDIA.PUBLIC.UPLOADS/", poll_interval=2, settle=1)
with DAG(dag_id="new_files", schedule=[uploads], start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
    EmptyOperator(task_id="queued")
