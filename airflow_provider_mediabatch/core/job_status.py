"""A job's statuses, and the states of the statement that submits it."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """Every status that Snowflake documents for a job service. Anything else is unknown, and is waited on."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUSPENDING = "SUSPENDING"
    DELETING = "DELETING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    DELETED = "DELETED"

    @classmethod
    def of(cls, text: str) -> JobStatus | None:
        """The status of Snowflake's text, or None for one that is not known here."""
        try:
            return cls(text.upper())
        except ValueError:
            return None

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen to the job: it runs no more and incurs no more cost."""
        return self in _TERMINAL

    @property
    def ending(self) -> bool:
        """Whether the job is on its way out: attaching to it would only be to wait for its end."""
        return self in (JobStatus.CANCELLING, JobStatus.SUSPENDING, JobStatus.DELETING)


_TERMINAL = frozenset(
    {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.INTERNAL_ERROR, JobStatus.DELETED}
)


class SubmissionState(StrEnum):
    """The submitting statement's state, as far as decisions need it."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
