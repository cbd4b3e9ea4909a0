"""DAGs of the lineage tests: one that succeeds, one whose sample fails its check."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_mediabatch.media_batch_group import media_batch_group

COMMON = {
    "compute_pool": "LOCAL_POOL",
    "work_location": "@MEDIA.PUBLIC.OL_WORK/",
    "stage_path": "@MEDIA.PUBLIC.OL_FILES/in/",
    "model_name": "MEDIA.PUBLIC.OL_MODEL",
    "deferrable": False,
}

LISTING = {"column_name": '"img"', "ledger": None}

with DAG("lineage", schedule=None):
    media_batch_group(**COMMON, results_table="MEDIA.PUBLIC.OL_RESULTS", list_kwargs=LISTING)

with DAG("lineage_failure", schedule=None):
    media_batch_group(**COMMON, checks=['"size" < 0'], list_kwargs=LISTING)
