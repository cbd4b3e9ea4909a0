"""Polling a submitted job: the I/O between Snowflake and the pure decisions of :mod:`.job_polling`.

The trigger and the wait in place share one :class:`~.job_polling.JobPoller` and one :func:`poll_once`. The trigger
reads the shared job statuses first, and polls for itself only where they do not have the job.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.batch.job_polling import JobPoller, Phase, PollDecision
from airflow_provider_mediabatch.client import errors, jobs
from airflow_provider_mediabatch.client.connection import connected, limit_retries
from airflow_provider_mediabatch.core.job_status import SubmissionState
from airflow_provider_mediabatch.exceptions import MediaBatchError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import Attempt

_REPORT_SECONDS = 30.0
_BEFORE_DEADLINE = 5.0
"""How long before its deadline a deferrable task stops waiting in place: the trigger handles the timeout."""


@dataclass(frozen=True)
class JobWait:
    """How a task waits for its jobs.

    :param snowflake_conn_id: Airflow connection.
    :param deferrable: wait in the triggerer, not in place.
    :param deadline: when the wait ends at the latest, epoch seconds; None: never.
    :param poll_interval: seconds between two polls; None: growing from 0.3 to 30.
    :param cancel_on_timeout: cancel the job when the deadline passes.
    :param defer_after: seconds that a deferrable task waits in place before it defers.
    """

    snowflake_conn_id: str
    deferrable: bool
    deadline: float | None
    poll_interval: float | None
    cancel_on_timeout: bool
    defer_after: float

    def before_deferring(self, attempt: Attempt, log: Any, connection: SnowflakeConnection) -> dict[str, Any] | None:
        """Wait in place for as long as a deferral would take: a job of seconds has ended by then.

        :param log: the task's log.
        :param connection: the task's own.
        :return: the event that the trigger would have given; None: it is the trigger's turn, which also handles a poll
            that failed, and the deadline.
        """
        until = time.time() + self.defer_after
        if self.deadline is not None:
            until = min(until, self.deadline - _BEFORE_DEADLINE)
        poller = self._poller(attempt)
        limit_retries(connection)
        while time.time() < until:
            try:
                decision = poll_once(connection, poller, job=attempt.job, query_id=attempt.query_id)
            except Exception as error:
                if not errors.is_of_connection(error):
                    raise
                log.warning("A poll of job %s failed, so the task defers now: %s", attempt.job, error)
                return None
            if decision.outcome is not None:
                return decision.event()
            if time.time() + decision.delay > until:
                return None
            time.sleep(decision.delay)
        return None

    def in_place(self, attempt: Attempt, log: Any, connection: SnowflakeConnection | None = None) -> dict[str, Any]:
        """Wait without deferring.

        :param log: the task's log.
        :param connection: the task's own, used until a poll fails; None: one is opened.
        :return: the event that the trigger would have given.
        """
        poller = self._poller(attempt)
        reported = -_REPORT_SECONDS

        def report(decision: PollDecision) -> None:
            nonlocal reported
            if decision.error and decision.outcome is None:
                log.warning("A poll of job %s failed: %s", attempt.job, decision.error)
            elif time.monotonic() - reported >= _REPORT_SECONDS or decision.outcome is not None:
                reported = time.monotonic()
                status = decision.status or str(poller.phase)
                log.info("Job %s: %s, %d s", attempt.job, status, time.time() - attempt.started)

        decision = wait(
            self.snowflake_conn_id,
            poller,
            connection=connection,
            job=attempt.job,
            query_id=attempt.query_id,
            report=report,
            cancel_on_timeout=self.cancel_on_timeout,
        )
        return decision.event()

    def _poller(self, attempt: Attempt) -> JobPoller:
        return JobPoller(
            started=attempt.started,
            deadline=self.deadline,
            poll_interval=self.poll_interval,
            phase=Phase(attempt.phase or Phase.RUNNING) if attempt.query_id else Phase.RUNNING,
        )


def poll_once(connection: SnowflakeConnection, poller: JobPoller, *, job: str, query_id: str | None) -> PollDecision:
    """Poll once and decide.

    :param job: qualified job name.
    :param query_id: the submitting statement, polled while the poller is in phase ``submitting``.
    """
    if poller.phase is Phase.SUBMITTING and query_id:
        state, error = jobs.query_state(connection, query_id)
        info = None if state is SubmissionState.RUNNING else jobs.describe(connection, job)
        return poller.after_query_state(state, error, info.status if info else None, now=time.time())
    info = jobs.describe(connection, job)
    return poller.after_job_status(info.status if info else None, now=time.time())


def wait(
    snowflake_conn_id: str,
    poller: JobPoller,
    *,
    connection: SnowflakeConnection | None = None,
    job: str,
    query_id: str | None,
    report: Callable[[PollDecision], None],
    cancel_on_timeout: bool,
) -> PollDecision:
    """Wait in place until the poller says that it is over. Logs in again whenever a poll fails.

    :param connection: the task's own, used until a poll fails; None: one is opened.
    :param report: called after every poll.
    :param cancel_on_timeout: cancel the job when the deadline passes.
    """
    current: AbstractContextManager[SnowflakeConnection] = (
        connected(snowflake_conn_id) if connection is None else nullcontext(connection)
    )
    while True:
        try:
            with current as opened:
                limit_retries(opened)
                while True:
                    decision = poll_once(opened, poller, job=job, query_id=query_id)
                    report(decision)
                    if decision.outcome is not None:
                        if decision.outcome == "timeout" and cancel_on_timeout:
                            with suppress(MediaBatchError):  # The task tries again, and its error says it.
                                jobs.cancel(opened, job, query_id if poller.phase is Phase.SUBMITTING else None)
                        return decision
                    time.sleep(decision.delay)
        except Exception as error:
            if not errors.is_of_connection(error):
                raise
            permanent = errors.is_permanent(error)
            decision = poller.after_poll_error(errors.error_text(error), permanent=permanent, now=time.time())
            report(decision)
            if decision.outcome is not None:
                return decision
            time.sleep(decision.delay)
        current = connected(snowflake_conn_id)
