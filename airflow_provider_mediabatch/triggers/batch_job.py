"""Waiting for a batch inference job without a worker slot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mediabatch.batch.job_polling import JobPoller, Outcome, Phase, PollDecision, interval
from airflow_provider_mediabatch.client import errors, stages
from airflow_provider_mediabatch.triggers.deferral import wait_until_scheduler_knows
from airflow_provider_mediabatch.triggers.shared_connection import SharedConnection, shared_connection
from airflow_provider_mediabatch.triggers.taken_over import is_taken_over

PROGRESS_SECONDS = 30.0
PROGRESS_JOBS = 10
"""With more jobs than this on one connection only their statuses are logged: a listing and a log for each would be
statements that grow with the number of jobs."""


class BatchJobTrigger(BaseTrigger):
    """Wait until a job has ended, in two phases: its statement runs (an image is built), then the job runs.

    Yields one event, ``{"outcome": …, "status": …, "error": …, "state": …}`` (:class:`~.batch.job_polling.Outcome`).
    Uses only statements that need no warehouse, in a thread, over one connection for all triggers of a triggerer.

    :param snowflake_conn_id: Airflow connection of type ``snowflake``; credentials are never an argument.
    :param job: qualified job name.
    :param query_id: the submitting statement, for phase ``submitting``.
    :param phase: ``submitting`` or ``running``.
    :param started: when the waiting began, epoch seconds.
    :param deadline: when it ends at the latest, epoch seconds; None: never. Absolute, so that a restart does not move
        it.
    :param poll_interval: seconds between polls; None: growing from 0.3 to 30.
    :param output_location: where the job writes; its files are counted for the progress lines.
    :param cancel_on_timeout: cancel the job when the deadline passes.
    :param in_dag_test: the run is one of ``dag.test()``, whose own process waits for the job, so :meth:`on_kill` leaves
        it alone.
    :param state: what the task needs to go on. It comes back as ``state`` in the event: a task that ``dag.test()``
        resumes is given the event alone.
    """

    def __init__(
        self,
        *,
        snowflake_conn_id: str,
        job: str,
        query_id: str | None = None,
        phase: str = Phase.RUNNING,
        started: float | None = None,
        deadline: float | None = None,
        poll_interval: float | None = None,
        output_location: str | None = None,
        cancel_on_timeout: bool = True,
        in_dag_test: bool = False,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.snowflake_conn_id = snowflake_conn_id
        self.job = job
        self.query_id = query_id
        self.phase = str(phase)
        self.started = time.time() if started is None else started
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.output_location = output_location
        self.cancel_on_timeout = cancel_on_timeout
        self.in_dag_test = in_dag_test
        self.state = dict(state or {})
        self._log_tail = ""
        self._reported = 0.0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, all of them plain."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "snowflake_conn_id": self.snowflake_conn_id,
                "job": self.job,
                "query_id": self.query_id,
                "phase": self.phase,
                "started": self.started,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
                "output_location": self.output_location,
                "cancel_on_timeout": self.cancel_on_timeout,
                "in_dag_test": self.in_dag_test,
                "state": self.state,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until it is over, then yield the one event."""
        poller = JobPoller(
            started=self.started,
            deadline=self.deadline,
            poll_interval=self.poll_interval,
            phase=Phase(self.phase) if self.query_id else Phase.RUNNING,
        )
        began = time.monotonic()
        await asyncio.sleep(poller.first_delay(time.time()))
        async with shared_connection(self.snowflake_conn_id) as shared:
            while True:
                decision = await self._poll(shared, poller)
                if decision.outcome is not None:
                    break
                await self._progress(shared, poller, decision)
                await asyncio.sleep(decision.delay)
            cancelled = False
            if decision.outcome is Outcome.TIMEOUT and self.cancel_on_timeout:
                cancelled = await self._cancel(shared, poller)
        event = {**decision.event(), "cancelled": cancelled, "state": self.state}
        await wait_until_scheduler_knows(self, began)
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the job: a user marked the task failed or succeeded, or cleared it. A restart does not come here.

        A triggerer on the database of a ``dag.test()`` does: it takes the trigger's row up, and gives it up when the
        test has set the task's state. Nobody has ended that task. Nor has anybody where :func:`is_taken_over` says so.

        A user may mark many tasks at once: they share one login, because Airflow waits for this some seconds only.
        """
        if self.in_dag_test:
            return
        if await is_taken_over(self):
            self.log.info("Job %s is left alone: its task still waits for it, in another triggerer", self.job)
            return
        await self.cancel()

    async def cancel(self) -> None:
        """Cancel the job."""
        from airflow_provider_mediabatch.client import jobs

        async with shared_connection(self.snowflake_conn_id) as shared:
            await shared.call(lambda connection: jobs.cancel(connection, self.job, self.query_id))
        self.log.info("Cancelled job %s: a user ended the task", self.job)

    async def _poll(self, shared: SharedConnection, poller: JobPoller) -> PollDecision:
        from airflow_provider_mediabatch.batch.wait_for_job import poll_once

        try:
            if poller.phase is Phase.RUNNING:
                age = 0.9 * interval(time.time() - self.started, self.poll_interval)
                listed = await shared.job_statuses(self.job.rsplit(".", 1)[0]).status(self.job, age)
                if listed is not None:
                    return poller.after_job_status(listed, now=time.time())
            return await shared.call(
                lambda connection: poll_once(connection, poller, job=self.job, query_id=self.query_id)
            )
        except Exception as error:
            text, permanent = errors.error_text(error), errors.is_permanent(error)
            decision = poller.after_poll_error(text, permanent=permanent, now=time.time())
            self.log.warning(
                "Poll %d in a row failed for job %s; the job itself is left alone: %s", poller.failures, self.job, text
            )
            return decision

    async def _progress(self, shared: SharedConnection, poller: JobPoller, decision: PollDecision) -> None:
        """A line now and then: where the job is, how many files it wrote, the new lines of its log."""
        if time.monotonic() - self._reported < PROGRESS_SECONDS and self._reported:
            return
        self._reported = time.monotonic()
        what = "image build or start" if poller.phase is Phase.SUBMITTING else (decision.status or "unknown")
        elapsed = int(time.time() - self.started)
        if poller.phase is Phase.SUBMITTING or decision.status != "RUNNING" or shared.users > PROGRESS_JOBS:
            self.log.info("Job %s: %s, %d s", self.job, what, elapsed)
            return
        from airflow_provider_mediabatch.client import jobs

        location = self.output_location
        try:
            files = await shared.call(lambda c: stages.output_folder(c, location).files) if location else 0
            tail = await shared.call(lambda c: jobs.logs(c, self.job, lines=20))
        except Exception as error:
            self.log.info("Job %s: %s, %d s (no more is known: %s)", self.job, what, elapsed, error)
            return
        self.log.info("Job %s: %s, %d s, %d output files", self.job, what, elapsed, files)
        if new := new_lines(self._log_tail, tail):
            self.log.info("Job %s logs:\n%s", self.job, new)
        self._log_tail = tail or self._log_tail

    async def _cancel(self, shared: SharedConnection, poller: JobPoller) -> bool:
        from airflow_provider_mediabatch.client import jobs

        query_id = self.query_id if poller.phase is Phase.SUBMITTING else None
        try:
            await shared.call(lambda connection: jobs.cancel(connection, self.job, query_id))
        except Exception as error:
            self.log.warning("Job %s could not be cancelled, the task will try again: %s", self.job, error)
            return False
        return True


def new_lines(before: str, after: str) -> str:
    """The lines of the later tail that the earlier one did not have."""
    old, new = before.splitlines(), after.splitlines()
    for overlap in range(min(len(old), len(new)), 0, -1):
        if old[-overlap:] == new[:overlap]:
            return "\n".join(new[overlap:])
    return after
