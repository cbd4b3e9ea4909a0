"""Jobs that are not started, and what the tasks take without them: beside the same tasks with the jobs, in one DAG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome, DagRunResult
from bench.measure import Figure, number
from bench.relay import Traffic
from bench.scene import Scene

SECTION = "Jobs that are not started"
DAG_FILE = Path(__file__).parent / "dags" / "jobs_saved.py"
REFUSED = "full_above"


class Tasks:
    """What the tasks of one DAG took, run after run.

    :param scene: the engine.
    :param dag_id: of ``dags/jobs_saved.py``.
    :param files: on its stage.
    """

    def __init__(self, scene: Scene, dag_id: str, files: int) -> None:
        self.runs: list[tuple[DagRunResult, Traffic]] = []
        self._scene, self._dag_id, self._stage = scene, dag_id, scene.stage_of(files)
        self._home = AirflowHome(scene.state_dir.parent / "airflow")
        self._home.prepare()

    def run(self) -> DagRunResult:
        """Run the DAG once. Only the task that is to be refused may fail.

        :raises RuntimeError: when another one fails, or when the refused one says something else.
        """
        with self._scene.counted() as (through, traffic):
            environment = {
                "AIRFLOW_CONN_SNOWFLAKE_DEFAULT": through.status.airflow_connection,
                "BENCH_STAGE": self._stage,
            }
            run = self._home.run_dag(DAG_FILE, self._dag_id, environment=environment, timeout=1800)
        unexpected = [
            item for item in run.failures if item["task"] != REFUSED or "more than max_cost" not in item["error"]
        ]
        if unexpected or any(task["state"] not in ("success", "failed") for task in run.tasks):
            raise RuntimeError(f"{self._dag_id} ended as {run.state}: {'; '.join(run.errors())}")
        self.runs.append((run, traffic))
        return run

    def seconds(self, task_id: str) -> list[float]:
        """Of the task, in each run."""
        return [next(task["seconds"] for task in run.tasks if task["id"] == task_id) for run, _ in self.runs]

    def statements(self, task_id: str) -> list[int]:
        """Of the task, in each run."""
        return [len(traffic.of_task[task_id]) for _, traffic in self.runs]

    def jobs(self, task_id: str) -> list[int]:
        """How many the task has started, in each run."""
        return [
            sum(text.startswith("EXECUTE INFERENCE JOB SERVICE") for text in traffic.of_task[task_id])
            for _, traffic in self.runs
        ]

    def compare(
        self, what: str, ours: str, other: str, against: str, most: int | None = None, note: str = ""
    ) -> Iterator[Figure]:
        """Jobs, seconds and statements of two tasks.

        :param most: the budget of our jobs.
        """
        jobs = self.jobs(ours), self.jobs(other)
        yield Figure(SECTION, f"{what}: jobs", "", *jobs, against, at_most=most, note=note)
        yield Figure(SECTION, f"{what}: wall", "s", self.seconds(ours), self.seconds(other), against)
        yield Figure(SECTION, f"{what}: statements", "", self.statements(ours), self.statements(other), against)


def figures(scene: Scene, repeats: int, start_seconds: float, files: int = 1000) -> Iterator[Figure]:
    """A sample of an earlier run, a run above ``max_cost``, and one file of so many that cannot be read.

    The models take no time.

    :param start_seconds: how long the engine has containers take to start.
    """
    scene.sql(f"ALTER ACCOUNT SET MEDIABATCH_JOB_START_SECONDS = {start_seconds:f}")
    try:
        yield from _sample_and_cost(scene, repeats, files, f"containers take {number(start_seconds)} s to start")
        yield from _unreadable(scene, repeats, files)
    finally:
        scene.sql("ALTER ACCOUNT UNSET MEDIABATCH_JOB_START_SECONDS")


def _sample_and_cost(scene: Scene, repeats: int, files: int, note: str) -> Iterator[Figure]:
    tasks = Tasks(scene, "sample_and_cost", files)
    for _ in range(repeats + 1):
        tasks.run()
    del tasks.runs[0]  # the sample that later runs use again
    what = "sample_batch, nothing has changed"
    yield from tasks.compare(what, "sample_changed", "sample_always", "when='always'", 0, note)
    what = "full_batch above max_cost"
    yield from tasks.compare(what, "full_above", "full_unlimited", "without max_cost", 0, note)
    what = "full_batch below max_cost"
    yield from list(tasks.compare(what, "full_below", "full_unlimited", "without max_cost"))[1:]


def _unreadable(scene: Scene, repeats: int, files: int) -> Iterator[Figure]:
    tasks = Tasks(scene, "unreadable", files)
    for _ in range(repeats):
        run = tasks.run()
        found = [run.returned(f"full_{model}") for model in ("telling", "raising")]
        if any(len(result["quarantined"]) != 1 for result in found):
            raise RuntimeError(f"quarantined are {' and '.join(str(result['quarantined']) for result in found)}")
    what = f"{files:,} files, one unreadable"
    note = "one file is quarantined in both"
    yield from tasks.compare(what, "full_telling", "full_raising", "a model that raises, isolate_failures", 1, note)
