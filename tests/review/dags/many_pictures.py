"""A run over many pictures, some of which need gigabytes to be decoded. Its model reads their first bytes only."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_mediabatch.media_batch_group import media_batch_group

with DAG("ui_many", schedule=None):
    media_batch_group(
        stage_path="@MEDIA.PUBLIC.UI_MANY/",
        model_name="MEDIA.PUBLIC.UI_FILES",
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.UI_WORK/",
        sample_size=None,
        list_kwargs={"ledger": None},
    )
