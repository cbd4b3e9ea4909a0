"""What the tasks cost beside the inference: in a whole run, and task by task in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from bench.measure import Figure, Run, middle, run_child
from bench.scene import Scene

SECTION = "Pipeline overhead"
DAG_FILE = Path(__file__).parent / "dags" / "pipeline.py"
FILES = 100
TASKS = ("list_files", "validate_signature", "sample_batch", "full_batch", "load_results")
SUBMITS = ("sample_batch", "full_batch")
MOST_SECONDS, MOST_MB = 1.0, 90.0
"""Of a task, over one that does nothing; of those that submit a job, until they defer."""


def figures(scene: Scene, repeats: int) -> Iterator[Figure]:
    """An instant model on 100 files: where a run's time goes when the inference takes none."""
    stage = scene.stage_of(FILES)
    yield from _by_task(scene, stage, repeats)
    home = AirflowHome(scene.state_dir.parent / "airflow", {"snowflake_default": scene.status.airflow_connection})
    home.prepare()
    for dag_id in ("deferred", "in_place"):
        totals: list[float] = []
        tasks: list[str] = []
        for _ in range(repeats):
            run = home.run_dag(DAG_FILE, dag_id, environment={"BENCH_STAGE": stage})
            if run.state != "success" or run.returned("full_batch")["rows"] != FILES:
                raise RuntimeError("; ".join(run.errors()) or f"{dag_id} ended as {run.state}")
            totals.append(sum(task["seconds"] for task in run.tasks))
            tasks = [f"{task['id']} {task['seconds']}" for task in run.tasks]
        what = f"all tasks by dag.test(), {dag_id.replace('_', ' ')}"
        yield Figure(SECTION, what, "s", totals, note=f"two jobs in it; last run: {', '.join(tasks)}")


def _by_task(scene: Scene, stage: str, repeats: int) -> Iterator[Figure]:
    """Each task in a fresh process that has parsed the DAG, as Airflow forks it; those that submit, deferred too."""
    runs: dict[str, list[Run]] = {task: [] for task in TASKS}
    submits: dict[str, list[Run]] = {task: [] for task in SUBMITS}
    empty: list[float] = []
    sent: dict[str, int] = {}
    xcoms: dict[str, Any] = {}
    for _ in range(repeats):
        empty.append(_task(scene, stage, "nothing", xcoms).answer["peak_mb"])
        for task in TASKS:
            if task in SUBMITS:
                submits[task].append(_task(scene, stage, task, xcoms, deferred=True))
            with scene.counted() as (through, traffic):
                runs[task].append(_task(through, stage, task, xcoms))
            if traffic.logins != 1:
                raise RuntimeError(f"{task} logged in {traffic.logins} times")
            xcoms[task] = runs[task][-1].answer["returned"]
            sent[task] = len(traffic.statements)
        if xcoms["full_batch"]["rows"] != FILES:
            raise RuntimeError(f"{xcoms['full_batch']['rows']} rows came out for {FILES} files")
    for task in TASKS:
        heavy = runs[task][-1].answer["heavy"]
        imported = _task(scene, stage, task, xcoms, *heavy).answer["seconds"]
        seconds = [run.answer["seconds"] for run in runs[task]]
        note = (
            f"1 login, {sent[task]} statements; {runs[task][-1].answer['modules']} modules loaded, "
            f"{imported:.1f} s without the import of {', '.join(heavy)}"
        )
        at_most = None if task in SUBMITS else MOST_SECONDS
        yield Figure(SECTION, f"{task}, in place, in a process of its own", "s", seconds, at_most=at_most, note=note)
        if task in SUBMITS:
            until = [run.answer["seconds"] for run in submits[task]]
            yield Figure(SECTION, f"{task}, until it defers", "s", until, at_most=MOST_SECONDS)
        above = [run.answer["peak_mb"] - middle(empty) for run in runs[task]]
        yield Figure(SECTION, f"{task}, memory over a task that does nothing", "MB", above, at_most=MOST_MB)
    yield from _forked(scene, stage, repeats, xcoms)


def _forked(scene: Scene, stage: str, repeats: int, xcoms: dict[str, Any]) -> Iterator[Figure]:
    """Each task forked by a process that has called ``preload``; those that submit, until they defer."""
    runs: dict[str, list[Run]] = {task: [] for task in ("nothing", *TASKS)}
    for _ in range(repeats):
        for task, found in runs.items():
            found.append(_task(scene, stage, task, xcoms, deferred=task in SUBMITS, forked=True))
    nothing = middle([run.answer["private_mb"] for run in runs.pop("nothing")])
    for task, found in runs.items():
        what = f"imports preloaded: {task}{', until it defers' if task in SUBMITS else ''}"
        yield Figure(SECTION, what, "s", [run.answer["seconds"] for run in found], at_most=MOST_SECONDS)
        above = [run.answer["private_mb"] - nothing for run in found]
        what = f"imports preloaded: {task}, own memory over a task that does nothing"
        yield Figure(SECTION, what, "MB", above, at_most=MOST_MB)


def _task(
    scene: Scene,
    stage: str,
    task: str,
    xcoms: dict[str, Any],
    *preload: str,
    deferred: bool = False,
    forked: bool = False,
) -> Run:
    arguments = ["--dag-file", str(DAG_FILE), "--task", task, "--xcoms", json.dumps(xcoms)]
    arguments += ["--preload", json.dumps(preload), *(["--submit-only"] if deferred else [])]
    arguments += ["--forked"] if forked else []
    environment = scene.environment | {"BENCH_STAGE": stage}
    return run_child("bench.children.one_task", *arguments, environment=environment)
