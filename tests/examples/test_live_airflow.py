"""The first example on a really running Airflow: scheduler, triggerer and API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from airflow_env import EXAMPLES

from airflow_provider_mediabatch.demo import media, models

if TYPE_CHECKING:
    from conftest import Bench
    from driven_airflow import DrivenAirflow


@pytest.mark.slow
@pytest.mark.airflow
def test_image_classification(bench: Bench, live_airflow: DrivenAirflow) -> None:
    bench.log(models.image_classifier(bench.cache))
    bench.upload("PHOTOS", "live", media.photographs())
    live_airflow.add_dag(EXAMPLES / "image_classification.py", "image_classification")
    run_id = live_airflow.trigger("image_classification", {"stage_path": "@MEDIA.PUBLIC.PHOTOS/live/"})
    state = live_airflow.wait_for_run("image_classification", run_id)
    tasks = {ti["task_id"]: ti for ti in live_airflow.task_instances("image_classification", run_id)}
    assert state == "success", {name: ti["state"] for name, ti in tasks.items()}
    result = live_airflow.xcom("image_classification", run_id, "full_batch")
    assert result["rows"] == 6
