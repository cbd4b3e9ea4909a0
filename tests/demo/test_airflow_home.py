"""The demo's own Airflow runs a DAG and reports states, XComs and errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow_env import copy_database

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome, DagRunError

DAG_FILE = """
from airflow.sdk import dag, task
import pendulum

@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1))
def tiny():
    @task
    def first(**context):
        return {"conf": context["dag_run"].conf}

    @task
    def each(number):
        if number == 3:
            raise ValueError("three\\n  2026-01-01T00:00:00Z not a line of the log")
        return number

    first() >> each.expand(number=[1, 2, 3])

tiny()
"""


@pytest.fixture
def home(migrated_airflow_home: AirflowHome, tmp_path: Path) -> AirflowHome:
    home = AirflowHome(tmp_path / "airflow")
    copy_database(migrated_airflow_home, home)
    return home


@pytest.mark.slow
def test_states_and_xcoms(home: AirflowHome, tmp_path: Path) -> None:
    file = tmp_path / "tiny.py"
    file.write_text(DAG_FILE)
    started: list[str] = []
    result = home.run_dag(file, "tiny", conf={"k": 2}, on_task=started.append)
    assert result.state == "failed"
    assert started == ["first", "each", "each", "each"]
    assert {(task["id"], task["map_index"]): task["state"] for task in result.tasks} == {
        ("first", -1): "success",
        ("each", 0): "success",
        ("each", 1): "success",
        ("each", 2): "failed",
    }
    assert result.returned("first") == {"conf": {"k": 2}}
    assert result.returned("each") == [1, 2]
    assert result.failures == [
        {
            "task": "each",
            "map_index": 2,
            "try": 1,
            "error": "ValueError: three\n  2026-01-01T00:00:00Z not a line of the log",
        }
    ]


def test_a_file_that_does_not_parse_is_an_error_with_its_reason(home: AirflowHome, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("from airflow.sdk import dag\nimport no_such_module_here")
    with pytest.raises(DagRunError, match="no_such_module_here"):
        home.run_dag(file, "tiny")
