"""Which rows of a failed batch are run again, in which parts, and what that proves. Pure decisions.

A model's method that raises fails its whole job, and nothing says which file it was. So the manifest's rows, in a fixed
order, are cut into parts, each a job of its own; a part that fails is cut again in the next round, until what fails is
single rows. Everything follows from the number of rows and from how the parts ended: a retry comes to the same parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from airflow_provider_mediabatch.batch.job_log import last_exception, process_end

MIN_JOBS, MAX_JOBS = 2, 100
MAX_LISTED = 100
MAX_LISTED_BYTES = 24_000
MAX_ERROR = 600
_ERROR_LINES = 4


@dataclass(frozen=True, order=True)
class RowRange:
    """The rows ``[low, high)`` of a manifest, run as one job of a round.

    :param round: from 1. 0 is the failed job itself.
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
        """Its name in the folder of its manifest."""
        return f"R{self.round}_{self.low}_{self.high}"


@dataclass(frozen=True)
class FinishedRange:
    """A part whose job is over.

    :param generation: of the job that counts: it is DONE and whole, or FAILED.
    :param done: whether it is DONE.
    """

    row_range: RowRange
    generation: int
    done: bool

    def to_list(self) -> list[Any]:
        """For a trigger's state."""
        return [self.row_range.round, self.row_range.low, self.row_range.high, self.generation, self.done]

    @classmethod
    def of(cls, values: Sequence[Any]) -> FinishedRange:
        """What :meth:`to_list` gave."""
        round_, low, high, generation, done = values
        return cls(RowRange(int(round_), int(low), int(high)), int(generation), bool(done))


def next_ranges(rows: int, finished: Sequence[FinishedRange], max_jobs: int) -> list[RowRange]:
    """The parts of the next round; none when no further round tells more.

    :param rows: of the manifest.
    :param finished: every part of all rounds so far.
    :param max_jobs: most jobs of one round.
    """
    last = max((item.row_range.round for item in finished), default=0)
    if not finished:
        failed = [RowRange(0, 0, rows)]
    elif every_range_failed(finished):
        return []
    else:
        failed = sorted(item.row_range for item in finished if item.row_range.round == last and not item.done)
        failed = [row_range for row_range in failed if row_range.rows > 1]
    if not failed or len(failed) > max_jobs // 2:
        return []
    return [piece for row_range in failed for piece in _cut(row_range, last + 1, max_jobs // len(failed))]


def _cut(row_range: RowRange, round_: int, pieces: int) -> list[RowRange]:
    """Nearly equal pieces, of at least one row each."""
    pieces = min(pieces, row_range.rows)
    edges = [row_range.low + row_range.rows * number // pieces for number in range(pieces + 1)]
    return [RowRange(round_, low, high) for low, high in pairwise(edges)]


def every_range_failed(finished: Sequence[FinishedRange]) -> bool:
    """Whether every part of the first round failed, which no single file explains."""
    number = min((item.row_range.round for item in finished), default=0)
    first = [item for item in finished if item.row_range.round == number]
    return bool(first) and not any(item.done for item in first)


def all_single(finished: Sequence[FinishedRange]) -> bool:
    """Whether every part is a single row, so that each file has been tried alone."""
    return all(item.row_range.rows == 1 for item in finished)


def done_ranges(finished: Sequence[FinishedRange]) -> list[FinishedRange]:
    """The parts that are done: their output counts."""
    return [item for item in finished if item.done]


def failed_ranges(finished: Sequence[FinishedRange]) -> list[FinishedRange]:
    """The failed parts that no later round cuts: single rows, and parts that were too many to cut."""
    last = max((item.row_range.round for item in finished), default=0)
    return [item for item in finished if not item.done and (item.row_range.rows == 1 or item.row_range.round == last)]


def failed_range_error(log: str, row_range: RowRange, max_jobs: int, ends: str = "") -> str:
    """What is said of the rows of a failed part: how its process died, or the exception at the end of its job's log.

    A few lines of the log follow.

    :param log: the end of the log.
    :param ends: what Snowflake says of the ends of the job's containers.
    """
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    found = last_exception(lines)
    died = process_end(ends)
    if died is not None:
        first, around = died, lines[-_ERROR_LINES:]
    elif found is not None:
        first = lines[found]
        around = lines[max(0, found - _ERROR_LINES) : found] + lines[found + 1 : found + 2]
    elif ends:
        first, around = f"The model's process ended without an exception: {ends}", lines[-_ERROR_LINES:]
    else:
        first = lines[-1] if lines else "its job has no log"
        around = lines[-1 - _ERROR_LINES : -1]
    text = "\n".join([first, *around])
    if row_range.rows > 1:
        text = (
            f"one or more of {row_range.rows:,} files that failed together (with max_isolation_jobs={max_jobs} they "
            f"were not tried one by one): {text}"
        )
    return text if len(text) <= MAX_ERROR else text[: MAX_ERROR - 1] + "…"


def listed_files(errors: Iterable[Mapping[str, str]]) -> tuple[dict[str, str], ...]:
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
