"""Polling a submitted job: the I/O between Snowflake and the pure decisions of :mod:`.job_polling`.

The trigger and the wait in place share one :class:`~.job_polling.JobPoller` and one :func:`poll_once`. The trigger
reads the shared job statuses first, and polls for itself only where they do not have the job.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.job_polling import JobPoller, Phase, PollDecision
from airflow_provider_mediabatch.client import errors, jobs
from airflow_provider_mediabatch.client.connection import connected
from airflow_provider_mediabatch.core.job_status import SubmissionState

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


def poll_once(connection: SnowflakeConnection, poller: JobPoller, *, job: str, query_id: str | None) -> PollDecision:
    """Look once and decide.

    :param job: qualified job name.
    :param query_id: the submitting statement, looked at while the poller is in phase ``submitting``.
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
    :param report: told of every poll.
    :param cancel_on_timeout: cancel the job when the deadline passes.
    """
    current: AbstractContextManager[SnowflakeConnection] = (
        connected(snowflake_conn_id) if connection is None else nullcontext(connection)
    )
    while True:
        try:
            with current as opened:
                while True:
                    decision = poll_once(opened, poller, job=job, query_id=query_id)
                    report(decision)
                    if decision.outcome is not None:
                        if decision.outcome == "timeout" and cancel_on_timeout:
                            jobs.cancel(opened, job, query_id if poller.phase is Phase.SUBMITTING else None)
                        return decision
                    time.sleep(decision.delay)
        except Exception as error:
            if not hasattr(error, "errno") and not isinstance(error, OSError):
                raise
            permanent = errors.is_permanent(error)
            decision = poller.after_poll_error(errors.error_text(error), permanent=permanent, now=time.time())
            report(decision)
            if decision.outcome is not None:
                return decision
            time.sleep(decision.delay)
        current = connected(snowflake_conn_id)
