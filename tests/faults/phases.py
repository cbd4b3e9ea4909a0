"""A task's phases, found in the engine's record of the requests that the task sends when nothing fails.

A phase is one request: a login, a statement, or the question for an asynchronous statement's status. Statements
count by their verb, at their first and at their last time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LOGIN, QUERY, MONITOR = "login", "query", "monitor"
SUBMIT = "EXECUTE INFERENCE JOB SERVICE"
_VERB = re.compile(r"[A-Z]+( (INTO|TABLE|SERVICE|JOB SERVICES|INFERENCE JOB SERVICE|TEMPORARY FILE FORMAT)\b)?")
_READS = frozenset({"SHOW", "LIST", "SELECT", "DESCRIBE SERVICE", "SHOW JOB SERVICES"})
_POLLS = frozenset({"DESCRIBE SERVICE", "SHOW JOB SERVICES"})
_LOCKS = frozenset({"UPDATE", "MERGE INTO", "DELETE"})


@dataclass(frozen=True)
class Phase:
    """One request of a task.

    :param endpoint: where it goes to, as fault plans name it.
    :param verb: of the statement that it is about; empty for a login.
    :param turn: its number among the task's requests of this kind, from 1.
    :param is_unheard: it follows one that was carried out and whose reply was lost: the connector sends it again.
    """

    endpoint: str
    verb: str
    turn: int
    is_unheard: bool = False

    def __str__(self) -> str:
        name = {LOGIN: "login", QUERY: self.verb, MONITOR: f"status of {self.verb}"}[self.endpoint]
        if self.is_unheard:
            return f"{name} (sent again)"
        if self.turn == 1:
            return name
        return f"{name} {self.turn}" if self.endpoint == LOGIN else f"{name} ({'first poll' if self.waits else 'last'})"

    @property
    def place(self) -> dict[str, Any]:
        """The part of a rule of the fault plan that says when it fires."""
        match = {"match": f"^{self.verb}\\b"} if self.verb else {}
        return {"endpoint": self.endpoint, "nth": self.turn, **match}

    @property
    def only_reads(self) -> bool:
        """Whether the server is the same after it."""
        return self.endpoint == QUERY and self.verb in _READS

    @property
    def takes_lock(self) -> bool:
        """Whether its statement waits for a table's lock."""
        return self.endpoint == QUERY and self.verb in _LOCKS

    @property
    def submits(self) -> bool:
        """Whether it starts the job."""
        return self.endpoint == QUERY and self.verb == SUBMIT

    @property
    def waits(self) -> bool:
        """Whether it asks for the job that was started."""
        return self.verb == "SHOW JOB SERVICES" or (self.verb == "DESCRIBE SERVICE" and self.turn > 1)


def find_phases(record: Sequence[tuple[str, str]], *, after_submission: bool = False) -> list[Phase]:
    """The phases of a task.

    :param record: endpoint and statement of each of its requests.
    :param after_submission: only those from the submission on: before it, a deferrable task does as any other.
    """
    seen: dict[tuple[str, str], list[int]] = {}
    for position, (endpoint, statement) in enumerate(record):
        verb = _VERB.match(statement)
        if endpoint == LOGIN or (endpoint in (QUERY, MONITOR) and verb):
            seen.setdefault((endpoint, verb[0] if verb else ""), []).append(position)
    start = seen.get((QUERY, SUBMIT), [0])[0] if after_submission else 0
    found = {}
    for (endpoint, verb), positions in seen.items():
        count = len(positions)
        turns = {1, count}
        if endpoint == LOGIN:
            turns = set(range(1, count + 1))
        elif endpoint == MONITOR:
            turns = {1}
        elif verb in _POLLS:  # How often they are sent is chance.
            turns = {1, min(2, count)} if verb == "DESCRIBE SERVICE" else {1}
        found |= {positions[turn - 1]: Phase(endpoint, verb, turn) for turn in turns}
    phases = [found[position] for position in sorted(found) if position >= start]
    # A request that a rule of the fault plan answered is not counted by the rules after it.
    again = [Phase(QUERY, SUBMIT, 1, is_unheard=True) for phase in phases if phase.submits]
    return phases + again
