"""The matrix: which fault, in which phase of a task, in which mode; and the rules of the engine's fault plan for it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

REQUESTS: dict[str, dict[str, Any]] = {
    "delay": {"action": "delay", "seconds": 0.5},
    "drop": {"action": "drop"},
    "http 503": {"action": "http_503"},
    "session expired": {"action": "session_expired"},
    "session gone": {"action": "session_gone"},
    "lost reply": {"action": "lost_reply"},
}
"""Faults of one request: the phase says of which."""
_EXISTS = {"action": "error", "code": 2002, "sqlstate": "42710", "message": "Object already exists.", "after": True}
SUBMISSIONS: dict[str, dict[str, Any]] = {
    "already exists, at once": _EXISTS,
    "already exists, in the status": {**_EXISTS, "where": "status"},
}
"""Faults of the submission: in another phase the worker is killed as well."""
JOBS: dict[str, dict[str, Any]] = {
    "job FAILED": {"action": "job_failed"},
    "job INTERNAL_ERROR": {"action": "job_internal_error"},
    "job stuck PENDING": {"action": "job_stuck_pending"},
}
"""What becomes of the first job: the worker is killed as well, in the phase."""
KILLS = ("worker killed", "engine killed")
FAULTS = (*REQUESTS, *SUBMISSIONS, *JOBS, *KILLS)

UNDER_WAY = 4.0
"""Seconds for which a request lies with the engine before it is carried out, while its sender is killed."""
SUBMIT = "^EXECUTE INFERENCE"
PHASES: dict[str, dict[str, Any]] = {
    "before submitting": {"match": "^DESCRIBE SERVICE"},
    "submitting": {"match": SUBMIT},
    "submitted, not noted": {"match": SUBMIT},
    "image build": {"match": SUBMIT, "endpoint": "monitor"},
    "waiting": {"match": "^(SHOW JOB SERVICES|DESCRIBE SERVICE)"},
    "verifying": {"match": "^SELECT COUNT.* FROM @"},
    "writing the ledger": {"match": "^UPDATE .*'done'"},
}
"""The statement that a phase is seen by. *Submitted, not noted*: the job is there and the reply was lost, so that the
connector asks again; its second request is the one."""


@dataclass(frozen=True)
class Cell:
    """One place of the matrix.

    :param name: its schema, and what its job names have in them.
    """

    fault: str
    phase: str
    deferrable: bool
    name: str

    @property
    def kind(self) -> str:
        """Of its fault: what it befalls."""
        kinds = {"request": REQUESTS, "submission": SUBMISSIONS, "job": JOBS, "process": KILLS}
        return next(kind for kind, faults in kinds.items() if self.fault in faults)

    @property
    def pairs(self) -> set[tuple[object, object]]:
        """What it shows together: fault and mode, phase and mode, kind of fault and phase."""
        return {(self.fault, self.deferrable), (self.phase, self.deferrable), (self.kind, self.phase)}

    @property
    def kill(self) -> str | None:
        """The rule at which the worker (or the triggerer) is killed."""
        submits = self.phase in ("submitting", "submitted, not noted", "image build")
        together = self.fault in JOBS or (self.fault in SUBMISSIONS and not submits)
        return f"{self.name} kill" if together or self.fault == "worker killed" else None

    @property
    def kill_engine(self) -> str | None:
        """The rule at which the engine is killed."""
        return f"{self.name} engine" if self.fault == "engine killed" else None

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The fault plan for this cell, beside those of others: each only sees statements with its name."""
        place = dict(PHASES[self.phase])
        place["match"] += f".*{self.name}"
        # In place, the first DESCRIBE is the one that comes before submitting.
        turn = 2 if self.phase == "waiting" and not self.deferrable else 1
        if self.phase == "waiting" and self.deferrable:
            place["match"] = f"^SHOW JOB SERVICES.*{self.name}"
        rules = []
        if self.phase == "submitted, not noted" and self.fault != "lost reply":
            rules.append({"name": f"{self.name} unheard", "match": place["match"], "nth": 1, "action": "lost_reply"})
        if self.fault in REQUESTS:
            rules.append({"name": self.name, **place, "nth": turn, **REQUESTS[self.fault]})
        if self.fault in SUBMISSIONS and self.phase == "submitted, not noted":
            # The first request has been executed: an answer to the second says so.
            rules[0] = {"name": self.name, "match": place["match"], "nth": 1, **SUBMISSIONS[self.fault]}
        elif self.fault in SUBMISSIONS:
            rules.append({"name": self.name, "match": f"{SUBMIT}.*{self.name}", "nth": 1, **SUBMISSIONS[self.fault]})
        if self.fault in JOBS:
            rules.append({"name": self.name, "job": f"^MB_{self.name}_", "nth": 1, **JOBS[self.fault]})
        # Long enough for whoever looks for the rule in the engine's log; a request that is under way when its sender
        # is killed is carried out all the same.
        for rule in filter(None, (self.kill, self.kill_engine)):
            rules.append({"name": rule, **place, "nth": turn, "action": "delay", "seconds": UNDER_WAY})
        return rules


def whole() -> list[Cell]:
    """Every fault in every phase in both modes."""
    every = list(product(FAULTS, PHASES, (False, True)))
    return [Cell(*combination, name=f"FAULT{number:03}") for number, combination in enumerate(every)]


def quick() -> list[Cell]:
    """Few cells that hold every pair (:attr:`Cell.pairs`) of the whole: the next one is always that with the most."""
    every = whole()
    missing = set().union(*(cell.pairs for cell in every))
    chosen = []
    while missing:
        best = max(every, key=lambda cell: len(cell.pairs & missing))
        chosen.append(best)
        missing -= best.pairs
    return chosen
