"""How often each label was predicted in each run of a DAG, beside the runs before it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.review.bounded_cache import BoundedCache
from airflow_provider_mediabatch.review.run_line import OutputFolder, RunLine

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

log = logging.getLogger(__name__)

Counts = Mapping[str, int]

MAX_FOLDERS = 30
"""Outputs that one page reads. Each is one branch of one statement."""
MAX_LABELS = 50
MAX_CACHED = 1000
BEFORE = 7
"""Runs that a run is compared with."""
SHOWN = 3
LARGE = 0.2
"""A difference of the whole distribution, from 0 to 1, that is pointed out."""


@dataclass(frozen=True)
class LabelShare:
    """A label of a run.

    :param label: the label.
    :param share: of the run's rows, 0 to 1.
    :param change: difference from the share in the runs before, or None for the first run.
    """

    label: str
    share: float
    change: float | None


@dataclass(frozen=True)
class RunShares:
    """The labels of a run.

    :param labels: the three most frequent ones.
    :param distance: half the sum of all labels' absolute differences from the runs before, 0 to 1, or None.
    """

    labels: tuple[LabelShare, ...] = ()
    distance: float | None = None

    @property
    def has_changed(self) -> bool:
        """Whether the distribution of the labels differs from before."""
        return self.distance is not None and self.distance > LARGE


def compare(newest_first: Sequence[Counts]) -> list[RunShares]:
    """The labels of each run beside those of up to seven runs before it.

    :param newest_first: label counts of each run; empty where they are not known.
    """
    found = []
    for place, counts in enumerate(newest_first):
        total = sum(counts.values())
        before = [item for item in newest_first[place + 1 :] if item][:BEFORE]
        if not total:
            found.append(RunShares())
            continue
        old = {label: sum(item.get(label, 0) for item in before) for item in before for label in item}
        old_total = sum(old.values())
        shares = {label: count / total for label, count in counts.items()}
        old_shares = {label: count / old_total for label, count in old.items()} if old_total else {}
        top = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
        labels = tuple(
            LabelShare(label, share, share - old_shares.get(label, 0.0) if old_total else None) for label, share in top
        )
        everything = {*shares, *old_shares}
        moved = sum(abs(shares.get(label, 0.0) - old_shares.get(label, 0.0)) for label in everything) / 2
        found.append(RunShares(labels, moved if old_total else None))
    return found


def read_shares(
    lines: Sequence[RunLine], run: Callable[[str, Callable[[SnowflakeConnection], Any]], Any]
) -> list[RunShares]:
    """The labels of each run, in the order of the lines.

    The output of a finished job does not change, so each is read once. Those that are not known yet are read in one
    statement for each connection. Where Snowflake does not answer, they stay unknown.

    :param lines: the runs, the newest first.
    :param run: calls a function with the open connection of an Airflow connection, and returns what it returned.
    """
    known = {folder: counts for line in lines for folder in line.outputs if (counts := _counts.get(folder)) is not None}
    wanted = [folder for line in lines for folder in line.outputs if folder not in known][:MAX_FOLDERS]
    for conn_id in sorted({folder.conn_id for folder in wanted}):
        folders = [folder for folder in wanted if folder.conn_id == conn_id]
        try:
            found: dict[OutputFolder, Counts] = run(conn_id, partial(_read, folders))
        except Exception:  # the other columns are shown whatever Snowflake answers
            log.warning("The labels of %d outputs cannot be read", len(folders), exc_info=True)
            continue
        known |= {folder: _counts.put(folder, counts) for folder, counts in found.items()}
    return compare([_sum([known.get(folder, {}) for folder in line.outputs]) for line in lines])


_counts: BoundedCache[OutputFolder, Counts] = BoundedCache(MAX_CACHED)


def _read(folders: Sequence[OutputFolder], connection: SnowflakeConnection) -> dict[OutputFolder, Counts]:
    staged = StagedParquet(connection, sql.qualified(*sql.split(folders[0].job)[:2]))
    branches = " UNION ALL ".join(
        f"SELECT {number} AS PART, LABEL, N FROM (SELECT LEFT({field(folder.column)}::TEXT, 60) AS LABEL, "
        f"COUNT(*) AS N FROM {staged.source(folder.location)} GROUP BY 1 ORDER BY 2 DESC LIMIT {MAX_LABELS})"
        for number, folder in enumerate(folders)
    )
    counts: dict[OutputFolder, dict[str, int]] = {folder: {} for folder in folders}
    for row in rows(connection, branches):
        if row["LABEL"] is not None:
            counts[folders[int(row["PART"])]][str(row["LABEL"])] = int(row["N"])
    return dict(counts)


def _sum(found: Sequence[Counts]) -> Counts:
    return {label: sum(counts.get(label, 0) for counts in found) for counts in found for label in counts}
