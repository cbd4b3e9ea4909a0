"""What the sample's job showed: the verdict that the full run is bound to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_mediabatch.core import xcom
from airflow_provider_mediabatch.core.comparison import Comparison, comparison_from_xcom
from airflow_provider_mediabatch.core.truth import Truth, truth_from_xcom

PREVIEW_ROWS = 10
PREVIEW_CHARACTERS = 200
PATH_CHARACTERS = 1200


@dataclass(frozen=True)
class Check:
    """One check of the sample's output.

    :param name: what was checked, in a few words.
    :param passed: the finding.
    :param detail: numbers, or the rows that broke it.
    """

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class SampleReport:
    """The sample's verdict, with a preview small enough for an XCom.

    :param passed: every check passed.
    :param job: qualified name of the sample's job.
    :param location: full stage path of its output.
    :param manifest: full stage path of the sample's own manifest.
    :param plan_digest: the plan that it ran.
    :param manifest_digest: digest over the manifests that it was drawn from.
    :param checks: all findings.
    :param preview: at most ten output rows, long values cut.
    :param rows: rows of output, those of ``failed_rows`` among them.
    :param start_seconds: what the job took besides, from its submission until the task saw its end; None where that is
        not known. It may contain an image build.
    :param quarantined: sampled files that the model cannot process, ``{"path": …, "error": …}``; of many, the first.
    :param more_quarantined: how many more they are than ``quarantined`` lists.
    :param quarantined_location: full stage path of Parquet with all of them (FILE_PATH, ERROR); "" when there is none.
    :param failed_rows: rows of output in which the model says that it could not process the file (its error column).
    :param tested_digest: :attr:`.InferencePlan.tested_digest` of the plan that it ran.
    :param tested_at: when the report was made, ISO 8601 in UTC; "" in one that no run will use again.
    :param from_run: the run whose sample this is, when a later run uses its report again; "": the run's own.
    :param run_files: rows of all manifests of the run that the report is for.
    :param truth: the output beside expected labels; None where the task has none.
    :param comparison: the output beside that of another version; None where the task compares with none.
    :param seconds_per_file: the job's running time by its number of input rows, image build left out where it is known.
    """

    passed: bool
    job: str
    location: str
    manifest: str
    plan_digest: str
    manifest_digest: str
    checks: tuple[Check, ...]
    preview: tuple[Mapping[str, Any], ...]
    rows: int
    seconds_per_file: float | None = None
    start_seconds: float | None = None
    quarantined: tuple[Mapping[str, str], ...] = ()
    more_quarantined: int = 0
    quarantined_location: str = ""
    failed_rows: int = 0
    tested_digest: str = ""
    tested_at: str = ""
    from_run: str = ""
    run_files: int = 0
    truth: Truth | None = None
    comparison: Comparison | None = None

    @property
    def quarantined_count(self) -> int:
        """All quarantined files. The full batch leaves them out."""
        return len(self.quarantined) + self.more_quarantined

    @property
    def approval_digest(self) -> str:
        """What an approval of this sample is for: the plan that it tried and the files that it was drawn from."""
        return xcom.digest(self.plan_digest, self.manifest_digest)

    @property
    def good_rows(self) -> int:
        """Rows of output with a prediction."""
        return self.rows - self.failed_rows

    def reused(self, run_id: str, age: str) -> SampleReport:
        """This report for a later run of the same DAG, named as such. Files of the earlier run are not this run's.

        :param run_id: of the run that tested.
        :param age: how long ago, in words.
        """
        detail = f"run {run_id} passed {age} ago with the same model version, plan and checks; no job was started"
        return replace(
            self,
            from_run=run_id,
            checks=(Check("sample of an earlier run", True, detail), *self.checks),
            quarantined=(),
            more_quarantined=0,
            quarantined_location="",
        )

    def to_xcom(self) -> dict[str, Any]:
        """JSON form."""
        return xcom.write(self)

    @classmethod
    def from_xcom(cls, value: object) -> SampleReport:
        """The report of an XCom.

        :raises ValueError: as :func:`.xcom.read`.
        """
        return xcom.read(cls, value, convert=_CONVERT)


def _checks(items: Sequence[Mapping[str, Any]]) -> tuple[Check, ...]:
    return tuple(Check(**item) for item in items)


_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "checks": _checks,
    "preview": tuple,
    "quarantined": xcom.objects("path", "error"),
    "truth": truth_from_xcom,
    "comparison": comparison_from_xcom,
}


def clip(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Output rows as a preview: at most ten, JSON types only, texts cut to 200 characters, bytes by their size.

    JSON has no infinity and no NaN, so they become texts.
    """
    return tuple({name: _clip(value) for name, value in row.items()} for row in rows[:PREVIEW_ROWS])


def _clip(value: Any) -> Any:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    text = str(value)
    # A cut stage path names no file any more.
    limit = PATH_CHARACTERS if text.startswith("@") else PREVIEW_CHARACTERS
    return text if len(text) <= limit else text[: limit - 1] + "…"
