"""XComs in an object store: the page and the listener read the values that the rows of the database refer to.

The triggerer is killed before a task is marked, so that only the API server can end its job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import scene
from airflow_env import copy_database
from driven_airflow import DrivenAirflow

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Review as ReviewType

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]

DAG_ID = "ui_stored_elsewhere"


@pytest.fixture(scope="module")
def elsewhere(
    engine: Any, migrated_airflow_home: AirflowHome, tmp_path_factory: pytest.TempPathFactory, review_of: Any
) -> Iterator[ReviewType]:
    """An Airflow of the module's own, since the XCom backend is a setting of all its processes."""
    with engine.session() as session:
        scene.prepare_recordings(session)
    home = AirflowHome(tmp_path_factory.mktemp("elsewhere"), {"snowflake_default": engine.airflow_connection})
    copy_database(migrated_airflow_home, home)
    store: Path = tmp_path_factory.mktemp("xcoms")
    airflow = DrivenAirflow(home)
    airflow.environment |= {
        "AIRFLOW__CORE__XCOM_BACKEND": "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": f"file://{store}",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "0",
    }
    try:
        airflow.start()
        airflow.add_dag(scene.DAGS.with_name("stored_elsewhere.py"), DAG_ID)
        yield review_of(airflow)
        assert any(path.is_file() for path in store.rglob("*")), "the values were stored elsewhere"
    finally:
        airflow.stop()


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
    return found


def running_jobs(review: ReviewType) -> list[str]:
    """Jobs of this DAG's task that have not ended."""
    with review.engine.connect() as connection:
        statuses = jobs.statuses(connection, "MEDIA.PUBLIC")
    ended = ("DONE", "FAILED", "CANCELLED")
    return [job for job, status in statuses.items() if ".MB_FULL_BATCH_" in job and status not in ended]


def test_the_page_shows_a_batch(elsewhere: ReviewType) -> None:
    elsewhere.runs[DAG_ID] = elsewhere.airflow.trigger(DAG_ID, {"mode": "plain"})
    assert elsewhere.wait_for(DAG_ID, "full_batch") == "success", elsewhere.states(DAG_ID)
    status, _, html = elsewhere.get(elsewhere.path(DAG_ID, "full_batch", "-1"))
    assert (status, b"tone 0.wav" in html, b"UI_FILES" in html) == (200, True, True)
    assert b"full_batch" in elsewhere.get(elsewhere.path(DAG_ID))[2]


def test_the_job_of_a_marked_task_is_cancelled(elsewhere: ReviewType) -> None:
    assert running_jobs(elsewhere) == []
    elsewhere.runs[DAG_ID] = elsewhere.airflow.trigger(DAG_ID, {"mode": "endless"})
    assert elsewhere.wait_for(DAG_ID, "full_batch", "deferred") == "deferred"
    until(lambda: running_jobs(elsewhere), 60, "no job was submitted")
    elsewhere.airflow.kill_component("triggerer")
    path = f"/dags/{DAG_ID}/dagRuns/{quote(elsewhere.runs[DAG_ID])}/taskInstances/full_batch"
    elsewhere.airflow.api("PATCH", path, {"new_state": "failed"})
    until(lambda: not running_jobs(elsewhere), 30, f"still running: {running_jobs(elsewhere)}")
