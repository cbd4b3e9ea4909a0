"""What FullBatch does about a job that failed: its rows again in parts, until it is known which are bad."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_mediabatch.batch.isolation_rounds import (
    FinishedRange,
    RowRange,
    check_limits,
    every_range_failed,
    failed_ranges,
    next_ranges,
)
from airflow_provider_mediabatch.batch.job_polling import Outcome
from airflow_provider_mediabatch.client.connection import connected
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.job_status import JobStatus
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError, TooManyQuarantinedError
from airflow_provider_mediabatch.operators.batch_job import BatchJobOperator

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.isolation_jobs import IsolationJobs
    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan

ROUND_KEY = "mediabatch_round"
"""XCom key of the result of a task that fails all the same: the review page shows it."""

_NAMED = 10
_ENDED = "Its jobs have all ended and bill no more."
_SAME = "A retry finds the same jobs and starts none"


class IsolatingJobOperator(BatchJobOperator):
    """Base of FullBatchOperator: isolates the files that make a job fail. Not for use by itself.

    :param isolate_failures: when the model raises, run the rows again in parts and finish the good files.
    :param max_isolation_jobs: jobs of one round, which run side by side.
    :param max_failed_fraction: the task still succeeds when no larger a share of the rows is bad.
    """

    def __init__(
        self,
        *,
        isolate_failures: bool = False,
        max_isolation_jobs: int = 8,
        max_failed_fraction: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.isolate_failures = isolate_failures
        self.max_isolation_jobs = max_isolation_jobs
        self.max_failed_fraction = max_failed_fraction

    @abstractmethod
    def recorded(
        self,
        connection: SnowflakeConnection,
        work: JobRequest,
        attempt: Attempt,
        *,
        rows: int,
        location: str,
        quarantined: Sequence[Mapping[str, str]] = (),
        count: int = 0,
    ) -> BatchResult:
        """Describe verified output and record it in the ledger.

        :param quarantined: files that were put aside, as many as the result lists.
        :param count: how many they are.
        """

    def check_isolation(self, plan: InferencePlan) -> None:
        """Refuse what cannot be isolated, and arguments out of their range."""
        try:
            check_limits(self.max_isolation_jobs, self.max_failed_fraction)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
        if self.isolate_failures and (plan.partition_column is not None or not plan.keeps_rows):
            raise InvalidInputError(
                "isolate_failures=True: this method works on whole partitions, which cannot be cut into parts. "
                "Leave it out for partitioned methods"
            )

    def failed(self, context: Context, event: Mapping[str, Any], work: JobRequest, attempt: Attempt) -> dict[str, Any]:
        """A job whose model raised is isolated; every other end is an error as ever."""
        if not (work.keeps_failure and _raised(event)):
            return super().failed(context, event, work, attempt)
        state = event.get("state") or {}
        deadline = state["deadline"] if "deadline" in state else self._deadline(context)
        return self._isolate(context, work, attempt, [], deadline)

    def resume_round(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a round that was waited for by the trigger."""
        from airflow_provider_mediabatch.batch.submission import Attempt

        if not isinstance(event, Mapping) or "events" not in event:
            raise MediaBatchError(f"the trigger gave no event that is known here: {event!r}")
        state = event["state"]
        attempts = {RowRange(*part): Attempt(**values) for part, values in state["round"]}
        self._submitted = [(item.job, item.query_id) for item in attempts.values() if item.phase]
        work, attempt = self.work_again(context, state), Attempt(**state["attempt"])
        settled = [FinishedRange.of(values) for values in state["settled"]]
        settled += self._settle(self._isolation(work, attempt), attempts, event["events"])
        return self._isolate(context, work, attempt, settled, state["deadline"])

    def judge(self, context: Context, result: BatchResult) -> dict[str, Any]:
        """The task's value, or its failure when too many files are bad. The good ones are recorded either way."""
        count, rows = result.quarantined_count, result.rows + result.quarantined_count
        if not count:
            return result.to_xcom()
        jobs, limit = check_limits(self.max_isolation_jobs, self.max_failed_fraction)
        names = "\n".join(f"- {item['path']}: {item['error'].splitlines()[0]}" for item in result.quarantined[:_NAMED])
        if count > _NAMED:
            names += f"\n- and {count - _NAMED:,} more"
        what = f"The model raises for {count:,} of {rows:,} rows"
        if count > limit * rows:
            context["ti"].xcom_push(key=FAILED_RESULT_KEY, value=result.to_xcom())
            raise TooManyQuarantinedError(
                f"{what}, more than max_failed_fraction={limit:g} allows:\n{names}\nThe other {result.rows:,} rows are "
                f"whole in {result.location}, and are done in the ledger, if there is one.",
                running=_ENDED,
                retry=f"{_SAME}: with a larger max_failed_fraction the cleared task takes this result as it is, with "
                f"more than max_isolation_jobs={jobs} it isolates anew.",
            )
        self.log.warning("%s; they are put aside:\n%s", what, names)
        return result.to_xcom()

    def _isolation(self, work: JobRequest, attempt: Attempt) -> IsolationJobs:
        from airflow_provider_mediabatch.batch.isolation_jobs import IsolationJobs

        return IsolationJobs(work, attempt.job, int(self.max_isolation_jobs))

    def _isolate(
        self, context: Context, work: JobRequest, attempt: Attempt, settled: list[FinishedRange], deadline: float | None
    ) -> dict[str, Any]:
        """Round after round, then the end. Every try goes the same way and meets the jobs of the earlier ones."""
        isolation = self._isolation(work, attempt)
        while parts := next_ranges(work.manifest.row_count, settled, isolation.max_jobs):
            with connected(self.snowflake_conn_id) as connection:
                attempts = self._start_round(context, connection, isolation, parts)
            waiting = [item for item in attempts.values() if item.phase is not None]
            if waiting and self.deferrable:
                state = {
                    "output_location": work.output_location,
                    "attempt": attempt.to_dict(),
                    "settled": [item.to_list() for item in settled],
                    "round": [[[part.round, part.low, part.high], item.to_dict()] for part, item in attempts.items()],
                    "deadline": deadline,
                }
                self.note_waiting(context)
                self._defer_round(parts[0].round, waiting, deadline, state)
            settled = settled + self._settle(isolation, attempts, self._wait_for_all(waiting, deadline))
        with connected(self.snowflake_conn_id) as connection:
            if every_range_failed(settled):
                self._note_done(context, work, attempt)
                self._fail_whole(connection, isolation, settled)
            result = self._finish(connection, isolation, attempt, settled)
        self._note_done(context, work, attempt)
        return self.reported(self.judge(context, result))

    def _start_round(
        self, context: Context, connection: SnowflakeConnection, isolation: IsolationJobs, parts: Sequence[RowRange]
    ) -> dict[RowRange, Attempt]:
        """Find each part's job, and submit those that are missing."""
        from airflow_provider_mediabatch.batch import submission

        store = context.get("task_state_store")
        noted: Any = store.get(ROUND_KEY) if store is not None else None
        noted = dict(noted) if isinstance(noted, Mapping) else {}
        attempts: dict[RowRange, Attempt] = {}
        self._submitted = []
        first = True
        for part in parts:
            work = isolation.range_request(part)
            found = submission.find(connection, work, stored=noted.get(work.stem))
            if isinstance(found, int):
                try:
                    if first:
                        self.before_submit(context, connection, isolation.request, work.job(found))
                        first = False
                    work = isolation.stage_range(connection, part)
                    attempt = submission.submit(connection, self.snowflake_conn_id, work, found)
                except MediaBatchError as error:
                    if not self._submitted:
                        raise
                    names = ", ".join(job for job, _ in self._submitted)
                    raise MediaBatchError(
                        error.what,
                        running=f"Jobs of the same round run on, and bill: {names}.",
                        retry="A retry will attach to them and start only what is missing.",
                    ) from error
                if store is not None:
                    noted = {key: item for key, item in noted.items() if f"_R{part.round}_" in key}
                    noted[work.stem] = {"fingerprint": work.fingerprint, **attempt.to_dict()}
                    store.set(ROUND_KEY, noted)
            else:
                attempt = found
            attempts[part] = attempt
            if attempt.phase is not None:
                self._submitted.append((attempt.job, attempt.query_id))
        self.log.info(
            "IsolationJobs, round %d: %d parts of %d rows, %d of them finished already",
            *(parts[0].round, len(parts), sum(part.rows for part in parts)),
            sum(item.phase is None for item in attempts.values()),
        )
        return attempts

    def _defer_round(
        self, number: int, waiting: Sequence[Attempt], deadline: float | None, state: Mapping[str, Any]
    ) -> NoReturn:
        from airflow_provider_mediabatch.triggers.isolation_round import IsolationRoundTrigger

        self.defer(
            trigger=IsolationRoundTrigger(
                snowflake_conn_id=self.snowflake_conn_id,
                round_number=number,
                jobs=[{key: getattr(item, key) for key in ("job", "query_id", "phase", "started")} for item in waiting],
                deadline=deadline,
                poll_interval=self.poll_interval,
                cancel_on_timeout=self.cancel_on_timeout,
                state=state,
            ),
            method_name="resume_round",
        )

    def _wait_for_all(self, waiting: Sequence[Attempt], deadline: float | None) -> dict[str, dict[str, Any]]:
        """Wait in place, for one after the other: that takes as long as the last one takes."""
        return {item.job: self._wait(item, deadline) for item in waiting}

    def _settle(
        self, isolation: IsolationJobs, attempts: Mapping[RowRange, Attempt], events: Mapping[str, Mapping[str, Any]]
    ) -> list[FinishedRange]:
        """How the parts ended: good ones are verified; an end that says nothing of the files is an error."""
        from airflow_provider_mediabatch.batch import job_outcomes

        errors: list[MediaBatchError] = []
        settled: list[FinishedRange] = []
        for attempt in attempts.values():
            error = job_outcomes.polling_error(events[attempt.job], attempt) if attempt.job in events else None
            if error is not None:
                raise error
            if attempt.job in events and job_outcomes.cancelled_by_clearing(events[attempt.job], attempt):
                self.log.info("Job %s of an earlier try was cancelled after this try attached to it", attempt.job)
                return []  # The same round again: what is finished is found, what is missing is started.
        with connected(self.snowflake_conn_id) as connection:
            for part, attempt in attempts.items():
                event = events.get(attempt.job)
                if attempt.failed or (event is not None and _raised(event)):
                    settled.append(FinishedRange(part, attempt.generation, False))
                elif event is not None and Outcome(event["outcome"]) is not Outcome.DONE:
                    cancel = self.cancel_on_timeout
                    errors.append(job_outcomes.outcome_error(connection, event, attempt, cancel_on_timeout=cancel))
                else:
                    job_outcomes.verify_output(connection, isolation.range_request(part), attempt)
                    settled.append(FinishedRange(part, attempt.generation, True))
        if errors:
            raise errors[0]
        return settled

    def _fail_whole(
        self, connection: SnowflakeConnection, isolation: IsolationJobs, settled: Sequence[FinishedRange]
    ) -> NoReturn:
        from airflow_provider_mediabatch.client import jobs

        tail = jobs.logs(connection, isolation.job)
        raise TooManyQuarantinedError(
            f"Job {isolation.job} ended as FAILED, and so did each of the {len(settled)} jobs that ran a part of its "
            "files: that is the model and not a single file, or bad files are everywhere."
            f"\nThe end of its log:\n{tail}",
            running=_ENDED,
            retry=f"{_SAME}; on_rerun='rerun' runs everything anew when the task is cleared.",
        )

    def _finish(
        self,
        connection: SnowflakeConnection,
        isolation: IsolationJobs,
        attempt: Attempt,
        settled: Sequence[FinishedRange],
    ) -> BatchResult:
        """One whole folder, the bad files put aside, the good ones recorded. Repeating it changes nothing."""
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
        from airflow_provider_mediabatch.ledger.ledger import Ledger

        work = isolation.request
        rows = isolation.complete(connection, settled)
        errors = isolation.range_errors(connection, settled)
        files = isolation.quarantined_files(connection, errors) if errors else []
        ledger = Ledger.of(connection, work.manifest)
        if ledger is not None and errors:
            select = isolation.quarantined_rows_sql(StagedParquet(connection, work.plan.job_schema), errors)
            ledger.quarantine_rows(work.manifest, attempt.job, select)
        return self.recorded(
            connection,
            work,
            attempt,
            rows=rows,
            location=isolation.location,
            quarantined=files,
            count=sum(item.row_range.rows for item in failed_ranges(settled)),
        )


def _raised(event: Mapping[str, Any]) -> bool:
    """Whether the model raised: FAILED and nothing else."""
    return Outcome(event["outcome"]) is Outcome.FAILED and event.get("status") == JobStatus.FAILED
