"""What to do after a poll. Pure decisions: no I/O, no clock of their own; the sync and the deferred path share them.

Invariants:

* only a terminal status, a refused submission, a vanished job, a deadline or a permanent error ends the waiting, and
  a statement that Snowflake has not known for a minute;
* a submission is refused only where Snowflake says that the statement failed;
* a job of unknown health (polls that fail) is never cancelled: it is reported, and left to the retry that finds it;
* an unknown status is logged and waited on, to the deadline;
* the deadline is a point in time (epoch seconds), so that a restart of the triggerer does not move it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airflow_provider_mediabatch.core.job_status import JobStatus, SubmissionState

FIRST_INTERVAL = 0.3
STEADY_INTERVAL = 5.0
LAST_INTERVAL = 30.0
MAX_FAILURES = 10
MAX_UNKNOWN_QUERY = 6
UNKNOWN_QUERY_SECONDS = 60.0
"""How long a statement may be unknown to the monitoring endpoint, which may know a new one only after a while. The
connector itself allows 24 such answers, with pauses of up to 5 s."""
_GROWTH_SECONDS = 300.0


class Phase(StrEnum):
    """Where the work is: the statement still runs (an image is being built), or the job is known by name."""

    SUBMITTING = "submitting"
    RUNNING = "running"


class Outcome(StrEnum):
    """Why the waiting ended."""

    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    GONE = "gone"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class PollDecision:
    """What comes next.

    :param outcome: the waiting is over, for this reason; None: poll again.
    :param delay: seconds until the next poll.
    :param status: the job's status text, where one was seen.
    :param error: what Snowflake said, where it said something.
    """

    outcome: Outcome | None = None
    delay: float = 0.0
    status: str | None = None
    error: str | None = None

    def event(self) -> dict[str, Any]:
        """The trigger event of an ended wait."""
        return {"outcome": str(self.outcome), "status": self.status, "error": self.error}


def interval(elapsed: float, poll_interval: float | None) -> float:
    """Seconds between two polls.

    What was set, else a third of the time since the job's start, so that a job of seconds is seen soon after its end.
    From the twentieth second on the interval grows more slowly, to 30 s after five minutes.

    :param elapsed: seconds since the job's start.
    :param poll_interval: what was set.
    """
    if poll_interval is not None:
        return poll_interval
    steady = STEADY_INTERVAL + (LAST_INTERVAL - STEADY_INTERVAL) * min(1.0, max(0.0, elapsed) / _GROWTH_SECONDS)
    return min(steady, max(FIRST_INTERVAL, elapsed / 3))


def backoff(failures: int, base: float, rng: random.Random | None = None) -> float:
    """Seconds after the n-th failed poll in a row: doubling up to a minute, with up to half taken off.

    The jitter keeps the triggers of one triggerer from coming back all at once.
    """
    ceiling = max(base, 60.0) if base >= STEADY_INTERVAL else 60.0 * base / STEADY_INTERVAL
    return float(min(ceiling, base * 2 ** min(failures, 10)) * (rng or random).uniform(0.5, 1.0))


class JobPoller:
    """The state of one wait. It takes what a poll gave, and answers what to do next.

    :param started: when the waiting began, epoch seconds: the intervals grow from here.
    :param deadline: when it ends at the latest, epoch seconds, or None.
    :param poll_interval: fixed seconds between polls, or None to let them grow.
    :param phase: where the work is now.
    :param max_failures: failed polls in a row before giving up.
    """

    def __init__(
        self,
        *,
        started: float,
        deadline: float | None = None,
        poll_interval: float | None = None,
        phase: Phase = Phase.RUNNING,
        max_failures: int = MAX_FAILURES,
    ) -> None:
        self.phase = phase
        self.status: str | None = None
        self._started = started
        self._deadline = deadline
        self._poll_interval = poll_interval
        self._max_failures = max_failures
        self._failures = 0
        self._unknown = 0
        self._unknown_since = 0.0
        self._query_error: str | None = None

    def first_delay(self, now: float) -> float:
        """Seconds before the first poll, because a job that was submitted just now has not ended yet."""
        return self._wait(interval(0.0, self._poll_interval), now)

    def after_query_state(
        self, state: SubmissionState, error: str | None, job_status: str | None, *, now: float
    ) -> PollDecision:
        """The decision after the submitting statement was polled.

        Once it has ended, or is not known any more, the job's name decides: a job that is there was submitted,
        however the statement ended.

        :param state: the statement's state.
        :param error: its error text, if it failed.
        :param job_status: the job's status by DESCRIBE, None when it is not there; needed unless the state is RUNNING.
        """
        self._failures = 0
        if state is SubmissionState.RUNNING:
            self._unknown = 0
            return self._again(now)
        if job_status is not None or state is SubmissionState.SUCCEEDED:
            self.phase = Phase.RUNNING
            self._query_error = error
            return self.after_job_status(job_status, now=now)
        if state is SubmissionState.UNKNOWN:
            self._unknown_since = self._unknown_since if self._unknown else now
            self._unknown += 1
            if self._unknown < MAX_UNKNOWN_QUERY or now - self._unknown_since < UNKNOWN_QUERY_SECONDS:
                return self._again(now)
            return PollDecision(Outcome.UNKNOWN, error=error)
        return PollDecision(Outcome.REJECTED, error=error)

    def after_job_status(self, status: str | None, *, now: float) -> PollDecision:
        """The decision after the job was polled by name.

        :param status: Snowflake's text, or None when DESCRIBE says that it does not exist.
        """
        self._failures = 0
        if status is None:
            return PollDecision(Outcome.GONE, status=self.status, error=self._query_error)
        self.status = status
        known = JobStatus.of(status)
        if known is JobStatus.DONE:
            return PollDecision(Outcome.DONE, status=status)
        if known is not None and known.terminal:
            return PollDecision(Outcome.FAILED, status=status)
        return self._again(now)

    def after_poll_error(self, error: str, *, permanent: bool, now: float) -> PollDecision:
        """The decision after a poll that failed.

        :param permanent: no later poll can succeed (authentication, a missing privilege).
        """
        if permanent:
            return PollDecision(Outcome.FORBIDDEN, status=self.status, error=error)
        self._failures += 1
        if self._failures >= self._max_failures:
            return PollDecision(Outcome.UNREACHABLE, status=self.status, error=error)
        base = interval(now - self._started, self._poll_interval)
        if self._poll_interval is None:
            # However young the job is: the failures that are allowed must last longer than Snowflake is away.
            base = max(STEADY_INTERVAL, base)
        return self._again(now, backoff(self._failures, base), error)

    @property
    def failures(self) -> int:
        """Failed polls in a row."""
        return self._failures

    def _again(self, now: float, delay: float | None = None, error: str | None = None) -> PollDecision:
        if self._deadline is not None and now >= self._deadline:
            return PollDecision(Outcome.TIMEOUT, status=self.status, error=error)
        wait = interval(now - self._started, self._poll_interval) if delay is None else delay
        return PollDecision(delay=self._wait(wait, now), status=self.status, error=error)

    def _wait(self, delay: float, now: float) -> float:
        """The delay, cut off at the deadline."""
        return delay if self._deadline is None else min(delay, max(0.05, self._deadline - now))
