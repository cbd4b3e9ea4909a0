"""DAGs of the review page's tests: photographs with an approval, recordings, and what is hard to show."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_mediabatch.media_batch_group import media_batch_group

# Airflow fails an approval that is answered before the scheduler has heard of its pause (seconds, on a busy machine).
RETRIES = {"deferrable": True, "retries": 3, "retry_delay": timedelta(seconds=2)}
COMMON = {"compute_pool": "LOCAL_POOL", "work_location": "@MEDIA.PUBLIC.UI_WORK/"}

with DAG("ui_photographs", schedule=None, default_args=RETRIES):
    media_batch_group(
        **COMMON,
        stage_path="@MEDIA.PUBLIC.UI_PHOTOGRAPHS/",
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        checks=["LENGTH(LABEL) > 0", "SCORE BETWEEN 0 AND 1"],
        review="always",
        list_kwargs={"select": "new"},
        approve_kwargs={"credits_per_hour": 0.11, "price_per_credit": 3, "response_timeout": timedelta(hours=1)},
    )

with DAG("ui_documented", schedule=None, default_args=RETRIES):
    media_batch_group(
        **COMMON,
        stage_path="@MEDIA.PUBLIC.UI_PHOTOGRAPHS/",
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        checks=["LENGTH(LABEL) > 0", "SCORE BETWEEN 0 AND 1"],
        review="always",
        list_kwargs={"ledger": None},
        approve_kwargs={"credits_per_hour": 0.11, "price_per_credit": 3, "response_timeout": timedelta(hours=1)},
    )

with DAG("ui_form", schedule=None, default_args=RETRIES):
    media_batch_group(
        **COMMON,
        stage_path="@MEDIA.PUBLIC.UI_PHOTOGRAPHS/",
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        checks=["LENGTH(LABEL) > 0", "SCORE BETWEEN 0 AND 1"],
        review="always",
        labels="SELECT 'camera.png' AS FILE, 'tripod' AS LABEL UNION ALL SELECT 'chelsea.png', 'dog'",
        compare_with="previous",
        results_table="MEDIA.PUBLIC.UI_FORM",
        list_kwargs={"ledger": None},
        approve_kwargs={"credits_per_hour": 0.11, "price_per_credit": 3, "response_timeout": timedelta(hours=1)},
    )

with DAG("ui_first_run", schedule=None, default_args=RETRIES, max_active_runs=3):
    media_batch_group(
        **COMMON,
        stage_path="@MEDIA.PUBLIC.UI_PHOTOGRAPHS/",
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        sample_size=1,
        review="first_run",
        list_kwargs={"ledger": None},
    )

with DAG("ui_recordings", schedule=None, default_args=RETRIES):
    media_batch_group(
        **COMMON,
        stage_path="@MEDIA.PUBLIC.UI_RECORDINGS/",
        model_name="MEDIA.PUBLIC.UI_SOUND",
        sample_size=None,
        results_table="MEDIA.PUBLIC.UI_SOUNDS",
        max_drift=0.2,
        list_kwargs={"ledger": None},
    )

with DAG("ui_odd", schedule=None, default_args=RETRIES):
    media_batch_group(
        **COMMON,
        stage_path="@MEDIA.PUBLIC.UI_ODD/",
        model_name="MEDIA.PUBLIC.UI_ODD_MODEL",
        review="always",
        sample_size=4,
        sample_kwargs={"max_null_fraction": 1.0},
        list_kwargs={
            "ledger": None,
            "join": "SELECT FILE_NAME, QUESTION AS ASKED FROM MEDIA.PUBLIC.UI_QUESTIONS",
            "extra_columns": {"QUESTION": "ASKED"},
        },
    )

with DAG("ui_unreadable", schedule=None, default_args=RETRIES):
    media_batch_group(
        **COMMON,
        stage_path="@MEDIA.PUBLIC.UI_UNREADABLE/",
        model_name="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        sample_size=None,
        isolate_failures=True,
        list_kwargs={"ledger": "MEDIA.PUBLIC.UI_UNREADABLE_LEDGER"},
        full_kwargs={"max_failed_fraction": 0.5},
    )
