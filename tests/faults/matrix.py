"""Runs cells of the matrix and judges them by the engine's own record."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from faults.cells import FAULTS, HAVE_JOBS, JOBS, MODES, TASKS, UNDER_WAY, Cell, Mode
from faults.driver import History, Job, Place, never, plan, run_task, task
from faults.phases import LOGIN, MONITOR, QUERY, Phase, find_phases

RETRIES = 2
"""The ``retries`` that README and two pages of docs ask for: enough for each fault alone, at each request."""
FILES = 4
NAMES = [f"f{number}.bin" for number in range(FILES)]
SAMPLE = 2
ENDS = {"job FAILED": "FAILED", "job INTERNAL_ERROR": "INTERNAL_ERROR", "job stuck PENDING": "CANCELLED"}
WORK = "@MEDIA.PUBLIC.FAULT_WORK"
LEDGER = "MEDIA.PUBLIC.FULL_LEDGER"
LABELS = ("no retry", "retry", "retry submits", "same job", "next triggerer", "next job", "not released", "failed")
"""How a task came to its end, in the order in which the documentation names them."""
NOT_RELEASED = "it may be taken over once this run has ended"
IDLE_SECONDS = 2
AT_ONCE = 10


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    :param label: how the work came to its end, as the table shows it.
    :param jobs: how many jobs were submitted.
    :param problems: what the engine's record has against it.
    """

    cell: Cell
    label: str
    jobs: int
    problems: list[str]
    history: History


@dataclass
class Course:
    """What the tasks are given: the values of a run in which nothing fails.

    :param place: the engine.
    :param values: each task's value.
    :param manifests: of the full batches, by the cell's name.
    """

    place: Place
    values: dict[str, Any] = field(default_factory=dict)
    manifests: dict[str, Any] = field(default_factory=dict)

    def request(self, mode: Mode, name: str, *, timeout: float = 90) -> dict[str, Any]:
        """A task as the driver takes it.

        :param name: of its schema, of its sessions' tag and the task's id.
        :param timeout: seconds, for a job.
        """
        task_name, deferrable = mode
        make = partial(task, self.place.workers.folder, task_name, name, tag=name)
        waiting = {"deferrable": deferrable, "poll_interval": 0.2, "timeout": timeout, "defer_after": 0}
        work = f"{WORK}/{name}"
        if task_name == "list":
            return make(**_listing(f"MEDIA.{name}.LEDGER", work))
        if task_name == "validate":
            return make(
                manifest=self.values["list"],
                model_name="MEDIA.PUBLIC.FAULT_MODEL",
                compute_pool="LOCAL_POOL",
                output_location=f"{work}/out/",
            )
        # A third of a second a file: the job runs long enough to be waited for.
        job_plan = plan(f"MEDIA.{name}", f"{work}/out/", mode="slow")
        if task_name == "sample":
            return make(manifest=self.values["list"], plan=job_plan, sample_size=SAMPLE, **waiting)
        if task_name == "approve":
            arguments = {"sample": self.values["sample"], "manifest": self.manifests[name], "fail_on_reject": True}
            return make(**arguments) | {"step": "reject"}
        if task_name == "full":
            return make(manifest=self.manifests[name], plan=job_plan, **waiting)
        return make(results=self.values["full"], table=f"MEDIA.{name}.RESULTS")

    def run(self, mode: Mode, name: str) -> Any:
        """Run a task in which nothing fails; its value."""
        history = run_task(self.place.workers, self.request(mode, name), max_tries=1)
        assert history.value is not None, (mode, history.events)
        return history.value

    def list_full(self, names: Sequence[str]) -> None:
        """List the files of full batches, for all of them at once: a shard each."""
        names = sorted(names)
        self.place.add_files(f"cells/{name}/{file}" for name in names for file in NAMES)
        request = task(
            self.place.workers.folder,
            "list",
            "list_full",
            **_listing(LEDGER, f"{WORK}/full", "cells"),
            max_files_per_shard=FILES,
        )
        history = run_task(self.place.workers, request, max_tries=1)
        assert history.value is not None, history.events
        self.manifests |= zip(names, history.value, strict=True)

    def list_alone(self, name: str) -> None:
        """List files for one task, in a ledger of its own. Its phases do not count as the task's."""
        request = self.request(("list", False), name) | {"tag": ""}
        self.manifests[name] = run_task(self.place.workers, request, max_tries=1).value


def _listing(ledger: str, work: str, files: str = "shared") -> dict[str, Any]:
    return {
        "stage_path": f"@MEDIA.PUBLIC.FAULT_FILES/{files}/",
        "manifest_location": f"{work}/manifests/",
        "column_name": "IMG",
        "select": "new",
        "model_name": "MEDIA.PUBLIC.FAULT_MODEL",
        "ledger": ledger,
    }


def find(place: Place) -> tuple[Course, dict[Mode, list[Phase]]]:
    """Run each task without a fault, and find its phases in the engine's record."""
    place.query(f"ALTER ACCOUNT SET MEDIABATCH_IDLE_TRANSACTION_SECONDS = {IDLE_SECONDS}")
    place.add_files(f"shared/{file}" for file in NAMES)
    course = Course(place)
    names = {mode: f"CLEAN{number}" for number, mode in enumerate(MODES)}
    place.query(*(f"CREATE SCHEMA MEDIA.{name}" for name in names.values()))
    record: dict[str, Any] = {"tag": "^CLEAN", "action": "delay", "seconds": 0}
    place.plan_faults([{**record, "endpoint": endpoint} for endpoint in (LOGIN, QUERY, MONITOR)])
    course.values["list"] = course.run(MODES[0], names[MODES[0]])

    def sample_and_reject() -> None:
        course.values["sample"] = course.run(("sample", False), names["sample", False])
        course.list_alone(names["approve", False])
        course.run(("approve", False), names["approve", False])

    def full_and_load() -> None:
        course.manifests[names["full", False]] = course.values["list"]
        course.values["full"] = course.run(("full", False), names["full", False])
        course.run(("load", False), names["load", False])
        course.list_alone(names["full", True])
        course.run(("full", True), names["full", True])

    def others() -> None:
        course.values["validate"] = course.run(("validate", False), names["validate", False])
        course.run(("sample", True), names["sample", True])

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(part) for part in (full_and_load, sample_and_reject, others)]:
            future.result()
    found = {
        mode: find_phases(place.requests(name), after_submission=mode[1] and mode[0] in HAVE_JOBS)
        for mode, name in names.items()
    }
    place.plan_faults([])
    return course, found


def run_cells(course: Course, cells: Sequence[Cell]) -> list[Outcome]:
    """Run cells side by side, each in a schema of its own; the engine is killed for several of them at a time."""
    place = course.place
    place.query(*(f"CREATE SCHEMA MEDIA.{cell.name}" for cell in cells))
    if full := [cell.name for cell in cells if cell.task == "full"]:
        course.list_full(full)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(course.list_alone, [cell.name for cell in cells if cell.task == "approve"]))
        shared = [cell for cell in cells if not cell.kill_engine]
        place.plan_faults([rule for cell in shared for rule in cell.rules])
        histories = dict(zip(shared, pool.map(partial(_run, course), shared), strict=True))
        killed = [cell for cell in cells if cell.kill_engine]
        for begin in range(0, len(killed), AT_ONCE):
            together = killed[begin : begin + AT_ONCE]
            place.plan_faults([rule for cell in together for rule in cell.rules])
            killer = EngineKiller(place, together)
            found = pool.map(partial(_run, course, kill=killer.ask), together)
            histories |= zip(together, found, strict=True)
            assert killer.has_killed, [str(cell) for cell in together if not place.fired(str(cell.kill_engine))]
        time.sleep(UNDER_WAY)  # what was under way when its sender was killed
        list(pool.map(partial(_follow_up, course, histories), cells))
    return judge(course, histories)


class EngineKiller:
    """Kills the engine once, as soon as a request of each of its cells lies with it.

    :param cells: those that run at the same time.
    """

    def __init__(self, place: Place, cells: Sequence[Cell]) -> None:
        self._place = place
        self._rules = [str(cell.kill_engine) for cell in cells]
        self._lock = threading.Lock()
        self.has_killed = False

    def ask(self) -> bool:
        """Called while a cell's task runs. The task's own process is left alone."""
        with self._lock:
            if not self.has_killed and all(map(self._place.fired, self._rules)):
                self.has_killed = True
                self._place.kill_engine()
        return False


def once(condition: Callable[[], bool]) -> Callable[[], bool]:
    """True the first time that the condition holds, and never again."""
    left = [1]

    def ask() -> bool:
        if not left or not condition():
            return False
        left.clear()
        return True

    return ask


def _run(course: Course, cell: Cell, kill: Callable[[], bool] = never) -> History:
    timeout = 20 if cell.fault == "job stuck PENDING" else 90
    request = course.request((cell.task, cell.deferrable), cell.name, timeout=timeout)
    if cell.kill is not None:
        kill = once(partial(course.place.fired, cell.kill))
    return run_task(course.place.workers, request, lambda: kill)


def _follow_up(course: Course, histories: Mapping[Cell, History], cell: Cell) -> None:
    """What the next tasks make of it: a second load changes nothing; files that were not released are taken over."""
    if histories[cell].value is None or cell.task not in ("load", "approve"):
        return
    request = course.request((cell.task, False), cell.name)
    if cell.task == "approve":
        listing = _listing(f"MEDIA.{cell.name}.LEDGER", f"{WORK}/{cell.name}")
        request = task(course.place.workers.folder, "list", "next", run_id="next", **listing, take_over_after=0)
        request["over"] = ["run"]
    answer = course.place.workers.run({"step": "execute", **request})
    assert answer["state"] == "success", (cell, answer)
    if cell.task == "approve":
        assert answer["value"]["row_count"] == FILES, (cell, answer)


def judge(course: Course, histories: Mapping[Cell, History]) -> list[Outcome]:
    """What the engine's record has against each cell."""
    record = Counter(course.place.ledger(LEDGER)) if any(cell.task == "full" for cell in histories) else Counter()
    return [_outcome(course, cell, history, record) for cell, history in histories.items()]


def _outcome(course: Course, cell: Cell, history: History, record: Mapping[tuple[str, str], int]) -> Outcome:
    place = course.place
    jobs = place.jobs(cell.name)
    rules = (cell.kill, cell.kill_engine, None if cell.kill_engine or cell.fault == "worker killed" else cell.name)
    problems = [f"rule {rule} did not fire" for rule in rules if rule is not None and not place.fired(rule)]
    if history.tries > 1 + RETRIES:
        problems.append(f"it took {history.tries} tries, and {RETRIES} retries are documented to be enough")
    problems += [f"not true: {error}" for moment, error in history.errors if not _is_true(error, moment, jobs)]
    if history.value is None:
        return Outcome(cell, "failed", len(jobs), [*problems, "it never ended well"], history)
    expected = [] if cell.task not in HAVE_JOBS else [ENDS[cell.fault], "DONE"] if cell.fault in JOBS else ["DONE"]
    facts = {"jobs": ([job.status for job in jobs], expected), **_facts(course, cell, history.value, jobs, record)}
    problems += [f"{what}: {found}, not {wanted}" for what, (found, wanted) in facts.items() if found != wanted]
    return Outcome(cell, _label(course, cell, history, jobs), len(jobs), problems, history)


def _is_true(error: str, moment: float, jobs: Sequence[Job]) -> bool:
    """Whether an error that was followed by a good end told the truth about jobs and retries."""
    started = [job for job in jobs if job.submitted < moment]
    return not ("Nothing was started" in error and started) and "will fail in the same way" not in error


def _facts(
    course: Course, cell: Cell, value: Any, jobs: Sequence[Job], record: Mapping[tuple[str, str], int]
) -> dict[str, tuple[Any, Any]]:
    """What is there and what should be: files in manifests, output, ledger and results."""
    place = course.place
    shared = [f"shared/{name}" for name in NAMES]
    if cell.task == "list":
        return {
            "manifest": (place.inferred(value["location"]), shared),
            "ledger": (place.ledger(f"MEDIA.{cell.name}.LEDGER"), [(name, "claimed") for name in shared]),
        }
    if cell.task == "validate":
        same = {**value, "output_location": "", "digest": ""}
        return {"plan": (same, {**course.values["validate"], "output_location": "", "digest": ""})}
    if cell.task == "sample":
        found = {"files processed": (place.inferred(value["location"]), shared[:SAMPLE])}
        return {**found, "job": (value["location"], jobs[-1].output), "passed": (value["passed"], True)}
    if cell.task == "approve":
        return {}
    if cell.task == "full":
        own = [f"cells/{cell.name}/{name}" for name in NAMES]
        return {
            "files processed": (place.inferred(jobs[-1].output), own),
            "output": (value["location"], jobs[-1].output),
            "rows": (value["rows"], FILES),
            "ledger": ([record[name, "done"] for name in own], [1] * FILES),
        }
    return {"results": (place.results(f"MEDIA.{cell.name}.RESULTS"), shared), "rows": (value["rows"], FILES)}


def _label(course: Course, cell: Cell, history: History, jobs: Sequence[Job]) -> str:
    if cell.task == "approve" and NOT_RELEASED in (course.place.workers.folder / f"{cell.name}.log").read_text():
        return "not released"
    if cell.task not in HAVE_JOBS:
        return "retry" if history.tries > 1 else "no retry"
    if jobs[-1].output.rstrip("/").endswith("_1"):
        return "next job"
    if history.tries > 1:
        return "retry submits" if jobs[-1].submitted > history.began else "same job"
    return "next triggerer" if history.events else "no retry"


def table(outcomes: Sequence[Outcome]) -> str:
    """Fault by task as Markdown: how the tasks came to their ends, and how many jobs were started at most."""
    lines = ["| fault | " + " | ".join(TASKS) + " | jobs |", "|---" * (len(TASKS) + 2) + "|"]
    for fault in FAULTS:
        found = [outcome for outcome in outcomes if outcome.cell.fault == fault]
        fields = [labels([outcome for outcome in found if outcome.cell.task == task]) for task in TASKS]
        jobs = max((outcome.jobs for outcome in found if outcome.cell.task in HAVE_JOBS), default=0)
        lines.append(f"| {fault} | " + " | ".join([*fields, str(jobs)]) + " |")
    return "\n".join(lines)


def labels(outcomes: Sequence[Outcome]) -> str:
    """The ways in which cells came to their ends."""
    found = {outcome.label for outcome in outcomes}
    return ", ".join(label for label in LABELS if label in found) or "–"


def phase_table(phases: Mapping[Mode, Sequence[Phase]]) -> str:
    """Each task's requests as Markdown."""
    lines = ["| task | requests at which it meets the faults |", "|---|---|"]
    for (name, deferrable), found in phases.items():
        lines.append(f"| {name}{', deferred' if deferrable else ''} | {', '.join(map(str, found))} |")
    return "\n".join(lines)
