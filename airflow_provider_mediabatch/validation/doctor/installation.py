"""What the provider needs on the machine that runs Airflow: versions of packages, and a triggerer."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from airflow_provider_mediabatch.validation.doctor.check_result import CheckResult, error_line

VERSIONS = {
    "apache-airflow": "3.2",
    "apache-airflow-providers-snowflake": "6.12",
    "apache-airflow-providers-standard": "1.12",
    "snowflake-connector-python": "4.4",
}
"""The lowest version of each package, as in ``pyproject.toml``."""


def check_versions() -> Iterator[CheckResult]:
    """One row for each package that the provider needs."""
    for name, least in VERSIONS.items():
        check = f"version of {name}"
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield CheckResult(check, "fail", f"not installed; pip install '{name}>={least}'")
            continue
        if _numbers(found) >= _numbers(least):
            yield CheckResult(check, "pass", found)
        else:
            yield CheckResult(check, "fail", f"{found}; pip install '{name}>={least}'")


def check_triggerer() -> CheckResult:
    """Whether a triggerer is alive: without one, deferred tasks never resume."""
    try:
        from airflow.api.common.airflow_health import get_airflow_health

        status = get_airflow_health().get("triggerer", {}).get("status")
    except Exception as error:  # no Airflow database here: the doctor may run anywhere
        return CheckResult("triggerer", "skip", f"Airflow's database cannot be read here: {error_line(error)}")
    if status == "healthy":
        return CheckResult("triggerer", "pass", "alive")
    return CheckResult("triggerer", "warn", "none is alive: start `airflow triggerer`, or set deferrable=False")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
