"""One job's way: find it or submit it, wait for it, finish.

::

    run ── find_or_submit ─┬─ new or running ── wait ── handle_event ─┬─ DONE ────────── finish
                           ├─ finished earlier ─────────────── finish ├─ model raised ── isolate
                           └─ failed earlier ──────────────── isolate └─ otherwise ───── an error

The wait is in place or deferred. A deferrable task waits some seconds in place as well. When it defers, it ends at
``defer``, and its next process starts at :meth:`BatchRun.resume`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from airflow_provider_mediabatch.batch import job_outcomes, submission
from airflow_provider_mediabatch.batch.job_polling import Outcome
from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
from airflow_provider_mediabatch.client.connection import connected, still_connected
from airflow_provider_mediabatch.core.job_status import JobStatus
from airflow_provider_mediabatch.exceptions import MediaBatchError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.task_state import TaskState
    from airflow_provider_mediabatch.batch.wait_for_job import JobWait

T = TypeVar("T")


@dataclass(frozen=True)
class BatchRun(Generic[T]):
    """One job of one task, from its name to its verified result.

    :param request: what is run, and the job's name.
    :param wait: how to wait.
    :param task: notes of earlier tries, and the jobs that end with the task.
    :param finish: verifies the output of the job that is DONE, and gives the result.
    :param defer: defers the task until the job has ended; never returns.
    :param on_found: called as soon as the job is known, before anything is waited for.
    :param before_submit: called with the job's name right before it is submitted; an error here starts nothing.
    :param isolate: finds the files that make the job fail, and gives the result without them; None: a job that fails is
        an error.
    """

    request: JobRequest
    wait: JobWait
    task: TaskState
    finish: Callable[[SnowflakeConnection, Attempt], T]
    defer: Callable[[Attempt], NoReturn]
    on_found: Callable[[SnowflakeConnection, Attempt], None]
    before_submit: Callable[[SnowflakeConnection, str], None] | None = None
    isolate: Callable[[Attempt], T] | None = None

    def run(self, connection: SnowflakeConnection, *, first_generation: int = 0) -> T:
        """Go the whole way.

        :param connection: the task's own.
        :param first_generation: earlier jobs of this request do not count.
        :return: what ``finish`` gave.
        :raises MediaBatchError: saying whether the job still runs, and what a retry does.
        """
        attempt = self.find_or_submit(connection, first_generation)
        if attempt.failed:
            # An earlier try waited for this job to its end and was lost before it had isolated all of it.
            return self._handle_failure({"outcome": Outcome.FAILED, "status": JobStatus.FAILED}, attempt)
        if attempt.phase is None:
            # A retry whose earlier try was lost after the job's end, or a cleared task: nothing is paid twice.
            self.task.log.info("Job %s is finished already. Its output is adopted, and nothing is run", attempt.job)
            return self._finish(connection, attempt)
        event = self._wait(attempt, connection)
        return self.handle_event(event, attempt, connection)

    def resume(self, event: Mapping[str, Any]) -> T:
        """Go on in the process that follows a deferral, where the wait in place would have ended.

        :param event: the trigger's.
        """
        attempt = Attempt(**event["state"]["attempt"])
        self.task.running.replace([(attempt.job, attempt.query_id)])
        return self.handle_event(event, attempt)

    def find_or_submit(self, connection: SnowflakeConnection, first_generation: int = 0) -> Attempt:
        """The request's job, submitted if it is not there; noted for the next try before anything is waited for."""
        found = submission.find(connection, self.request, stored=self.task.noted_job(), first=first_generation)
        self.task.running.replace([])
        if isinstance(found, int):
            submission.check_version(connection, self.request)
            if self.before_submit is not None:
                self.before_submit(connection, self.request.job(found))
            attempt = self.task.submit(connection, self.wait.snowflake_conn_id, self.request, found)
            self.task.log.info("Submitted job %s (query %s)", attempt.job, attempt.query_id)
        else:
            attempt = found
            if attempt.phase is not None:
                self.task.attach(self.wait.snowflake_conn_id, attempt)
                self.task.log.info("Job %s is there already (%s). This try attaches to it", attempt.job, attempt.phase)
            elif attempt.failed:
                self.task.log.info("Job %s is there already, and has failed", attempt.job)
        self.task.note_job(self.request, attempt)
        self.on_found(connection, attempt)
        return attempt

    def handle_event(
        self, event: Mapping[str, Any], attempt: Attempt, connection: SnowflakeConnection | None = None
    ) -> T:
        """What follows from the end of a wait: the finished result, or the error that says it all.

        :param event: what the trigger, or the wait in place, gave.
        :param connection: the task's, if it waited in place.
        """
        error = job_outcomes.polling_error(event, attempt)
        if error is not None:
            raise error
        if job_outcomes.cancelled_by_clearing(event, attempt) and not self.task.running.ended:
            # Clearing a deferred task cancels its job through the trigger, and this try came first and attached to it.
            # The user wants the work to be run, so this try submits the next generation itself.
            self.task.log.info("Job %s of an earlier try was cancelled after this try attached to it", attempt.job)
            with connected(self.wait.snowflake_conn_id) as opened:
                return self.run(opened, first_generation=attempt.generation)
        if Outcome(event["outcome"]) is not Outcome.DONE:
            return self._handle_failure(event, attempt)
        with still_connected(self.wait.snowflake_conn_id, connection) as opened:
            return self._finish(opened, attempt)

    def _wait(self, attempt: Attempt, connection: SnowflakeConnection) -> Mapping[str, Any]:
        if not self.wait.deferrable:
            return self.wait.in_place(attempt, self.task.log, connection)
        event = self.wait.before_deferring(attempt, self.task.log, connection)
        return self.defer(attempt) if event is None else event

    def _finish(self, connection: SnowflakeConnection, attempt: Attempt) -> T:
        result = self.finish(connection, attempt)
        self.task.note_done(self.request, attempt)
        return result

    def _handle_failure(self, event: Mapping[str, Any], attempt: Attempt) -> T:
        if self.isolate is not None and job_outcomes.model_raised(event):
            return self.isolate(attempt)
        cancel = self.wait.cancel_on_timeout
        with connected(self.wait.snowflake_conn_id) as connection:
            raise job_outcomes.outcome_error(connection, event, attempt, cancel_on_timeout=cancel, request=self.request)


def resumed(event: Mapping[str, Any] | None, key: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A trigger's event, and the state in it that the task gave its trigger.

    :param key: what an event of this trigger has besides.
    :raises MediaBatchError: for an event of another shape.
    """
    if not isinstance(event, Mapping) or key not in event:
        raise MediaBatchError(
            f"The trigger gave an event that this release does not know: {event!r}",
            running="The task's job was left alone. It may run and incur cost.",
        )
    return event, event["state"]
