"""Faults on purpose: what goes wrong between a client and Snowflake, at a chosen statement, for testing DAGs.

Off unless the engine is started with a plan (``mediabatch local start --faults plan.json``) or is given one while it
runs (``mediabatch local faults plan.json``, :func:`install`). A plan is JSON::

    {"seed": 7,
     "rules": [
       {"match": "^EXECUTE INFERENCE JOB", "nth": 1, "action": "lost_reply"},
       {"match": "^DESCRIBE SERVICE", "every": 5, "action": "http_503", "times": 3},
       {"endpoint": "login", "probability": 0.1, "action": "delay", "seconds": 2},
       {"match": "^EXECUTE", "action": "error", "code": 2002, "sqlstate": "42710", "message": "Object 'X' already
       exists."}, {"job": "^MB_", "nth": 2, "action": "job_failed"}]}

A rule says what it applies to:

``match``
    a regular expression, searched in the statement's text without regard to case; with ``endpoint`` it narrows
    ``monitor``, ``result`` and ``abort`` to the statements that they are about.
``endpoint``
    ``query`` (the default), ``login``, ``monitor``, ``result``, ``abort``, ``heartbeat``, ``renew``, ``logout``,
    ``piece`` (of a large result).
``tag``
    a regular expression for the session's QUERY_TAG; with the endpoint ``login``, for the one that is asked for.
``job``
    a regular expression for the unqualified names of inference jobs; only for the ``job_…`` actions.

when: ``nth`` (a number or a list of them, counted from 1 among what the rule applies to), ``every`` (each n-th)
or ``probability`` (0 to 1, repeatable by the plan's ``seed``), by default always; and at most ``times`` times. Then
``action``:

``delay``            wait ``seconds``, then go on as usual
``drop``             close the connection without a reply; nothing is executed
``lost_reply``       execute, then close the connection without a reply (the connector sends the request again)
``http_503``         "service unavailable"; nothing is executed
``session_expired``  390112: the session's token is void; clients renew it
``session_gone``     390111: the session is closed; clients must log in again
``error``            fail the statement with ``code``, ``sqlstate`` and ``message``: at once, or with ``"where":
                     "status"`` in the status of an asynchronous statement; with ``"after": true`` the statement is
                     executed anyway
``job_failed``, ``job_internal_error``   the job runs and ends so
``job_stuck_pending``                    the job stays PENDING until it is cancelled

The first rule that fires wins. Each firing is a line of JSON in ``faults.log`` in the state directory.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.local.errors import FaultPlanError, SnowflakeError

PLAN_FILE = "faults.json"
LOG_FILE = "faults.log"

_ENDPOINTS = {"query", "login", "monitor", "result", "abort", "heartbeat", "renew", "logout", "piece"}
_REQUEST_ACTIONS = {"delay", "drop", "lost_reply", "http_503", "session_expired", "session_gone", "error"}
_JOB_STATUSES = {"job_failed": "FAILED", "job_internal_error": "INTERNAL_ERROR", "job_stuck_pending": "PENDING"}
_KEYS = {
    "name", "match", "endpoint", "tag", "job", "nth", "every", "probability", "times", "action", "seconds", "code",
    "sqlstate", "message", "where", "after",
}  # fmt: skip


@dataclass
class Rule:
    """One rule of a plan, with what it has seen so far; its fields are the plan's, see the module."""

    action: str
    name: str = ""
    match: str | None = None
    endpoint: str = "query"
    tag: str | None = None
    job: str | None = None
    nth: int | list[int] | None = None
    every: int | None = None
    probability: float | None = None
    times: int | None = None
    seconds: float = 1.0
    code: int = 603
    sqlstate: str = "XX000"
    message: str = "a fault of the local engine's fault plan"
    where: str = "reply"
    after: bool = False
    seen: int = field(default=0, repr=False)
    fired: int = field(default=0, repr=False)
    chance: random.Random = field(default_factory=random.Random, repr=False)

    @property
    def error(self) -> SnowflakeError:
        """The error that an ``error`` rule reports."""
        return SnowflakeError(self.code, self.sqlstate, self.message)

    def applies(self, endpoint: str, text: str, tag: str) -> bool:
        """Whether it is about this request."""
        if self.job is not None or endpoint != self.endpoint:
            return False
        return all(
            pattern is None or _search(pattern, given) for pattern, given in ((self.match, text), (self.tag, tag))
        )

    def fires(self) -> bool:
        """Whether it is this time's turn; counts."""
        self.seen += 1
        if self.times is not None and self.fired >= self.times:
            return False
        if self.nth is not None:
            turn = self.seen in (self.nth if isinstance(self.nth, list) else [self.nth])
        elif self.every is not None:
            turn = self.seen % self.every == 0
        elif self.probability is not None:
            turn = self.chance.random() < self.probability
        else:
            turn = True
        self.fired += turn
        return turn


def _search(pattern: str, text: str) -> bool:
    return re.search(pattern, text.strip(), re.IGNORECASE | re.DOTALL) is not None


def parse(text: str) -> list[Rule]:
    """The rules of a plan.

    :raises FaultPlanError: for anything that is not a plan.
    """
    try:
        plan = json.loads(text)
    except ValueError as wrong:
        raise FaultPlanError(f"the fault plan is not JSON: {wrong}") from wrong
    if not isinstance(plan, dict) or not isinstance(plan.get("rules"), list) or set(plan) - {"seed", "rules"}:
        raise FaultPlanError('a fault plan is {"seed": number, "rules": [...]}')
    seed = plan.get("seed", 0)
    rules = []
    for number, given in enumerate(plan["rules"], 1):
        try:
            rule = _rule(given)
        except (TypeError, ValueError, re.error) as wrong:
            raise FaultPlanError(f"rule {number} of the fault plan: {wrong}") from wrong
        rule.name = rule.name or f"rule {number}"
        rule.chance.seed(f"{seed}/{number}")
        rules.append(rule)
    return rules


def _rule(given: Any) -> Rule:
    if not isinstance(given, dict):
        raise TypeError("it is not an object")
    if unknown := set(given) - _KEYS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_KEYS))}")
    rule = Rule(**given)
    known = _JOB_STATUSES if rule.job is not None else _REQUEST_ACTIONS
    if rule.action not in known:
        raise ValueError(f"action {rule.action!r} is none of {', '.join(sorted(known))}")
    if rule.endpoint not in _ENDPOINTS:
        raise ValueError(f"endpoint {rule.endpoint!r} is none of {', '.join(sorted(_ENDPOINTS))}")
    if rule.where not in ("reply", "status"):
        raise ValueError("where is 'reply' or 'status'")
    if sum(given.get(when) is not None for when in ("nth", "every", "probability")) > 1:
        raise ValueError("only one of nth, every and probability")
    if rule.every is not None and rule.every < 1:
        raise ValueError("every is 1 or more")
    for pattern in (rule.match, rule.tag, rule.job):
        if pattern is not None:
            re.compile(pattern)
    return rule


def read(path: Path) -> str:
    """The text of a plan's file, checked.

    :raises FaultPlanError: when the file cannot be read or does not hold a plan.
    """
    try:
        plan = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultPlanError(f"the fault plan {path} cannot be read: {_reason(error)}") from error
    parse(plan)
    return plan


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def install(state_dir: Path, plan: str | None) -> None:
    """Give an engine a plan, whether it runs already or not; None takes its plan away. Counting starts again.

    :param state_dir: the engine's state directory.
    :param plan: the plan's JSON text.
    :raises FaultPlanError: for anything that is not a plan, and where there is no such directory.
    """
    path = state_dir / PLAN_FILE
    if plan is None:
        path.unlink(missing_ok=True)
        return
    parse(plan)
    if not state_dir.is_dir():
        raise FaultPlanError(f"the fault plan has no engine to go to: {state_dir} does not exist")
    unfinished = path.with_suffix(".new")
    unfinished.write_text(plan)
    unfinished.rename(path)


class Faults:
    """The running engine's plan.

    :param state_dir: where the plan's file may appear, change and vanish while the engine runs.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / PLAN_FILE
        self._log = state_dir / LOG_FILE
        self._version: tuple[int, int] | None = None
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def on_request(self, endpoint: str, text: str = "", tag: str = "") -> Rule | None:
        """The rule that fires for a request, if any.

        :param endpoint: which one, as plans name them.
        :param text: the statement that it is about.
        :param tag: the session's QUERY_TAG.
        """
        about = {"endpoint": endpoint, "statement": text[:500], "tag": tag}
        return self._first(lambda rule: rule.applies(endpoint, text, tag), **about)

    def for_job(self, name: str) -> str | None:
        """The status that an inference job is to end or stay in: ``FAILED``, ``INTERNAL_ERROR``, ``PENDING``; None for
        none.

        Asked once for each job, when it is submitted.

        :param name: the job's unqualified name.
        """
        rule = self._first(lambda rule: rule.job is not None and _search(rule.job, name), job=name)
        return _JOB_STATUSES[rule.action] if rule is not None else None

    def _first(self, applies: Any, **about: str) -> Rule | None:
        with self._lock:
            for rule in self._current():
                if applies(rule) and rule.fires():
                    self._note(rule, about)
                    return rule
        return None

    def _current(self) -> list[Rule]:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._version, self._rules = None, []
            return []
        version = (stat.st_mtime_ns, stat.st_ino)
        if version != self._version:
            self._rules, self._version = parse(self._path.read_text()), version
        return self._rules

    def _note(self, rule: Rule, about: dict[str, str]) -> None:
        line = {"time": time.time(), "rule": rule.name, "action": rule.action, "seen": rule.seen, **about}
        with self._log.open("a") as log:
            log.write(json.dumps(line) + "\n")
