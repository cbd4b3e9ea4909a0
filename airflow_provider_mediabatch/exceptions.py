"""The provider's errors. Each says what is wrong, whether anything still runs and incurs cost, and what a retry
will do.

They subclass Airflow's own exceptions, so that Airflow treats them as it does any task failure; those that no retry can
help are :class:`~airflow.sdk.exceptions.AirflowFailException`, which ends the task without using up its retries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from airflow_provider_mediabatch.core.grants import DOCTOR

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.snowflake_objects import Problem

NOTHING_RUNS = "Nothing was started, and nothing incurs cost."
NOT_KNOWN = "Whether the job was started and incurs cost is not known."
CANCELLED = "It was cancelled and incurs no more cost."
RETRY_SAME = "A retry will look for this job by its name first and submit only if it is not there."
RETRY_NEXT = "A retry will start a new job under the next name."
RETRY_USELESS = "A retry will fail in the same way. Correct this first."


class MediaBatchError(AirflowException):
    """Base of the provider's errors.

    :param what: what is wrong, and the fix where it is known.
    :param running: whether anything still runs and incurs cost.
    :param retry: what a retry of the task will do.
    """

    def __init__(self, what: str, *, running: str = NOTHING_RUNS, retry: str = RETRY_SAME) -> None:
        self.what = what
        self.running = running
        self.retry = retry
        super().__init__(f"{what}\n{running} {retry}")


class InvalidInputError(MediaBatchError, AirflowFailException):
    """An argument or an upstream value that cannot work; found before anything is started."""

    def __init__(self, what: str, *, running: str = NOTHING_RUNS, retry: str = RETRY_USELESS) -> None:
        super().__init__(what, running=running, retry=retry)


class NotAuthorizedError(MediaBatchError, AirflowFailException):
    """The role lacks a privilege, or does not see an object.

    :param text: what Snowflake said.
    :param grant: the GRANT that is missing.
    :param errno: Snowflake's error number.
    """

    def __init__(self, text: str, grant: str, errno: int | None) -> None:
        self.errno = errno
        super().__init__(
            f"This role may not do what the task asks for: {text}. Missing: {grant}; {DOCTOR}.",
            running="The statement had no effect. A job that this task submitted earlier goes on.",
            retry="A retry will fail in the same way until the privilege is granted.",
        )


class ValidationFailedError(InvalidInputError):
    """All problems that :class:`ValidateSignatureOperator` found, each with its fix.

    :param problems: what was found, in the order of the checks.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [f"{number}. {problem.what}\n   Fix: {problem.fix}" for number, problem in enumerate(problems, 1)]
        super().__init__(f"{len(lines)} problem{'s' if len(lines) != 1 else ''} with this batch:\n" + "\n".join(lines))


class LedgerError(MediaBatchError):
    """The ledger cannot be used: a lock is held, or its tables were dropped, emptied or given further rows."""


class TableLockedError(MediaBatchError):
    """Another session holds a lock on a table that a statement needs."""


class SampleFailedError(MediaBatchError, AirflowFailException):
    """The sample's job ran, and its output did not pass the checks."""


class NotApprovedError(MediaBatchError, AirflowFailException):
    """A person rejected the sample, where ``fail_on_reject`` makes that a failure, or nobody answered in time."""


class OutputCheckError(MediaBatchError, AirflowFailException):
    """The full batch's output is complete and recorded, but less accurate than the task allows."""


class OutputDriftError(MediaBatchError, AirflowFailException):
    """The distribution of a run's predictions differs from that of earlier runs by more than the task allows."""


class JobNotVisibleError(MediaBatchError, AirflowFailException):
    """A job of this name exists, but this role may not see it. Whether it incurs cost is not known."""


class SubmissionFailedError(MediaBatchError):
    """Snowflake refused the statement, and no job of its name is there."""


class TaskEndedError(MediaBatchError):
    """The task was killed, or marked by somebody, when it was about to submit a job."""


class JobFailedError(MediaBatchError):
    """The job ended in a status other than DONE.

    :param status: FAILED, CANCELLED, INTERNAL_ERROR or DELETED.
    """

    def __init__(self, what: str, *, status: str, running: str, retry: str = RETRY_NEXT) -> None:
        self.status = status
        super().__init__(what, running=running, retry=retry)


class ModelRaisedError(JobFailedError, AirflowFailException):
    """An exception of the model's own code ended the job. Another job of the same files would fail in the same way."""

    def __init__(self, what: str, *, running: str) -> None:
        super().__init__(
            what,
            status="FAILED",
            running=running,
            retry="The same files would fail in the same way, so the task is not retried. A cleared task starts a new "
            "job under the next name. With isolate_failures=True files that the model cannot process are left out.",
        )


class FilesMissingError(JobFailedError, AirflowFailException):
    """The job failed, and files of its manifest are not on their stages any more: the same job can only fail again."""

    def __init__(self, what: str, *, running: str) -> None:
        super().__init__(what, status="FAILED", running=running, retry=RETRY_USELESS)


class TooManyQuarantinedError(JobFailedError, AirflowFailException):
    """The model failed for more files than the task may leave out.

    The output of the other files is complete and recorded.
    """

    def __init__(self, what: str, *, running: str, retry: str) -> None:
        super().__init__(what, status="FAILED", running=running, retry=retry)


class JobTimeoutError(MediaBatchError):
    """The job did not finish within the time that the task may wait."""


class PollingFailedError(MediaBatchError):
    """The job's status could not be read in several attempts in a row.

    The job is left alone, because its state is not known.
    """


class IncompleteOutputError(MediaBatchError):
    """The job is DONE, but its output is incomplete: ``_SUCCESS`` or rows are missing. The output is not used."""
