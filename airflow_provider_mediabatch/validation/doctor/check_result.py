"""One row of the doctor's report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True)
class CheckResult:
    """What one check of the doctor found.

    :param check: what was checked.
    :param status: ``pass``, ``warn`` (works, with a drawback that ``detail`` names), ``fail``, or ``skip`` (not
        checked).
    :param detail: what was found.
    :param fix: SQL that makes the check pass, statements separated by ``"; "``. Empty where there is none to run.
    """

    check: str
    status: Status
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        """The row as ``--json`` prints it."""
        return asdict(self)


def error_line(error: BaseException) -> str:
    """An error's first line, for a row's detail."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
