"""Unit tests are pure: they start neither the local engine nor Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

STARTING = {"engine", "own_engine", "airflow_home", "own_airflow_home", "migrated_airflow_home", "live_airflow"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a unit test that uses a fixture which starts a process."""
    here = Path(__file__).parent
    for item in items:
        started = STARTING.intersection(getattr(item, "fixturenames", ()))
        if started and here in item.path.parents:
            raise pytest.UsageError(f"{item.nodeid} uses {', '.join(sorted(started))}; move it out of tests/unit")
