"""The matrix: which fault, at which request of a task, in which mode; and its rules of the engine's fault plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faults.phases import LOGIN, Phase

Mode = tuple[str, bool]
"""A task, and whether it is deferrable."""
MODES: Sequence[Mode] = (
    ("list", False),
    ("validate", False),
    ("sample", False),
    ("sample", True),
    ("approve", False),
    ("full", False),
    ("full", True),
    ("load", False),
)
TASKS = tuple(dict.fromkeys(task for task, _ in MODES))
HAVE_JOBS = ("sample", "full")

REQUESTS: dict[str, dict[str, Any]] = {
    "delay": {"action": "delay", "seconds": 0.5},
    "drop": {"action": "drop"},
    "http 503": {"action": "http_503"},
    "lost reply": {"action": "lost_reply"},
    "session expired": {"action": "session_expired"},
    "session gone": {"action": "session_gone"},
}
"""Faults of any request; the last two of any but a login."""
_ABORTED = {"action": "error", "code": 625, "sqlstate": "57014"}
LOCKS: dict[str, dict[str, Any]] = {
    "lock timeout": {**_ABORTED, "message": "Statement was aborted because it waited longer than LOCK_TIMEOUT."},
    "20 waiters": {**_ABORTED, "message": "the number of waiters for this lock exceeds the 20 statements limit."},
}
"""Faults of a statement that takes a table's lock: 000625, once after the wait, and three times at once."""
_EXISTS = {"action": "error", "code": 2002, "sqlstate": "42710", "message": "Object already exists.", "after": True}
SUBMISSIONS: dict[str, dict[str, Any]] = {
    "already exists, at once": _EXISTS,
    "already exists, in the status": {**_EXISTS, "where": "status"},
}
"""Faults of the submission, which is carried out all the same."""
JOBS: dict[str, dict[str, Any]] = {
    "job FAILED": {"action": "job_failed"},
    "job INTERNAL_ERROR": {"action": "job_internal_error"},
    "job stuck PENDING": {"action": "job_stuck_pending"},
}
"""What becomes of the first job: alone, and with the worker killed while it waits."""
WORKER, ENGINE = "worker killed", "engine killed"
FAULTS = (*REQUESTS, *LOCKS, *SUBMISSIONS, *JOBS, WORKER, ENGINE)

UNDER_WAY = 3.0
"""Seconds for which a request lies with the engine before it is carried out, while its sender is killed."""
_UNTIL_KILLED = 60.0


@dataclass(frozen=True)
class Cell:
    """One place of the matrix.

    :param name: its schema, its sessions' QUERY_TAG, and its task's id.
    """

    task: str
    deferrable: bool
    fault: str
    phase: Phase
    name: str

    def __str__(self) -> str:
        return f"{self.task}{' deferred' if self.deferrable else ''}: {self.fault} at {self.phase}"

    @property
    def kill(self) -> str | None:
        """The rule at which the worker (or the triggerer) is killed."""
        together = self.fault in JOBS and self.phase.waits
        return f"{self.name} kill" if together or self.fault == WORKER else None

    @property
    def kill_engine(self) -> str | None:
        """The rule at which the engine is killed."""
        return f"{self.name} engine" if self.fault == ENGINE else None

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The fault plan for this cell, beside those of others: each only sees sessions of its own tag."""
        place = {"tag": f"^{self.name}$", **self.phase.place}
        rules = []
        if self.phase.is_unheard:
            rules.append({"name": f"{self.name} unheard", **place, "action": "lost_reply"})
        if self.fault in REQUESTS:
            rules.append({"name": self.name, **place, **REQUESTS[self.fault]})
        if self.fault in LOCKS:
            times = 3 if self.fault == "20 waiters" else 1
            turns = [self.phase.turn + number for number in range(times)]
            rules.append({"name": self.name, **place, "nth": turns, **LOCKS[self.fault]})
        if self.fault in SUBMISSIONS:
            rules.append({"name": self.name, **place, **SUBMISSIONS[self.fault]})
        if self.fault in JOBS:
            rules.append({"name": self.name, "job": f"^MB_{self.name}_", "nth": 1, **JOBS[self.fault]})
        # Long enough for whoever looks for the rule in the engine's log; a request that is under way when its sender
        # is killed is carried out all the same.
        for rule, seconds in ((self.kill, UNDER_WAY), (self.kill_engine, _UNTIL_KILLED)):
            if rule is not None:
                rules.append({"name": rule, **place, "action": "delay", "seconds": seconds})
        return rules


def _meets(task: str, phase: Phase, number: int, fault: str) -> bool:
    """Whether a fault and a phase make a cell.

    A request that changes nothing can be repeated, and the sample's job goes the way of the full one. So these meet the
    faults of requests in turn, and all others meet each of them.
    """
    if fault in REQUESTS:
        if phase.endpoint == LOGIN and fault.startswith("session"):
            return False
        if task == "sample" and phase.verb == "SHOW JOB SERVICES":
            return False  # Its job may end before that poll, and the full batch's meets each fault there.
        in_turn = phase.only_reads or task == "sample"
        return not in_turn or list(REQUESTS).index(fault) % 3 == number % 3
    if fault in LOCKS:
        return phase.takes_lock
    if fault in SUBMISSIONS:
        return phase.submits and not phase.is_unheard
    if fault in JOBS:
        return (phase.submits and not phase.is_unheard) or phase.waits
    return fault == WORKER or not phase.only_reads


def whole(phases: Mapping[Mode, Sequence[Phase]]) -> list[Cell]:
    """Every cell.

    :param phases: of each task and mode.
    """
    chosen = [
        (task, deferrable, fault, phase)
        for (task, deferrable), found in phases.items()
        for number, phase in enumerate(found)
        for fault in FAULTS
        if _meets(task, phase, number, fault)
    ]
    return [Cell(*place, name=f"FAULT{number:03}") for number, place in enumerate(chosen)]


def quick(phases: Mapping[Mode, Sequence[Phase]]) -> list[Cell]:
    """Few cells: each fault, each task and mode, and the worker killed in each, at what changes most."""
    rest = whole(phases)
    missing = {fault for fault in FAULTS} | {(mode, WORKER) for mode in MODES}

    def shows(cell: Cell) -> set[object]:
        return {cell.fault, ((cell.task, cell.deferrable), cell.fault)} & missing

    chosen: list[Cell] = []

    def worth(cell: Cell) -> tuple[int, bool, int, bool]:
        so_far = sum(other.task == cell.task for other in chosen)
        return len(shows(cell)), not cell.phase.only_reads, -so_far, cell.phase.takes_lock

    while missing:
        best = max(rest, key=worth)
        chosen.append(best)
        missing -= shows(best)
    return sorted(chosen, key=lambda cell: cell.name)
