"""A sample and a batch whose model raises."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_mediabatch.media_batch_group import media_batch_group

with DAG("ui_failing", schedule=None):
    for group_id, sample_size in (("sampled", 2), ("whole", None)):
        media_batch_group(
            group_id,
            stage_path="@MEDIA.PUBLIC.UI_RECORDINGS/",
            model_name="MEDIA.PUBLIC.UI_FILES",
            compute_pool="LOCAL_POOL",
            work_location="@MEDIA.PUBLIC.UI_WORK/",
            sample_size=sample_size,
            list_kwargs={"ledger": None},
            validate_kwargs={"model_params": {"mode": "fail"}},
        )
