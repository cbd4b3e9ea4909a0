"""What is done about a job whose model raised: its rows run again in parts, until the files that fail are known.

The rounds follow from the number of rows and from how the parts ended (:mod:`.isolation_rounds`), and the jobs' names
from the rounds (:mod:`.isolation_jobs`). So every try takes the same way and finds the jobs of the earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from airflow_provider_mediabatch.batch import job_outcomes, submission
from airflow_provider_mediabatch.batch.isolation_jobs import IsolationJobs
from airflow_provider_mediabatch.batch.isolation_rounds import (
    FinishedRange,
    RowRange,
    all_single,
    every_range_failed,
    failed_ranges,
    listed_files,
    next_ranges,
)
from airflow_provider_mediabatch.batch.job_log import LOG_FOLLOWS, model_exception, process_end
from airflow_provider_mediabatch.batch.job_polling import Outcome
from airflow_provider_mediabatch.batch.ledger_results import model_has_worked, record_result
from airflow_provider_mediabatch.batch.row_errors import (
    RowErrors,
    model_at_fault,
    quarantine_failed_rows,
    read_row_errors,
)
from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
from airflow_provider_mediabatch.client.connection import connected
from airflow_provider_mediabatch.client.containers import JobEnd
from airflow_provider_mediabatch.client.errors import error_text
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.exceptions import MediaBatchError, TooManyQuarantinedError
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.task_state import TaskState
    from airflow_provider_mediabatch.batch.wait_for_job import JobWait
    from airflow_provider_mediabatch.core.batch_result import BatchResult

_ENDED = "Its jobs have all ended and incur no more cost."
_SAME_JOBS = "A retry finds the same jobs and starts none"
T = TypeVar("T")


@dataclass(frozen=True)
class FailureIsolation(Generic[T]):
    """Finds the files that make a request's job fail, and finishes the others.

    :param request: the batch.
    :param wait: how to wait; the deadline counts for all rounds together.
    :param task: notes of earlier tries, and the jobs that end with the task.
    :param max_jobs: most jobs of one round.
    :param before_submit: called with the failed job's name and the folder of the isolation's output, before the first
        job of a round is submitted.
    :param on_running: called when a further job of a round is among the task's, before anything is waited for.
    :param model_works: whether the model is known to process files. Then files that have each failed alone are at
        fault, even if no other file was tried.
    :param finish: makes the result of the files that do not fail, and quarantines the others.
    :param defer: defers the task until every job of a round has ended: given the round's number, the attempts that are
        not over, and the state that :meth:`resume` needs. It never returns.
    """

    request: JobRequest
    wait: JobWait
    task: TaskState
    max_jobs: int
    before_submit: Callable[[SnowflakeConnection, str, str], None]
    on_running: Callable[[], None]
    model_works: Callable[[SnowflakeConnection], bool]
    finish: Callable[[SnowflakeConnection, IsolationJobs, Attempt, Sequence[FinishedRange]], T]
    defer: Callable[[int, Sequence[Attempt], Mapping[str, Any]], NoReturn]

    def run(self, failed: Attempt, finished: Sequence[FinishedRange] = ()) -> T:
        """Round after round, then one result without the files that fail.

        :param failed: the request's job, which ended as FAILED.
        :param finished: the ranges of rounds that are over.
        :raises TooManyQuarantinedError: when every range fails, which is the model and not a single file.
        """
        isolation = IsolationJobs(self.request, failed.job, self.max_jobs)
        finished = finished or self._answered(failed)
        while ranges := next_ranges(self.request.manifest.row_count, finished, self.max_jobs):
            with connected(self.wait.snowflake_conn_id) as connection:
                attempts = self._start_round(connection, isolation, ranges)
            running = [attempt for attempt in attempts.values() if attempt.phase is not None]
            if running and self.wait.deferrable:
                self.defer(ranges[0].round, running, _state(failed, finished, attempts))
            # One after the other, which takes as long as the last one takes.
            events = {attempt.job: self.wait.in_place(attempt, self.task.log) for attempt in running}
            finished = [*finished, *self._end_round(isolation, attempts, events)]
        with connected(self.wait.snowflake_conn_id) as connection:
            if every_range_failed(finished) and not (all_single(finished) and self.model_works(connection)):
                self.task.note_done(self.request, failed)
                raise _model_error(connection, isolation, len(finished))
            result = self.finish(connection, isolation, failed, finished)
        self.task.note_done(self.request, failed)
        return result

    def resume(self, event: Mapping[str, Any]) -> T:
        """Go on in the process that follows a round's deferral.

        :param event: the trigger's.
        """
        state = event["state"]
        failed = Attempt(**state["attempt"])
        attempts = {RowRange(*values): Attempt(**attempt) for values, attempt in state["round"]}
        self.task.running.replace((item.job, item.query_id) for item in attempts.values() if item.phase)
        finished = [FinishedRange.of(values) for values in state["finished"]]
        isolation = IsolationJobs(self.request, failed.job, self.max_jobs)
        return self.run(failed, [*finished, *self._end_round(isolation, attempts, event["events"])])

    def _answered(self, failed: Attempt) -> list[FinishedRange]:
        """A single row cannot be cut. When the model raised for it, the failed job itself is the answer."""
        if self.request.manifest.row_count > 1:
            return []
        with connected(self.wait.snowflake_conn_id) as connection:
            raised = model_exception(JobEnd(connection, failed.job, self.request.plan.replicas).log)
        return [FinishedRange(RowRange(0, 0, 1), failed.generation, False)] if raised else []

    def _start_round(
        self, connection: SnowflakeConnection, isolation: IsolationJobs, ranges: Sequence[RowRange]
    ) -> dict[RowRange, Attempt]:
        """Find each range's job, and submit those that are missing."""
        number = ranges[0].round
        noted = self.task.noted_round(number)
        attempts: dict[RowRange, Attempt] = {}
        self.task.running.replace([])
        checked = False
        for row_range in ranges:
            request = isolation.range_request(row_range)
            try:
                found = submission.find(connection, request, stored=noted.get(request.stem))
                if isinstance(found, int):
                    if not checked:
                        submission.check_version(connection, self.request)
                        # The ledger keeps the failed job's name, from which the names of all jobs of all rounds follow.
                        self.before_submit(connection, isolation.job, isolation.location)
                        checked = True
                    # The rows are staged only now: a range whose job is there needs no manifest of its own any more.
                    staged = isolation.stage_range(connection, row_range)
                    found = self.task.submit(connection, self.wait.snowflake_conn_id, staged, found)
                    # After each submission: a try that is lost in the middle of a round leaves no job unknown.
                    noted[request.stem] = {"fingerprint": request.fingerprint, **found.to_dict()}
                    self.task.note_round(number, noted)
                elif found.phase is not None:
                    self.task.attach(self.wait.snowflake_conn_id, found)
                if found.phase is not None:
                    self.on_running()
            except Exception as error:
                if self.task.running.ended or not self.task.running:
                    raise
                raise self._round_error(error) from error
            attempts[row_range] = found
        self.task.log.info(
            "Isolation, round %d: %d parts of %d rows, %d of them finished already",
            *(number, len(ranges), sum(item.rows for item in ranges)),
            sum(item.phase is None for item in attempts.values()),
        )
        return attempts

    def _round_error(self, error: Exception) -> MediaBatchError:
        """The error of a round of which some jobs run and some could not be started. No try follows the last one."""
        what = error.what if isinstance(error, MediaBatchError) else error_text(error)
        jobs = str(self.task.running)
        if self.task.is_last_try and self.task.running.cancel(self.wait.snowflake_conn_id, self.task.log):
            return MediaBatchError(
                what,
                running=f"The jobs of the same round were cancelled and incur no more cost: {jobs}.",
                retry="A cleared task will start them again under their next names.",
            )
        return MediaBatchError(
            what,
            running=f"Jobs of the same round may still run and incur cost: {jobs}.",
            retry="A retry will attach to them and start only what is missing.",
        )

    def _end_round(
        self,
        isolation: IsolationJobs,
        attempts: Mapping[RowRange, Attempt],
        events: Mapping[str, Mapping[str, Any]],
    ) -> list[FinishedRange]:
        """How the ranges ended. Output is verified; an end that says nothing about the files is an error.

        :param events: by job, of those that were waited for.
        """
        for attempt in attempts.values():
            event = events.get(attempt.job)
            error = job_outcomes.polling_error(event, attempt) if event is not None else None
            if error is not None:
                raise error
            cleared = event is not None and job_outcomes.cancelled_by_clearing(event, attempt)
            if cleared and not self.task.running.ended:
                # As for a batch's own job. The same round starts again: what is finished is found, the rest submitted.
                self.task.log.info("Job %s of an earlier try was cancelled after this try attached to it", attempt.job)
                return []
        errors: list[MediaBatchError] = []
        finished: list[FinishedRange] = []
        with connected(self.wait.snowflake_conn_id) as connection:
            for row_range, attempt in attempts.items():
                event = events.get(attempt.job)
                if attempt.failed or (event is not None and job_outcomes.model_raised(event)):
                    finished.append(FinishedRange(row_range, attempt.generation, False))
                elif event is not None and Outcome(event["outcome"]) is not Outcome.DONE:
                    cancel = self.wait.cancel_on_timeout
                    errors.append(job_outcomes.outcome_error(connection, event, attempt, cancel_on_timeout=cancel))
                else:
                    job_outcomes.verify_output(connection, isolation.range_request(row_range), attempt, is_part=True)
                    finished.append(FinishedRange(row_range, attempt.generation, True))
        if errors:
            # Only now, so that a timeout has cancelled every job of the round.
            raise errors[0]
        return finished


def record_isolated(
    request: JobRequest,
    connection: SnowflakeConnection,
    isolation: IsolationJobs,
    failed: Attempt,
    finished: Sequence[FinishedRange],
    *,
    sampled: int,
) -> BatchResult:
    """FullBatch's result: one whole folder; files that fail are quarantined, the others recorded.

    Repeating it changes nothing.

    :param sampled: files that the model has processed in this run's sample.
    :raises TooManyQuarantinedError: no file went well, and the model is not known to work. Nothing is quarantined then.
    """
    rows = isolation.complete_output(connection, finished)
    errors = read_row_errors(connection, request, isolation.location) if rows else RowErrors()
    if errors.count and errors.count == rows and not model_has_worked(request, connection, sampled=sampled):
        raise model_at_fault(failed.job, errors)
    files = quarantine(request, connection, isolation, failed, finished)
    quarantine_failed_rows(connection, request, failed.job, isolation.location, errors)
    return record_result(
        connection,
        request,
        failed,
        rows=rows,
        location=isolation.location,
        quarantined=listed_files([*files, *errors.files]),
        quarantined_count=sum(item.row_range.rows for item in failed_ranges(finished)) + errors.count,
        failed_rows=errors.count,
    )


def quarantine(
    request: JobRequest,
    connection: SnowflakeConnection,
    isolation: IsolationJobs,
    failed: Attempt,
    finished: Sequence[FinishedRange],
) -> list[dict[str, str]]:
    """Quarantine the files that fail in the ledger, if there is one.

    :return: the first of them, each with its error.
    """
    errors = isolation.range_errors(connection, finished)
    if not errors:
        return []
    claimed = ClaimedRows.of(connection, request.manifest)
    if claimed is not None:
        select = isolation.quarantined_rows_sql(StagedParquet(connection, request.plan.job_schema), errors)
        claimed.quarantine_rows(failed.job, select)
    return isolation.quarantined_files(connection, errors)


def _state(failed: Attempt, finished: Sequence[FinishedRange], attempts: Mapping[RowRange, Attempt]) -> dict[str, Any]:
    """What :meth:`FailureIsolation.resume` needs, in plain types."""
    return {
        "attempt": failed.to_dict(),
        "finished": [item.to_list() for item in finished],
        "round": [[[item.round, item.low, item.high], attempt.to_dict()] for item, attempt in attempts.items()],
    }


def _model_error(connection: SnowflakeConnection, isolation: IsolationJobs, count: int) -> TooManyQuarantinedError:
    """The error of an isolation in which every range failed.

    :param count: how many ranges.
    """
    end = JobEnd(connection, isolation.job, isolation.request.plan.replicas)
    died = process_end(end.ends)
    single = isolation.request.manifest.row_count == 1
    tried = "" if single else f", and all {count} jobs for parts of its files failed too"
    return TooManyQuarantinedError(
        f"Job {isolation.job} ended as FAILED{tried}. "
        "Either the model fails for every file, or every part has files that fail. "
        f"{f'{died}. ' if died else ''}"
        f"It ran {job_outcomes.file_names(connection, isolation.request)}.{LOG_FOLLOWS}{end.log}",
        running=_ENDED,
        retry=f"{_SAME_JOBS}; on_rerun='rerun' runs everything again when the task is cleared.",
    )
