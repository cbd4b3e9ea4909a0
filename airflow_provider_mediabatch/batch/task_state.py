"""What a task knows of its own jobs: notes for its next try, and the jobs that must end with it.

The notes are in Airflow's task state store (Airflow 3.3; without it they are absent). They are hints only: a job's name
on the server decides whether there is a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_mediabatch.exceptions import (
    CANCELLED,
    NOTHING_RUNS,
    InvalidInputError,
    JobNotVisibleError,
    SubmissionFailedError,
    TaskEndedError,
)

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest

JOB_NOTE = "mediabatch_job"
DONE_NOTE = "mediabatch_done"
ROUND_NOTE = "mediabatch_round"


class RunningJobs:
    """The jobs that a task waits for, each with the id of its submitting statement where that is known.

    Airflow's handler of SIGTERM calls ``on_kill`` in the middle of whatever the task does, and then the task goes on
    until SIGKILL comes some seconds later. So ``on_kill`` leaves :attr:`ended` behind, after which no job is started.
    """

    def __init__(self) -> None:
        self._jobs: list[tuple[str, str | None]] = []
        self._ended = False

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def __str__(self) -> str:
        return ", ".join(job for job, _ in self._jobs)

    @property
    def ended(self) -> bool:
        """Whether the task was asked to end."""
        return self._ended

    def replace(self, jobs: Iterable[tuple[str, str | None]]) -> None:
        """These jobs and no others."""
        self._jobs = list(jobs)

    def add(self, job: str, query_id: str | None = None) -> None:
        """One more job, or the submitting statement of one that is among them.

        :param query_id: of that statement; None: not known.
        """
        self._jobs = [*(item for item in self._jobs if item[0] != job), (job, query_id)]

    def remove(self, job: str) -> None:
        """One job less."""
        self._jobs = [item for item in self._jobs if item[0] != job]

    def to_list(self) -> list[list[str | None]]:
        """``[[job, query id], …]``."""
        return [list(item) for item in self._jobs]

    def leave(self) -> None:
        """The task was asked to end: let it start no further job, and its jobs go on."""
        self._ended = True

    def end(self, snowflake_conn_id: str, log: Any) -> None:
        """The task was asked to end: cancel its jobs, and let it start no further one."""
        self.leave()
        self.cancel(snowflake_conn_id, log)

    def cancel(self, snowflake_conn_id: str, log: Any, *, only: str | None = None) -> bool:
        """Cancel each job over one connection, and after an error over a new one.

        An error is logged and does not spare the next job. A task that is killed has some seconds for all of them.

        :param only: this job and none of the others.
        :return: whether there was no error.
        """
        from airflow_provider_mediabatch.client import jobs
        from airflow_provider_mediabatch.client.connection import connected, name_grant

        failed, connection = False, None
        with ExitStack() as logins:
            for job, query_id in self._jobs:
                if only not in (None, job):
                    continue
                try:
                    connection = connection or logins.enter_context(connected(snowflake_conn_id))
                    with name_grant(connection):
                        jobs.cancel(connection, job, query_id)
                except Exception as error:
                    failed, connection = True, None
                    log.error(
                        "Job %s could not be cancelled. It may still run and incur cost (CALL %s!SPCS_CANCEL_JOB()): "
                        "%s",
                        *(job, job, error),
                    )
                else:
                    log.info("Cancelled job %s, because the task ends", job)
        return not failed


class TaskState:
    """The notes of one task instance, and what its jobs need of it.

    :param context: Airflow's context.
    :param running: the jobs that the task waits for; shared with the operator, whose ``on_kill`` cancels them.
    :param log: the task's log.
    """

    def __init__(self, context: Context, running: RunningJobs, log: Any) -> None:
        self.running = running
        self.log = log
        self._store: Any = context.get("task_state_store")
        self._max_tries: int | None = getattr(context.get("ti"), "max_tries", None)
        self._try_number: int = getattr(context.get("ti"), "try_number", 0) or 0

    @property
    def is_last_try(self) -> bool:
        """Whether no try follows this one. Tries are counted since the task was last cleared, as Airflow does."""
        return self._max_tries is None or self._try_number > self._max_tries

    def submit(
        self, connection: SnowflakeConnection, snowflake_conn_id: str, request: JobRequest, generation: int
    ) -> Attempt:
        """Submit a job that ends with the task.

        :raises TaskEndedError: when the task was asked to end. Nothing was sent then, or what was sent is cancelled.
        :raises MediaBatchError: as :func:`.submission.submit`.
        """
        from airflow_provider_mediabatch.batch import submission

        job = request.job(generation)
        if self.running.ended:
            others = "It started no further job. The others were cancelled, or its log says which one could not be."
            running = others if self.running else NOTHING_RUNS
            raise TaskEndedError(f"The task was ended before job {job} was submitted", running=running)
        # A task that is killed between here and the reply does not know whether the job is there. Its on_kill cancels
        # the job by this name.
        self.running.add(job)
        try:
            attempt = submission.submit(connection, snowflake_conn_id, request, generation)
            self.running.add(job, attempt.query_id)
        except Exception as error:
            if self.running.ended:
                self.running.cancel(snowflake_conn_id, self.log, only=job)
            if isinstance(error, SubmissionFailedError | JobNotVisibleError | InvalidInputError):
                self.running.remove(job)  # it was refused; after any other error it may be there
            raise
        if self.running.ended:
            # During an image build there was no job of this name that on_kill could have cancelled.
            self._end_with(job, "submitted", snowflake_conn_id)
        return attempt

    def attach(self, snowflake_conn_id: str, attempt: Attempt) -> None:
        """Let an earlier try's job, which runs, end with the task.

        :raises TaskEndedError: when the task was asked to end before it knew of the job, which is cancelled now.
        """
        self.running.add(attempt.job, attempt.query_id)
        if self.running.ended:
            self._end_with(attempt.job, "looked for", snowflake_conn_id)

    def _end_with(self, job: str, what: str, snowflake_conn_id: str) -> NoReturn:
        """Cancel a job that ``on_kill`` did not know of, or not well enough."""
        cancelled = self.running.cancel(snowflake_conn_id, self.log, only=job)
        raise TaskEndedError(
            f"The task was ended while it {what} job {job}",
            running=CANCELLED if cancelled else "It could not be cancelled. It may run and incur cost.",
            retry="A retry will start the job again.",
        )

    def noted_job(self) -> Mapping[str, Any]:
        """The job of an earlier try; empty when there is no note."""
        return self._load(JOB_NOTE)

    def note_job(self, request: JobRequest, attempt: Attempt) -> None:
        """Note the job that the task found or submitted."""
        names = ("generation", "query_id", "job", "started", "role")
        note = {name: getattr(attempt, name) for name in names}
        self._save(JOB_NOTE, {"fingerprint": request.fingerprint, **note})

    def noted_round(self, number: int) -> dict[str, Any]:
        """The jobs of an isolation round that earlier tries submitted, by their name without generation."""
        note = self._load(ROUND_NOTE)
        return dict(note.get("jobs") or {}) if note.get("round") == number else {}

    def note_round(self, number: int, jobs: Mapping[str, Any]) -> None:
        """Note the jobs of a round. Those of the round before are over, so their notes are replaced."""
        self._save(ROUND_NOTE, {"round": number, "jobs": dict(jobs)})

    def note_done(self, request: JobRequest, attempt: Attempt) -> None:
        """Note that the request is finished, and which try may still come."""
        note = {"fingerprint": request.fingerprint, "generation": attempt.generation, "max_tries": self._max_tries}
        self._save(DONE_NOTE, note)

    def first_generation(self, request: JobRequest) -> int:
        """With ``on_rerun="rerun"``, the first generation that counts: after the finished one, if the task was cleared.

        Clearing a task raises its ``max_tries``. A retry leaves it as it was.
        """
        done = self._load(DONE_NOTE)
        if done.get("fingerprint") != request.fingerprint:
            return 0  # The task never finished with these inputs, so no job is to be run again.
        finished = int(done.get("generation") or 0)
        if done.get("max_tries") is not None and done["max_tries"] == self._max_tries:
            # Nobody cleared the task. Airflow did not hear of the success (a worker lost right after it) and retries,
            # and the finished job must not be paid for twice.
            return finished
        noted = int(self.noted_job().get("generation") or 0)
        if noted > finished:
            # The cleared task has submitted its new job already, and this is a retry of it: no third job.
            return noted
        return finished + 1

    def _load(self, key: str) -> Mapping[str, Any]:
        value = self._store.get(key) if self._store is not None else None
        return value if isinstance(value, Mapping) else {}

    def _save(self, key: str, value: Mapping[str, Any]) -> None:
        if self._store is not None:
            self._store.set(key, dict(value))
