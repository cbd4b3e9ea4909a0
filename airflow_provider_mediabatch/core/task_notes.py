"""What a task says of its job beside its result: the job that it submitted, and why it failed.

The review page shows both for a task that has returned nothing. They are for people. Nothing is read, opened or
cancelled on their word alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_mediabatch.core import xcom

MAX_TEXT = 1000


@dataclass(frozen=True)
class SubmittedJob:
    """The job of a task, from the moment it is known.

    :param job: the qualified name.
    :param query_id: the statement that submitted it, where this task sent it.
    :param url: of that statement in Snowsight, or "".
    :param manifest: the files that it runs, in XCom form.
    :param model: model, version and function in words.
    :param replicas: how many instances write a log.
    """

    job: str
    query_id: str | None = None
    url: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    replicas: int = 1

    def to_xcom(self) -> dict[str, Any]:
        """JSON form."""
        return xcom.write(self)

    @classmethod
    def from_xcom(cls, value: object) -> SubmittedJob:
        """The job of an XCom.

        :raises ValueError: as :func:`.xcom.read`.
        """
        return xcom.read(cls, value)


@dataclass(frozen=True)
class TaskFailure:
    """Why a try of a task failed.

    :param what: what is wrong, in a sentence.
    :param cause: the exception of the model that the job's log ends with, or "".
    :param running: whether anything still runs and incurs cost, or "" where that is not known.
    :param retry: what a retry will do, or "".
    """

    what: str
    cause: str = ""
    running: str = ""
    retry: str = ""

    def __post_init__(self) -> None:
        for name in ("what", "cause", "running", "retry"):
            text = str(getattr(self, name)).strip()
            cut = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
            object.__setattr__(self, name, cut)

    def to_xcom(self) -> dict[str, Any]:
        """JSON form."""
        return xcom.write(self)

    @classmethod
    def from_xcom(cls, value: object) -> TaskFailure:
        """The failure of an XCom.

        :raises ValueError: as :func:`.xcom.read`.
        """
        return xcom.read(cls, value)
