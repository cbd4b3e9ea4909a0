"""Which rows of a failed batch are run again, in which parts, and what that proves. Pure decisions.

A model's method that raises fails its whole job, and nothing says which file it was. So the manifest's rows, in a fixed
order, are cut into parts, each a job of its own; a part that fails is cut again in the next round, until what fails is
single rows. Everything follows from the number of rows and from how the parts ended: a retry comes to the same parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

MIN_JOBS, MAX_JOBS = 2, 100
MAX_LISTED = 100
MAX_LISTED_BYTES = 24_000
MAX_ERROR = 600
_ERROR_LINES = 4
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b")


@dataclass(frozen=True, order=True)
class Part:
    """The rows ``[low, high)`` of a manifest, run as one job of a round.

    :param round: from 1.
    """

    round: int
    low: int
    high: int

    @property
    def rows(self) -> int:
        """How many they are."""
        return self.high - self.low

    @property
    def name(self) -> str:
        """Its part of a job's name."""
        return f"R{self.round}_{self.low}_{self.high}"


@dataclass(frozen=True)
class Settled:
    """A part whose job is over.

    :param generation: of the job that counts: it is DONE and whole, or FAILED.
    :param good: whether it is DONE.
    """

    part: Part
    generation: int
    good: bool

    def to_list(self) -> list[Any]:
        """For a trigger's state."""
        return [self.part.round, self.part.low, self.part.high, self.generation, self.good]

    @classmethod
    def of(cls, values: Sequence[Any]) -> Settled:
        """What :meth:`to_list` gave."""
        round_, low, high, generation, good = values
        return cls(Part(int(round_), int(low), int(high)), int(generation), bool(good))


def next_parts(rows: int, settled: Sequence[Settled], max_jobs: int) -> list[Part]:
    """The parts of the next round; none when all that can be told is told.

    :param rows: of the manifest.
    :param settled: every part of all rounds so far.
    :param max_jobs: most jobs of one round.
    """
    last = max((item.part.round for item in settled), default=0)
    if last == 0:
        failed = [Part(0, 0, rows)]
    elif model_fails(settled):
        return []
    else:
        failed = sorted(item.part for item in settled if item.part.round == last and not item.good)
        failed = [part for part in failed if part.rows > 1]
    if not failed or len(failed) > max_jobs // 2:
        return []
    return [piece for part in failed for piece in _cut(part, last + 1, max_jobs // len(failed))]


def _cut(part: Part, round_: int, pieces: int) -> list[Part]:
    """Nearly equal pieces, of at least one row each."""
    pieces = min(pieces, part.rows)
    edges = [part.low + part.rows * number // pieces for number in range(pieces + 1)]
    return [Part(round_, low, high) for low, high in pairwise(edges)]


def model_fails(settled: Sequence[Settled]) -> bool:
    """Whether every part of the first round failed, which no single file explains."""
    first = [item for item in settled if item.part.round == 1]
    return bool(first) and not any(item.good for item in first)


def good(settled: Sequence[Settled]) -> list[Settled]:
    """The parts whose output counts."""
    return [item for item in settled if item.good]


def poison(settled: Sequence[Settled]) -> list[Settled]:
    """The failed parts that no later round cuts: single rows, and what was too many to cut."""
    last = max((item.part.round for item in settled), default=0)
    return [item for item in settled if not item.good and (item.part.rows == 1 or item.part.round == last)]


def error_of(log: str, part: Part, max_jobs: int) -> str:
    """What is said of the rows of a failed part: the exception at the end of its job's log, and a few lines of it.

    :param log: the end of the log.
    """
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    found = next((number for number in reversed(range(len(lines))) if _EXCEPTION.match(lines[number])), None)
    if found is not None:
        first = lines[found]
        around = lines[max(0, found - _ERROR_LINES) : found] + lines[found + 1 : found + 2]
    else:
        first = lines[-1] if lines else "its job has no log"
        around = lines[-1 - _ERROR_LINES : -1]
    text = "\n".join([first, *around])
    if part.rows > 1:
        text = (
            f"one or more of {part.rows:,} files that failed together (with max_isolation_jobs={max_jobs} they were "
            f"not tried one by one): {text}"
        )
    return text if len(text) <= MAX_ERROR else text[: MAX_ERROR - 1] + "…"


def listed(errors: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], ...]:
    """As many of the files as a task's value may hold."""
    found: list[dict[str, str]] = []
    size = 0
    for item in errors:
        entry = {"path": str(item["path"]), "error": str(item["error"])}
        size += len(json.dumps(entry))
        if len(found) == MAX_LISTED or size > MAX_LISTED_BYTES:
            break
        found.append(entry)
    return tuple(found)


def check_arguments(max_jobs: object, max_failed_fraction: object) -> tuple[int, float]:
    """Both arguments as numbers.

    :raises ValueError: when one is out of its range.
    """
    try:
        jobs = int(str(max_jobs))
    except ValueError:
        jobs = 0
    if not MIN_JOBS <= jobs <= MAX_JOBS:
        raise ValueError(f"max_isolation_jobs={max_jobs!r}: use a whole number from {MIN_JOBS} to {MAX_JOBS}")
    try:
        fraction = float(str(max_failed_fraction))
    except ValueError:
        fraction = -1.0
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"max_failed_fraction={max_failed_fraction!r}: use a number from 0 to 1")
    return jobs, fraction
