"""What a finished job hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_mediabatch.core import xcom
from airflow_provider_mediabatch.core.truth import Truth, truth_from_xcom


@dataclass(frozen=True)
class BatchResult:
    """A verified result: the job is DONE, ``_SUCCESS`` is there and the rows are all there.

    :param job: qualified job name.
    :param location: full stage path of the output Parquet, ending in ``/``.
    :param rows: output rows, those of ``failed_rows`` among them.
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
    :param quarantined: quarantined files with their error, ``{"path": …, "error": …}``; of many, the first.
    :param more_quarantined: how many more they are than ``quarantined`` lists.
    :param failed_rows: output rows in which the model says that it could not process the file (its error column). These
        files are quarantined too.
    :param job_seconds: how long the job itself ran, by the job history; None where that does not say, and for files
        that were isolated, which several jobs ran.
    :param cost: of the compute pool's nodes in that time; None without it, or where no rate was given.
    :param projected_seconds: what the sample let one expect of ``job_seconds``; None without a sample.
    :param projected_cost: what it let one expect of ``cost``.
    :param currency: of both.
    :param truth: the output beside expected labels; None where the task has none.
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
    failed_rows: int = 0
    job_seconds: float | None = None
    cost: float | None = None
    projected_seconds: float | None = None
    projected_cost: float | None = None
    currency: str = ""
    truth: Truth | None = None

    @property
    def quarantined_count(self) -> int:
        """All quarantined files."""
        return len(self.quarantined) + self.more_quarantined

    @property
    def good_rows(self) -> int:
        """Output rows with a prediction."""
        return self.rows - self.failed_rows

    def to_xcom(self) -> dict[str, Any]:
        """JSON form."""
        return xcom.write(self)

    @classmethod
    def from_xcom(cls, value: object) -> BatchResult:
        """The result of an XCom.

        :raises ValueError: as :func:`.xcom.read`.
        """
        return xcom.read(cls, value, convert={"quarantined": xcom.objects("path", "error"), "truth": truth_from_xcom})
