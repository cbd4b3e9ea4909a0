"""Fixtures that run DAGs through the real Airflow: ``airflow_home`` by ``dag.test()``, ``live_airflow`` by a scheduler.

``airflow_home.run_dag(file, dag_id, conf=…)`` returns states, seconds and XComs. The connection ``snowflake_default``
is the local engine's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from driven_airflow import DrivenAirflow
from warm_airflow import WarmAirflowHome

import airflow_provider_mediabatch
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

REPOSITORY = Path(__file__).parents[2]
# Those of the package that is imported: in a checkout, a link to the folder at the top.
EXAMPLES = Path(airflow_provider_mediabatch.__file__).parent / "example_dags"


@pytest.fixture(scope="session")
def migrated_airflow_home(pytestconfig: pytest.Config) -> AirflowHome:
    """A home whose database was migrated once and is copied for each test; kept between runs in pytest's cache."""
    folder = pytestconfig.cache.mkdir(f"airflow-{version('apache-airflow-core')}")  # type: ignore[union-attr]
    home = AirflowHome(Path(folder))
    home.prepare()
    return home


def copy_database(template: AirflowHome, home: AirflowHome) -> None:
    """Give a new home the migrated database of another one, which no process uses."""
    home.path.mkdir(parents=True, exist_ok=True)
    for name in ("airflow.db", "migrated"):
        shutil.copy(template.path / name, home.path / name)
    home.prepare()


@pytest.fixture(scope="session")
def airflow_home(
    migrated_airflow_home: AirflowHome, engine: Any, tmp_path_factory: pytest.TempPathFactory
) -> AirflowHome:
    """An Airflow home connected to the local engine, for all tests that can share one."""
    home = WarmAirflowHome(tmp_path_factory.mktemp("airflow"), {"snowflake_default": engine.airflow_connection})
    copy_database(migrated_airflow_home, home)
    return home


@pytest.fixture
def own_airflow_home(migrated_airflow_home: AirflowHome, engine: Any, tmp_path: Path) -> AirflowHome:
    """A home of the test's own, each run a process that begins with nothing: for settings that Airflow reads once."""
    home = AirflowHome(tmp_path / "airflow", {"snowflake_default": engine.airflow_connection})
    copy_database(migrated_airflow_home, home)
    return home


@pytest.fixture(scope="session")
def live_airflow(
    migrated_airflow_home: AirflowHome, engine: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DrivenAirflow]:
    """A really running Airflow (API server, scheduler, DAG processor, triggerer) connected to the local engine.

    Shared by all tests that need one: each adds DAGs with ids of its own. A test that ends a component starts it again.
    """
    home = AirflowHome(tmp_path_factory.mktemp("live-airflow"), {"snowflake_default": engine.airflow_connection})
    copy_database(migrated_airflow_home, home)
    # A user of no role may log in and see nothing: what is shown to such a one is tested too.
    settings = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,stranger:",
        # How soon another triggerer takes over from one that was killed; 30 s by default.
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    }
    airflow = DrivenAirflow(home)
    airflow.environment |= settings
    _running.append(airflow)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()
        _running.remove(airflow)


_running: list[DrivenAirflow] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start it again if it was stopped too early."""
    for airflow in _running:
        if _uses_it(item) and not airflow.processes:
            airflow.start()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop it when what comes next does not use it: an idle Airflow takes a good part of a core."""
    for airflow in _running:
        if nextitem is not None and not _uses_it(nextitem):
            airflow.stop()


def _uses_it(item: pytest.Item) -> bool:
    return "live_airflow" in getattr(item, "fixturenames", ())
