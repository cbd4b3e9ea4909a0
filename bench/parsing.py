"""What a DAG file costs the DAG processor, against other vendors' operators for running models on files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from airflow_provider_mediabatch.get_provider_info import get_provider_info
from bench.measure import PEERS, Figure, Run, run_child

SECTION = "Parsing"
EXAMPLES = Path(__file__).parents[1] / "example_dags"
DAGS = Path(__file__).parent / "dags"
CHILD = "bench.children.imports"
# What a DAG that runs a model over files imports of each: submit, and wait for files where there is a sensor.
PEER_MODULES = {
    "Snowflake": ("airflow.providers.snowflake.operators.snowpark_containers",),
    "Databricks": ("airflow.providers.databricks.operators.databricks",),
    "Amazon": ("airflow.providers.amazon.aws.operators.sagemaker", "airflow.providers.amazon.aws.sensors.s3"),
}


def figures(repeats: int) -> Iterator[Figure]:
    """CPU time of imports and new modules over ``airflow.sdk``; then DagBag's for a file of each vendor's operators."""
    info = get_provider_info()
    kinds = ("operators", "sensors", "triggers")
    ours = [module for kind in kinds for item in info[kind] for module in item["python-modules"]]
    python = PEERS if os.path.exists(PEERS) else sys.executable
    peers = PEER_MODULES if python == PEERS else {"Snowflake": PEER_MODULES["Snowflake"]}
    imports: dict[str, list[Run]] = {}
    bags: dict[str, list[Run]] = {}
    for _ in range(repeats):
        for name, modules in {"": ours, **peers}.items():
            imports.setdefault(name, []).append(run_child(CHILD, *modules, python=python))
            place = DAGS / name.lower() if name else EXAMPLES / "image_classification.py"
            bags.setdefault(name, []).append(run_child("bench.children.dag_bag", str(place), python=python))
    if imports[""][0].answer["heavy"]:
        raise RuntimeError(f"a DAG file imports {imports[''][0].answer['heavy']}")
    what = "import of all operators, sensors and triggers"
    yield Figure(SECTION, what, "CPU s", _of(imports[""], "seconds"), at_most=0.15)
    # Small modules in rooms of one purpose are more modules; their import time is what the budget above limits.
    yield Figure(SECTION, "modules over airflow.sdk", "", _of(imports[""], "modules"), at_most=80)
    for name in peers:
        against = f"{name}'s operators"
        seconds, modules = (tuple(_of(imports[who], figure) for who in ("", name)) for figure in ("seconds", "modules"))
        yield Figure(SECTION, what, "CPU s", *seconds, against)
        yield Figure(SECTION, "modules over airflow.sdk", "", *modules, against)
        seconds = tuple(_of(bags[who], "seconds") for who in ("", name))
        yield Figure(SECTION, "DagBag of one file, in a fresh process", "CPU s", *seconds, against)
    whole = [run_child("bench.children.dag_bag", str(EXAMPLES)) for _ in range(repeats)]
    files = whole[0].answer["files"]
    each = [run.answer["seconds"] / files for run in whole]
    yield Figure(SECTION, f"DagBag of all {files} example files, each", "CPU s", each)


def _of(runs: list[Run], figure: str) -> list[float]:
    return [run.answer[figure] for run in runs]
