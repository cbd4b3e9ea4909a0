"""Runs cells of the matrix and judges them by the engine's own record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from faults.cells import FAULTS, JOBS, PHASES, UNDER_WAY, Cell
from faults.driver import History, Job, Place, plan, run_task, task

RETRIES = 2
"""The ``retries`` that README and docs/faults.md ask for: enough for each fault alone, in each phase."""
FILES = 4
NAMES = [f"f{number:05}.bin" for number in range(FILES)]
ENDS = {"job FAILED": "FAILED", "job INTERNAL_ERROR": "INTERNAL_ERROR", "job stuck PENDING": "CANCELLED"}
WORK = "@MEDIA.PUBLIC.FAULT_WORK"


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    :param label: how the work came to its end, as the table shows it.
    :param problems: what the engine's record has against it.
    """

    cell: Cell
    label: str
    problems: list[str]
    history: History


def run_cells(place: Place, cells: Sequence[Cell], *, at_once: int = 8) -> list[Outcome]:
    """Run cells side by side, each in a schema of its own; those that kill the engine one after the other."""
    place.query(*(f"CREATE SCHEMA MEDIA.{cell.name}" for cell in cells))
    alone = [cell for cell in cells if cell.kill_engine]
    shared = [cell for cell in cells if not cell.kill_engine]
    place.plan_faults([rule for cell in shared for rule in cell.rules])
    with ThreadPoolExecutor(at_once) as pool:
        listed = dict(zip([cell.name for cell in cells], pool.map(lambda cell: _list(place, cell), cells), strict=True))
        histories = dict(zip(shared, pool.map(lambda cell: _full(place, cell, listed[cell.name]), shared), strict=True))
        for cell in alone:
            place.plan_faults(cell.rules)
            histories[cell] = _full(place, cell, listed[cell.name], once(lambda cell=cell: _kill_engine(place, cell)))
        time.sleep(UNDER_WAY)  # what was under way when its sender was killed
        return list(pool.map(lambda cell: _outcome(place, cell, histories[cell]), cells))


def once(condition: Callable[[], bool]) -> Callable[[], bool]:
    """True the first time that the condition holds, and never again."""
    left = [1]

    def ask() -> bool:
        if not left or not condition():
            return False
        left.clear()
        return True

    return ask


def _kill_engine(place: Place, cell: Cell) -> bool:
    if place.fired(str(cell.kill_engine)):
        place.kill_engine()
        return True
    return False


def _list(place: Place, cell: Cell) -> Any:
    request = task(
        place.workers.folder,
        "list",
        f"{cell.name}_list",
        stage_path="@MEDIA.PUBLIC.FAULT_FILES/",
        manifest_location=f"{WORK}/{cell.name}/manifests/",
        column_name="IMG",
        select="new",
        model_name="MEDIA.PUBLIC.FAULT_MODEL",
        ledger=f"MEDIA.{cell.name}.LEDGER",
    )
    answer = place.workers.run({**request, "step": "execute"})
    assert answer["state"] == "success", answer
    return answer["value"]


def _full(place: Place, cell: Cell, manifest: Any, engine: Callable[[], bool] | None = None) -> History:
    # Half a second a file: the job runs long enough to be waited for.
    slow = {"mode": "slow"} if cell.phase == "waiting" else {}
    request = task(
        place.workers.folder,
        "full",
        cell.name,
        manifest=manifest,
        plan=plan(f"MEDIA.{cell.name}", f"{WORK}/{cell.name}/out/", build=cell.phase == "image build", **slow),
        deferrable=cell.deferrable,
        poll_interval=0.2,
        timeout=12 if cell.fault == "job stuck PENDING" else 90,
    )

    def kill() -> bool:
        if engine is not None:
            engine()
            return False
        return killed()

    killed = once(lambda: cell.kill is not None and place.fired(cell.kill))
    history = run_task(place.workers, request, lambda: kill)
    if history.value is not None:
        loading = task(
            place.workers.folder, "load", cell.name, results=history.value, table=f"MEDIA.{cell.name}.RESULTS"
        )
        for _ in range(2):
            answer = place.workers.run({**loading, "step": "execute"})
            assert answer["state"] == "success", answer
    return history


def _outcome(place: Place, cell: Cell, history: History) -> Outcome:
    jobs = place.jobs(cell.name)
    problems = [
        f"rule {rule} did not fire"
        for rule in (
            cell.kill,
            cell.kill_engine,
            None if cell.fault in ("worker killed", "engine killed") else cell.name,
        )
        if rule is not None and not place.fired(rule)
    ]
    expected = [ENDS[cell.fault], "DONE"] if cell.fault in JOBS else ["DONE"]
    if history.tries > 1 + RETRIES:
        problems.append(f"it took {history.tries} tries, and {RETRIES} retries are documented to be enough")
    if history.value is None:
        problems.append("it never ended well")
    else:
        facts = {
            "jobs": ([job.status for job in jobs], expected),
            "files processed": (place.inferred(jobs[-1].output), NAMES),
            "ledger": (place.ledger(f"MEDIA.{cell.name}.LEDGER"), [(name, "done") for name in NAMES]),
            "results": (place.results(f"MEDIA.{cell.name}.RESULTS"), NAMES),
        }
        problems += [f"{what}: {found}, not {wanted}" for what, (found, wanted) in facts.items() if found != wanted]
    return Outcome(cell, _label(history, jobs), problems, history)


def _label(history: History, jobs: list[Job]) -> str:
    value = history.value
    if value is None:
        return "failed"
    if value["generation"]:
        return "next job"
    if history.tries > 1:
        return "retry submits" if jobs[-1].submitted > history.began else "same job"
    return "next triggerer" if history.events else "no retry"


def table(labels: dict[tuple[str, str, bool], str]) -> str:
    """Fault by phase as Markdown; ``in place / deferred`` where the two differ."""
    lines = ["| fault | " + " | ".join(PHASES) + " |", "|---" * (len(PHASES) + 1) + "|"]
    for fault in FAULTS:
        fields = []
        for phase in PHASES:
            both = [labels.get((fault, phase, deferrable), "") for deferrable in (False, True)]
            fields.append(both[0] if both[0] == both[1] else " / ".join(label or "–" for label in both))
        lines.append(f"| {fault} | " + " | ".join(fields) + " |")
    return "\n".join(lines)
