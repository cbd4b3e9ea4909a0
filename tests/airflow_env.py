"""Fixtures that run DAGs through the real Airflow: ``airflow_home`` (by ``dag.test()``).

``airflow_home.run_dag(file, dag_id, conf=…)`` returns states, seconds and XComs; the connection ``snowflake_default`` is
the local engine's.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

EXAMPLES = Path(__file__).parents[1] / "example_dags"


@pytest.fixture(scope="session")
def migrated_airflow_home(pytestconfig: pytest.Config) -> AirflowHome:
    """A home whose database was migrated once and is copied for each test; kept between runs in pytest's cache."""
    folder = pytestconfig.cache.mkdir(f"airflow-{version('apache-airflow-core')}")  # type: ignore[union-attr]
    home = AirflowHome(Path(folder))
    home.prepare()
    return home


@pytest.fixture
def airflow_home(migrated_airflow_home: AirflowHome, engine: Any, tmp_path: Path) -> AirflowHome:
    """An Airflow home of the test's own, connected to the local engine."""
    home = AirflowHome(tmp_path / "airflow", {"snowflake_default": engine.airflow_connection})
    home.copy_from(migrated_airflow_home)
    return home
