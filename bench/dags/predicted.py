"""A run for each upload: the five tasks with the demo's times, and a DAG of five tasks that do nothing."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, BaseOperator, chain

from airflow_provider_mediabatch.assets.stage import stage_asset
from airflow_provider_mediabatch.media_batch_group import media_batch_group

START = pendulum.datetime(2026, 1, 1, tz="UTC")
# Those of the example new_photographs.
uploads = stage_asset("@MEDIA.PUBLIC.ARRIVALS/", poll_interval=5, settle=3)


class Nothing(BaseOperator):
    """What a task costs that does nothing."""

    def execute(self, context: object) -> None:
        """Return at once."""


with DAG(dag_id="predicted", schedule=[uploads], start_date=START, max_active_runs=1):
    media_batch_group(
        stage_path="@MEDIA.PUBLIC.ARRIVALS/",
        model_name="MEDIA.PUBLIC.INSTANT",
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.WORK/arrivals/",
        results_table="MEDIA.PUBLIC.ARRIVED",
        review=None,
        list_kwargs={"select": "new", "column_name": "IMAGE"},
    )

with DAG(dag_id="nothing", schedule=[uploads], start_date=START, max_active_runs=1):
    chain(*(Nothing(task_id=f"task_{number}") for number in range(5)))
