"""The package as Airflow sees it: valid metadata, and imports that cost next to nothing."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files

import jsonschema

from airflow_provider_mediabatch.get_provider_info import get_provider_info

INFO = get_provider_info()
MODULES = [
    module for kind in ("operators", "sensors", "triggers") for item in INFO[kind] for module in item["python-modules"]
]
MEASURE = """
import json, sys
import airflow.sdk, airflow.sdk.bases.operator, airflow.sdk.bases.sensor
{base}
before = set(sys.modules)
import time; begin = time.perf_counter()
for name in {modules!r}:
    __import__(name)
print(json.dumps([time.perf_counter() - begin, sorted(set(sys.modules) - before)]))
"""
HEAVY = ("snowflake", "pandas", "pyarrow", "numpy", "duckdb", "sqlglot", "airflow.providers.snowflake")


def test_metadata_follows_airflows_schema() -> None:
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(INFO, schema)


def test_the_hook_uses_apaches_connection_type() -> None:
    from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

    assert MediaBatchHook.conn_type == "snowflake"
    assert "connection-types" not in INFO


def test_entry_point_is_this_function() -> None:
    found = [item for item in entry_points(group="apache_airflow_provider") if "mediabatch" in item.value]
    assert [item.load() for item in found] == [get_provider_info]


def test_everything_named_can_be_imported() -> None:
    named = [
        module
        for kind in ("operators", "sensors", "hooks", "triggers")
        for item in INFO[kind]
        for module in item["python-modules"]
    ]
    for module in named:
        importlib.import_module(module)
    uris = INFO["asset-uris"][0]
    for path in [*INFO["extra-links"], *INFO["cli"], uris["handler"], uris["factory"]]:
        module, _, name = path.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


def _imports(base: str, modules: list[str]) -> tuple[float, list[str]]:
    code = MEASURE.format(base=base, modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    seconds, names = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), list(names)


def test_importing_operators_sensors_and_triggers_is_cheap() -> None:
    """Over what Airflow itself loads to parse a DAG file (and, for triggers, to run a triggerer)."""
    base = (
        "import airflow.triggers.base, airflow.providers.standard.operators.hitl\n"
        "import airflow_provider_mediabatch.triggers.shared_streams"
    )
    _, names = _imports(base, MODULES)
    assert [name for name in names if name.startswith(HEAVY)] == []
    assert len(names) <= 60, names


def test_no_snowflake_even_without_what_airflow_loads() -> None:
    _, names = _imports("", MODULES)
    assert [name for name in names if name.startswith(("snowflake", "pandas", "pyarrow", "duckdb"))] == []
