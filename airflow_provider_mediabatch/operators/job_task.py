"""What the tasks that run a batch inference job share: their arguments, links, deferral, and the end of their jobs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, Self

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferralError, TaskDeferralTimeout

from airflow_provider_mediabatch.batch.task_state import RunningJobs, TaskState
from airflow_provider_mediabatch.core.coercion import seconds, whole_number
from airflow_provider_mediabatch.core.error_column import ERROR_COLUMN, find_error_column
from airflow_provider_mediabatch.core.job_names import job_stem
from airflow_provider_mediabatch.core.task_notes import SubmittedJob
from airflow_provider_mediabatch.core.xcom_keys import FAILURE_KEY, JOB_KEY, WAITING_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import (
    default_deferrable,
    defaulting,
    deferrable_flag,
    flag,
    read_arguments,
)
from airflow_provider_mediabatch.links.batch_job import BatchJobLink
from airflow_provider_mediabatch.links.location import LocationLink, push_location
from airflow_provider_mediabatch.links.review import ReviewLink
from airflow_provider_mediabatch.links.snowsight import statement_url
from airflow_provider_mediabatch.operators.lineage import LineageMixin

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.batch.truth import TruthChecks
    from airflow_provider_mediabatch.batch.wait_for_job import JobWait
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan

Execute = Callable[..., dict[str, Any]]


DEFAULT_ISOLATION_JOBS = 8
DEFER_AFTER = 10.0
"""About what a deferral takes, so that a wait never takes twice what it would have taken with the better choice."""
TRIGGER_PATIENCE = timedelta(minutes=10)
"""How long after its deadline a trigger may still be without a triggerer that ends it."""


def _isolation_jobs(name: str, value: object) -> int:
    from airflow_provider_mediabatch.batch.isolation_rounds import MAX_JOBS, MIN_JOBS

    return whole_number(name, value, MIN_JOBS, MAX_JOBS) or DEFAULT_ISOLATION_JOBS


def notes_failure(execute: Execute) -> Execute:
    """A method of a task that reads the task's arguments first, and notes why it failed, for the review page."""

    @wraps(execute)
    def noting(self: JobTask, context: Context, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            read_arguments(self, self.readers)
            return execute(self, context, *args, **kwargs)
        except AirflowSkipException:
            raise
        except Exception as error:
            self._note_failure(context, error)
            raise

    return noting


class JobTask(LineageMixin, BaseOperator):
    """Airflow's side of SampleBatchOperator and FullBatchOperator. Not an operator of its own.

    Each of them holds a :class:`~.batch.batch_run.BatchRun`, which knows the way of a job; here is what only Airflow
    needs to know.

    :param deferrable: after ``defer_after``, wait in the triggerer instead of holding a worker slot;
        Airflow's ``[operators] default_deferrable`` unless given.
    :param poll_interval: seconds between two polls of the job, or a timedelta; None: growing from 0.3 to 30.
    :param defer_after: seconds, or a timedelta, that a deferrable task waits for its job in place before it defers. A
        deferral takes about ten seconds itself: Airflow records it, and starts the task again. So a job of seconds ends
        sooner without. 0: defer at once.
    :param timeout: how long to wait for the job, image build included: seconds or a timedelta; None: without a limit.
        Airflow's ``execution_timeout`` counts as well, deferred or not.
    :param cancel_on_timeout: cancel the job when the time is over. With False it runs on and incurs cost, and a retry
        attaches to it.
    :param isolate_failures: when the model raises, which fails the whole job: run the files again in parts, each a job,
        and the parts that fail again in smaller ones, until the files that fail are known. They are quarantined with
        their error (in the result, and in the ledger), and the other files are finished. Not for partitioned methods.
    :param max_isolation_jobs: jobs of one such round, 2 to 100, which run side by side. When more than half as many
        parts fail in a round, the files of these parts are quarantined together.
    :param error_column: the model's text output that says why a row failed, NULL or empty where it went well: such
        files are quarantined with that text, and nothing is run again. The default need not be among the
        model's outputs, another name must be. None: no output means that.
    :param labels: what is right, to measure the predictions by: a table or a query whose first column names a file (its
        full stage path, its path on the stage, its name or its stem) and whose second one is the expected label, of the
        output of the same name, else of the first text. The review page's ``MEDIABATCH_FEEDBACK`` works too. Files
        without a label are counted and left out.
    :param min_accuracy: the least share of labelled files, 0 to 1, whose prediction must be right.
    :param max_word_error_rate: for texts, the highest word error rate: wrong words by the words of the expected texts.
    :param snowflake_conn_id: Airflow connection of type ``snowflake``.
    """

    template_fields: Sequence[str] = (
        "deferrable",
        "poll_interval",
        "defer_after",
        "timeout",
        "cancel_on_timeout",
        "isolate_failures",
        "max_isolation_jobs",
        "error_column",
        "labels",
        "min_accuracy",
        "max_word_error_rate",
        "snowflake_conn_id",
    )
    readers: Mapping[str, Callable[[str, Any], Any]] = {
        "deferrable": deferrable_flag,
        "poll_interval": seconds,
        "defer_after": defaulting(seconds, DEFER_AFTER),
        "timeout": seconds,
        "cancel_on_timeout": flag(default=True),
        "isolate_failures": flag(default=False),
        "max_isolation_jobs": _isolation_jobs,
    }
    """What reads the arguments that a template gives as text. The measures and prices are read where they are used."""
    operator_extra_links = (BatchJobLink(), LocationLink(), ReviewLink())

    def __init__(
        self,
        *,
        deferrable: bool | str | None = None,
        poll_interval: float | timedelta | str | None = None,
        defer_after: float | timedelta | str = DEFER_AFTER,
        timeout: float | timedelta | str | None = None,
        cancel_on_timeout: bool | str = True,
        isolate_failures: bool | str = False,
        max_isolation_jobs: int | str = DEFAULT_ISOLATION_JOBS,
        error_column: str | None = ERROR_COLUMN,
        labels: str | None = None,
        min_accuracy: float | str | None = None,
        max_word_error_rate: float | str | None = None,
        snowflake_conn_id: str = "snowflake_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Numbers, truth values and durations may be text of a template until a task's method reads them.
        self.deferrable: Any = default_deferrable() if deferrable is None else deferrable
        self.poll_interval: Any = poll_interval
        self.defer_after: Any = defer_after
        self.timeout: Any = timeout
        self.cancel_on_timeout: Any = cancel_on_timeout
        self.isolate_failures: Any = isolate_failures
        self.max_isolation_jobs: Any = max_isolation_jobs
        self.error_column = error_column
        self.labels = labels
        self.min_accuracy = min_accuracy
        self.max_word_error_rate = max_word_error_rate
        self.snowflake_conn_id = snowflake_conn_id
        self._running_jobs = RunningJobs()
        self._began = time.monotonic()

    def on_kill(self) -> None:
        """Cancel the jobs: the task was killed while it waited in place. Those of a deferred task are its trigger's.

        Airflow's alarm of ``execution_timeout`` comes here too, when a poll takes longer than what is left for it.
        """
        limit = self.execution_timeout
        if limit is not None and not self.cancel_on_timeout and time.monotonic() - self._began >= limit.total_seconds():
            self._running_jobs.leave()
            self.log.warning("The time is over. With cancel_on_timeout=False this goes on: %s", self._running_jobs)
            return
        self._running_jobs.end(self.snowflake_conn_id, self.log)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after a deferral; where the trigger could not run, wait in place, as a retry would that finds the job.

        A triggerer without this package fails the trigger, and without any triggerer the deferral ends
        :data:`TRIGGER_PATIENCE` after the deadline. Airflow's own method raises then before the task hears of it, and
        the job would run on.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralError, TaskDeferralTimeout) as error:
            self.log.warning("No triggerer could wait for the job (%s): this task waits for it in place", error)
            self.deferrable = False
            return self.execute(context)

    def prepare_for_execution(self) -> Self:
        """A copy for one try, with jobs of its own: ``dag.test()`` runs the next try in the same process."""
        prepared = super().prepare_for_execution()
        prepared._running_jobs = copy(self._running_jobs)
        prepared._began = time.monotonic()
        return prepared

    def _note_failure(self, context: Context, error: Exception) -> None:
        """Push why this try failed. That Airflow cannot be reached must not hide it."""
        from airflow_provider_mediabatch.batch.job_log import failure_note

        try:
            context["ti"].xcom_push(key=FAILURE_KEY, value=failure_note(error).to_xcom())
        except Exception:
            self.log.warning("The failure could not be noted for the review page", exc_info=True)

    def _job_stem(self, context: Context, fingerprint: str) -> str:
        """The name of this task instance's job, without its generation."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else int(ti.map_index)
        return job_stem(
            dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=map_index, fingerprint=fingerprint
        )

    def _task_state(self, context: Context) -> TaskState:
        return TaskState(context, self._running_jobs, self.log)

    def _job_wait(self, context: Context, state: Mapping[str, Any] | None = None) -> JobWait:
        """How this try waits.

        :param state: of a deferral: the deadline is the one that counted before it.
        """
        from airflow_provider_mediabatch.batch.wait_for_job import JobWait

        return JobWait(
            snowflake_conn_id=self.snowflake_conn_id,
            deferrable=self.deferrable,
            deadline=self._deadline(context) if state is None else state["deadline"],
            poll_interval=self.poll_interval,
            cancel_on_timeout=self.cancel_on_timeout,
            defer_after=self.defer_after,
        )

    def _check_isolation(self, plan: InferencePlan) -> None:
        if self.isolate_failures and (plan.partition_column is not None or not plan.keeps_rows):
            raise InvalidInputError(
                "isolate_failures=True: this method works on whole partitions, which cannot be cut into parts. "
                "Leave it out for partitioned methods"
            )

    def _find_error_column(self, plan: InferencePlan) -> str | None:
        """The model's output that says why a row failed, as the signature writes it."""
        try:
            return find_error_column(plan, self.error_column)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None

    def _truth(self) -> TruthChecks | None:
        """What the output is compared with."""
        from airflow_provider_mediabatch.operators.measure_arguments import truth_checks_of

        return truth_checks_of(self)

    def _deadline(self, context: Context) -> float | None:
        """Epoch seconds, from the start of this try."""
        started = getattr(context["ti"], "start_date", None)
        begin = started.timestamp() if started is not None else time.time()
        limits = []
        if self.timeout is not None:
            limits.append(self.timeout)
        if self.execution_timeout is not None:
            seconds = self.execution_timeout.total_seconds()
            # In place, Airflow's own alarm would raise at this very moment and cut off the rules of cancel_on_timeout.
            limits.append(seconds if self.deferrable else seconds - min(5.0, 0.1 * seconds))
        return begin + min(limits) if limits else None

    def _push_links(
        self, context: Context, request: JobRequest, connection: SnowflakeConnection, attempt: Attempt
    ) -> None:
        """Push where the job and its output are, before the task waits."""
        url = statement_url(connection.account or "", connection.host or "", attempt.query_id)
        plan = request.plan
        job = SubmittedJob(
            job=attempt.job,
            query_id=attempt.query_id,
            url=url,
            manifest=request.manifest.to_xcom(),
            model=f"{plan.model} version {plan.model_version}, {plan.function}",
            replicas=plan.replicas or 1,
        )
        context["ti"].xcom_push(key=JOB_KEY, value=job.to_xcom())
        push_location(context, connection, request.location(attempt.job))

    def _defer_job(
        self, context: Context, request: JobRequest, wait: JobWait, state: Mapping[str, Any], attempt: Attempt
    ) -> NoReturn:
        """Defer until the job has ended; Airflow then calls ``execute_complete``.

        :param state: what ``execute_complete`` needs, beside the attempt and the deadline.
        """
        from airflow_provider_mediabatch.triggers.batch_job import BatchJobTrigger

        self._push_waiting(context)
        trigger = BatchJobTrigger(
            snowflake_conn_id=wait.snowflake_conn_id,
            job=attempt.job,
            query_id=attempt.query_id,
            phase=str(attempt.phase),
            started=attempt.started,
            deadline=wait.deadline,
            poll_interval=wait.poll_interval,
            output_location=request.location(attempt.job),
            cancel_on_timeout=wait.cancel_on_timeout,
            in_dag_test=_runs_in_dag_test(context),
            state={**state, "attempt": attempt.to_dict(), "deadline": wait.deadline},
        )
        self.defer(trigger=trigger, method_name="execute_complete", timeout=_patience(wait))

    def _defer_round(
        self,
        context: Context,
        wait: JobWait,
        state: Mapping[str, Any],
        number: int,
        attempts: Sequence[Attempt],
        isolation: Mapping[str, Any],
    ) -> NoReturn:
        """Defer until each job of an isolation round has ended; Airflow then calls ``execute_round_complete``.

        :param state: what ``execute_round_complete`` needs, beside the isolation's and the deadline.
        :param number: the round.
        :param attempts: those of its jobs that have not ended.
        :param isolation: what the isolation needs to go on.
        """
        from airflow_provider_mediabatch.triggers.isolation_round import IsolationRoundTrigger

        trigger = IsolationRoundTrigger(
            snowflake_conn_id=wait.snowflake_conn_id,
            round_number=number,
            jobs=[{key: getattr(item, key) for key in ("job", "query_id", "phase", "started")} for item in attempts],
            deadline=wait.deadline,
            poll_interval=wait.poll_interval,
            cancel_on_timeout=wait.cancel_on_timeout,
            in_dag_test=_runs_in_dag_test(context),
            state={**isolation, **state, "deadline": wait.deadline},
        )
        self.defer(trigger=trigger, method_name="execute_round_complete", timeout=_patience(wait))

    def _push_waiting(self, context: Context) -> None:
        """Push which jobs to cancel if somebody marks the task while no worker and no triggerer waits for them."""
        ti = context["ti"]
        waiting = {
            "snowflake_conn_id": self.snowflake_conn_id,
            "jobs": self._running_jobs.to_list(),
            "try_number": ti.try_number,  # by which a trigger knows whether it is its own try that waits
        }
        ti.xcom_push(key=WAITING_KEY, value=waiting)


def _patience(wait: JobWait) -> timedelta | None:
    """How long the trigger may take: it ends by itself at the deadline, if a triggerer runs it."""
    return (
        None if wait.deadline is None else timedelta(seconds=max(0.0, wait.deadline - time.time())) + TRIGGER_PATIENCE
    )


def _runs_in_dag_test(context: Context) -> bool:
    """Whether this process waits for the trigger itself: in ``dag.test()`` and ``airflow dags test``, by the user name
    that they give the run, and in ``airflow tasks test``, by a variable that it sets.
    """
    tested = getattr(context.get("dag_run"), "triggering_user_name", None) == "dag_test"
    return tested or os.environ.get("AIRFLOW_TEST_MODE") == "True"
