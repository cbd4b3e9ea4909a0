"""What a task knows of its own jobs: notes for its next try, and the jobs that must end with it.

The notes are in Airflow's task state store (Airflow 3.3; without it they are absent). They are hints only: a job's name
on the server decides whether there is a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest

JOB_NOTE = "mediabatch_job"
DONE_NOTE = "mediabatch_done"
ROUND_NOTE = "mediabatch_round"


class RunningJobs:
    """The jobs that a task waits for, each with the id of its submitting statement where that is known."""

    def __init__(self) -> None:
        self._jobs: list[tuple[str, str | None]] = []

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def __str__(self) -> str:
        return ", ".join(job for job, _ in self._jobs)

    def replace(self, jobs: Iterable[tuple[str, str | None]]) -> None:
        """These jobs and no others."""
        self._jobs = list(jobs)

    def to_list(self) -> list[list[str | None]]:
        """``[[job, query id], …]``."""
        return [list(item) for item in self._jobs]

    def cancel(self, snowflake_conn_id: str, log: Any) -> None:
        """Cancel each job over a connection of its own. An error is logged and does not spare the next job."""
        from airflow_provider_mediabatch.client import jobs
        from airflow_provider_mediabatch.client.connection import connected

        for job, query_id in self._jobs:
            try:
                with connected(snowflake_conn_id) as connection:
                    jobs.cancel(connection, job, query_id)
            except Exception as error:
                log.error(
                    "Job %s could not be cancelled. It may still run and incur cost (CALL %s!SPCS_CANCEL_JOB()): %s",
                    *(job, job, error),
                )
            else:
                log.info("Cancelled job %s, because the task was killed", job)


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
