"""DAGs that return what somebody else wrote: a result that is none of theirs."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_mediabatch.media_batch_group import media_batch_group


@task
def settings(**context: Any) -> Any:
    """An everyday task that passes its run's configuration on."""
    return context["dag_run"].conf["value"]


with DAG("ui_pass_through", schedule=None):
    settings()

with DAG("ui_honest", schedule=None):
    media_batch_group(
        stage_path="@MEDIA.PUBLIC.UI_RECORDINGS/",
        model_name="MEDIA.PUBLIC.UI_SOUND",
        compute_pool="LOCAL_POOL",
        work_location="@MEDIA.PUBLIC.UI_WORK/",
        sample_size=2,
        list_kwargs={"ledger": None},
    )
