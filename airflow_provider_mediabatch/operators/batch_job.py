"""What SampleBatch and FullBatch share: one job, submitted once, waited for in place or deferred, verified."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, conf

from airflow_provider_mediabatch.batch.job_polling import JobPoller, Outcome, Phase, PollDecision
from airflow_provider_mediabatch.client.connection import connected, still_connected
from airflow_provider_mediabatch.core.job_names import stem
from airflow_provider_mediabatch.core.job_status import JobStatus
from airflow_provider_mediabatch.core.xcom_keys import JOB_KEY, WAITING_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError
from airflow_provider_mediabatch.links.batch_job import BatchJobLink
from airflow_provider_mediabatch.links.location import LocationLink, push_location
from airflow_provider_mediabatch.links.review import ReviewLink
from airflow_provider_mediabatch.links.snowsight import statement_url
from airflow_provider_mediabatch.operators.lineage import LineageMixin

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest

STORE_KEY = "mediabatch_job"
DONE_KEY = "mediabatch_done"
_REPORT_SECONDS = 30.0


class BatchJobOperator(LineageMixin, BaseOperator):
    """Base of the operators that run a batch inference job. Not for use by itself.

    :param deferrable: wait in the triggerer instead of holding a worker slot; Airflow's ``[operators]
        default_deferrable`` unless given.
    :param poll_interval: seconds between two looks at the job; None: growing from 5 to 30.
    :param timeout: how long to wait for the job, image build included: seconds or a timedelta; None: without a limit.
        Airflow's ``execution_timeout`` counts as well, deferred or not.
    :param cancel_on_timeout: cancel the job when the time is over. False leaves it running (and billing); a retry
        attaches to it.
    :param snowflake_conn_id: Airflow connection of type ``snowflake``.
    """

    operator_extra_links = (BatchJobLink(), LocationLink(), ReviewLink())

    def __init__(
        self,
        *,
        deferrable: bool | None = None,
        poll_interval: float | None = None,
        timeout: float | timedelta | None = None,
        cancel_on_timeout: bool = True,
        snowflake_conn_id: str = "snowflake_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_timeout = cancel_on_timeout
        self.snowflake_conn_id = snowflake_conn_id
        self._submitted: list[tuple[str, str | None]] = []

    def finish(
        self, context: Context, connection: SnowflakeConnection, work: JobRequest, attempt: Attempt
    ) -> dict[str, Any]:
        """Verify the finished job's output and give the task's value. What the subclasses are for."""
        raise NotImplementedError

    def work_again(self, context: Context, state: Mapping[str, Any]) -> JobRequest:
        """The same piece of work, in the process that resumes after a deferral."""
        raise NotImplementedError

    def run_work(
        self,
        context: Context,
        connection: SnowflakeConnection,
        work: JobRequest,
        *,
        first: int = 0,
        state: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Find or submit the job, wait for it, and finish.

        :param first: the first generation that may be used.
        :param state: what :meth:`work_again` needs after a deferral.
        """
        attempt = self._start(context, connection, work, first)
        if attempt.failed:
            return self.failed(context, {"outcome": Outcome.FAILED, "status": JobStatus.FAILED}, work, attempt)
        if attempt.phase is None:
            self.log.info("Job %s is finished already: its output is taken over, nothing is run", attempt.job)
            value = self.finish(context, connection, work, attempt)
            self._note_done(context, work, attempt)
            return value
        deadline = self._deadline(context)
        kept = {**(state or {}), "attempt": attempt.to_dict(), "deadline": deadline}
        if self.deferrable:
            self.note_waiting(context)
            self._defer(work, attempt, deadline, kept)
        event = self._wait(attempt, deadline, connection)
        return self._end(context, event, work, attempt, connection)

    def resume(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the deferral, where waiting in place would have."""
        from airflow_provider_mediabatch.batch.submission import Attempt

        if not isinstance(event, Mapping) or "outcome" not in event:
            raise MediaBatchError(f"the trigger gave no event that is known here: {event!r}")
        state = event["state"]
        attempt = Attempt(**state["attempt"])
        self._submitted = [(attempt.job, attempt.query_id)]
        return self._end(context, event, self.work_again(context, state), attempt)

    def on_kill(self) -> None:
        """Cancel the job: the task was killed while it waited in place (a deferred one is the trigger's to cancel)."""
        from airflow_provider_mediabatch.client import jobs

        for job, query_id in self._submitted:
            try:
                with connected(self.snowflake_conn_id) as connection:
                    jobs.cancel(connection, job, query_id)
            except Exception as error:
                self.log.error(
                    "Job %s could not be cancelled and may still bill (CALL %s!SPCS_CANCEL_JOB()): %s", job, job, error
                )
            else:
                self.log.info("Cancelled job %s: the task was killed", job)

    def note_waiting(self, context: Context) -> None:
        """Right before the task defers: what to end if somebody marks it before a triggerer runs its trigger."""
        waiting = {"snowflake_conn_id": self.snowflake_conn_id, "jobs": [list(item) for item in self._submitted]}
        context["ti"].xcom_push(key=WAITING_KEY, value=waiting)

    def stem(self, context: Context, fingerprint: str) -> str:
        """The name of this task instance's work."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else int(ti.map_index)
        return stem(
            dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=map_index, fingerprint=fingerprint
        )

    def _start(self, context: Context, connection: SnowflakeConnection, work: JobRequest, first: int) -> Attempt:
        """Find or submit; note it and push the link before anything is waited for."""
        from airflow_provider_mediabatch.batch import job_outcomes, submission

        store = context.get("task_state_store")
        stored = store.get(STORE_KEY) if store is not None else None
        found = submission.find(connection, work, stored=stored if isinstance(stored, Mapping) else None, first=first)
        if isinstance(found, int):
            job_outcomes.check_manifest_exists(connection, work.manifest)
            self.before_submit(context, connection, work, work.job(found))
            # Killed between here and the reply, the job would be there and nobody would cancel it.
            self._submitted = [(work.job(found), None)]
            attempt = submission.submit(connection, self.snowflake_conn_id, work, found)
            self.log.info("Submitted job %s (query %s)", attempt.job, attempt.query_id)
        else:
            attempt = found
            if attempt.phase is not None:
                self.log.info("Job %s is there already (%s): attaching to it", attempt.job, attempt.phase)
            elif attempt.failed:
                self.log.info("Job %s is there already, and has failed", attempt.job)
        self._submitted = [(attempt.job, attempt.query_id)]
        if store is not None:
            store.set(
                STORE_KEY,
                {
                    "fingerprint": work.fingerprint,
                    "generation": attempt.generation,
                    "query_id": attempt.query_id,
                    "job": attempt.job,
                    "started": attempt.started,
                },
            )
        url = statement_url(connection.account or "", connection.host or "", attempt.query_id)
        context["ti"].xcom_push(key=JOB_KEY, value={"job": attempt.job, "query_id": attempt.query_id, "url": url})
        push_location(context, connection, work.location(attempt.job))
        return attempt

    def before_submit(self, context: Context, connection: SnowflakeConnection, work: JobRequest, job: str) -> None:
        """Called right before a job is submitted; an error here starts nothing."""

    def _deadline(self, context: Context) -> float | None:
        """Epoch seconds, from the start of this try."""
        started = getattr(context["ti"], "start_date", None)
        begin = started.timestamp() if started is not None else time.time()
        limits = []
        if self.timeout is not None:
            limits.append(self.timeout.total_seconds() if isinstance(self.timeout, timedelta) else float(self.timeout))
        if self.execution_timeout is not None:
            seconds = self.execution_timeout.total_seconds()
            # Waiting in place, Airflow's own alarm would cut in at this very moment and leave the rules to it.
            limits.append(seconds if self.deferrable else seconds - min(5.0, 0.1 * seconds))
        return begin + min(limits) if limits else None

    def _defer(self, work: JobRequest, attempt: Attempt, deadline: float | None, state: dict[str, Any]) -> None:
        from airflow_provider_mediabatch.triggers.batch_job import BatchJobTrigger

        self.defer(
            trigger=BatchJobTrigger(
                snowflake_conn_id=self.snowflake_conn_id,
                job=attempt.job,
                query_id=attempt.query_id,
                phase=str(attempt.phase),
                started=attempt.started,
                deadline=deadline,
                poll_interval=self.poll_interval,
                output_location=work.location(attempt.job),
                cancel_on_timeout=self.cancel_on_timeout,
                state=state,
            ),
            method_name="resume",
        )

    def _wait(
        self, attempt: Attempt, deadline: float | None, connection: SnowflakeConnection | None = None
    ) -> dict[str, Any]:
        """Wait in place; the event that the trigger would have given."""
        from airflow_provider_mediabatch.batch.wait_for_job import wait

        poller = JobPoller(
            started=attempt.started,
            deadline=deadline,
            poll_interval=self.poll_interval,
            phase=Phase(attempt.phase or Phase.RUNNING) if attempt.query_id else Phase.RUNNING,
        )
        reported = [0.0]

        def report(decision: PollDecision) -> None:
            if decision.error and decision.outcome is None:
                self.log.warning("A poll of job %s failed: %s", attempt.job, decision.error)
            elif time.monotonic() - reported[0] >= _REPORT_SECONDS or decision.outcome is not None:
                reported[0] = time.monotonic()
                status = decision.status or str(poller.phase)
                self.log.info("Job %s: %s, %d s", attempt.job, status, time.time() - attempt.started)

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

    def _end(
        self,
        context: Context,
        event: Mapping[str, Any],
        work: JobRequest,
        attempt: Attempt,
        connection: SnowflakeConnection | None = None,
    ) -> dict[str, Any]:
        """What follows from the event: the verified result, or the error that says it all."""
        from airflow_provider_mediabatch.batch import job_outcomes

        error = job_outcomes.polling_error(event, attempt)
        if error is not None:
            raise error
        if job_outcomes.cancelled_by_clearing(event, attempt):
            self.log.info("Job %s of an earlier try was cancelled after this try had attached to it", attempt.job)
            with connected(self.snowflake_conn_id) as opened:
                return self.run_work(context, opened, work, first=attempt.generation, state=event.get("state"))
        if Outcome(event["outcome"]) is not Outcome.DONE:
            return self.failed(context, event, work, attempt)
        with still_connected(self.snowflake_conn_id, connection) as opened:
            value = self.finish(context, opened, work, attempt)
            self._note_done(context, work, attempt)
            return value

    def failed(self, context: Context, event: Mapping[str, Any], work: JobRequest, attempt: Attempt) -> dict[str, Any]:
        """What follows when the job ended otherwise than in DONE: an error, unless a subclass knows better."""
        from airflow_provider_mediabatch.batch import job_outcomes

        with connected(self.snowflake_conn_id) as connection:
            raise job_outcomes.outcome_error(
                connection, event, attempt, cancel_on_timeout=self.cancel_on_timeout, request=work
            )

    def _note_done(self, context: Context, work: JobRequest, attempt: Attempt) -> None:
        store = context.get("task_state_store")
        if store is not None:
            tries = max_tries(context)
            store.set(DONE_KEY, {"fingerprint": work.fingerprint, "generation": attempt.generation, "max_tries": tries})


def max_tries(context: Context) -> int | None:
    """The number of the task's last try, which changes when it is cleared."""
    return getattr(context["ti"], "max_tries", None)


def plan_of(value: Any) -> InferencePlan:
    """The plan of an XCom, refused as input when it is none."""
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan

    try:
        return InferencePlan.from_xcom(value)
    except ValueError as error:
        raise InvalidInputError(f"plan: {error}") from None


def manifests_of(value: Any) -> Sequence[Manifest]:
    """The manifests of an XCom, refused as input when they are none."""
    from airflow_provider_mediabatch.core.manifest import manifests_from_xcom

    try:
        return manifests_from_xcom(value)
    except ValueError as error:
        raise InvalidInputError(f"manifest: {error}") from None
