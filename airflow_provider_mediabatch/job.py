"""A job's statuses, and what a finished job hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from airflow_provider_mediabatch.values import unwrap, wrap


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
        """Whether nothing more will happen to the job: it runs no more and bills no more."""
        return self in _TERMINAL

    @property
    def ending(self) -> bool:
        """Whether the job is on its way out: attaching to it would only be to wait for its end."""
        return self in (JobStatus.CANCELLING, JobStatus.SUSPENDING, JobStatus.DELETING)


_TERMINAL = frozenset(
    {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.INTERNAL_ERROR, JobStatus.DELETED}
)


@dataclass(frozen=True)
class BatchResult:
    """A verified result: the job is DONE, ``_SUCCESS`` is there and the rows are all there.

    :param job: qualified job name.
    :param location: full stage path of the output Parquet, ending in ``/``.
    :param rows: output rows.
    :param files: input rows of the manifest.
    :param seconds: from submission to the verified end, as this task saw it; of an adopted job its own time, by the
        job history (0 where that does not say).
    :param plan: the plan's digest.
    :param model: qualified model name.
    :param model_version: the pinned version.
    :param function: the function that ran.
    :param outputs: the signature's outputs, name to type.
    :param manifest: the manifest in its XCom form.
    :param generation: how many jobs of this piece of work came before it.
    :param quarantined: files put aside with their error, ``{"path": …, "error": …}``; of many, the first.
    :param more_quarantined: how many more they are than ``quarantined`` lists.
    :param adopted: the job was found finished, nothing was run.
    """

    job: str
    location: str
    rows: int
    files: int
    seconds: float
    plan: str
    model: str
    model_version: str
    function: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 0
    quarantined: tuple[Mapping[str, str], ...] = ()
    adopted: bool = False
    more_quarantined: int = 0

    @property
    def quarantined_count(self) -> int:
        """All files put aside."""
        return len(self.quarantined) + self.more_quarantined

    def to_xcom(self) -> dict[str, Any]:
        """JSON form."""
        quarantined = [dict(item) for item in self.quarantined]
        return wrap("mediabatch.batch_result", {**asdict(self), "quarantined": quarantined})

    @classmethod
    def from_xcom(cls, value: object) -> BatchResult:
        """The result of an XCom; raises ValueError when it is none, or newer than this code."""
        if isinstance(value, cls):
            return value
        values = unwrap("mediabatch.batch_result", value)
        known = {item.name for item in fields(cls)}
        values["quarantined"] = tuple(values.get("quarantined") or ())
        try:
            return cls(**{key: item for key, item in values.items() if key in known})
        except TypeError as error:
            raise ValueError(f"this BatchResult is not complete: {error}") from None
