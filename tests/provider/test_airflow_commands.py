"""Airflow's own commands list what the provider declares."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("list", "airflow-provider-mediabatch"),
        ("triggers", "airflow_provider_mediabatch.triggers.batch_job"),
        ("links", "airflow_provider_mediabatch.links.batch_job.BatchJobLink"),
    ],
)
def test_airflow_providers_command_lists_ours(migrated_airflow_home: AirflowHome, kind: str, expected: str) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "airflow", "providers", kind, "--output", "json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
        env={**os.environ, **migrated_airflow_home.environment()},
    )
    assert expected in listed.stdout, listed.stdout[-2000:] + listed.stderr[-2000:]
