"""How far a run's predictions are from those of the runs before it: profiles of columns, and the index that compares
two of them.

A profile is what the server counts of one column: its most frequent labels, or its numbers in buckets of equally many.
Profiles of several runs add up to one. Everything here is pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import NormalDist

from airflow_provider_mediabatch.core.drift_report import NUMBER, SHOWN, Bin, ColumnDrift

MIN_BASELINE_ROWS = 50
"""With fewer rows there is no baseline yet: ten bins of five rows, the least that a test of bins asks for."""
MAX_LABEL_BINS, MAX_NUMBER_BINS = 20, 10
ROWS_IN_BIN = 5
"""The least rows of a bin, of both sides together. Source: W. G. Cochran, "Some Methods for Strengthening the Common χ²
Tests" (1954)."""
CONFIDENCE = 0.99
QUANTILES = (0.1, 0.5, 0.9)
OTHER, NO_VALUE = "(other)", "(NULL)"


@dataclass(frozen=True)
class Profile:
    """One column of the rows of a run, or of several runs together.

    :param column: its name.
    :param kind: :data:`~.drift_report.LABEL`, :data:`~.drift_report.NUMBER` or :data:`~.drift_report.ERROR`.
    :param rows: rows that were looked at.
    :param nulls: those without a value.
    :param labels: rows of each of the most frequent labels.
    :param buckets: of numbers: lowest value, highest value and rows of each bucket, in the order of the values.
    :param runs: how many runs these are.
    """

    column: str
    kind: str
    rows: int = 0
    nulls: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    buckets: tuple[tuple[float, float, int], ...] = ()
    runs: int = 1

    def share(self, rows: float) -> float:
        """A number of rows as a share of all; 0 without a row."""
        return rows / self.rows if self.rows else 0.0

    def quantile(self, share: float) -> float | None:
        """The lowest value that this share of the values is not above; None without a value.

        Values in one bucket count as its highest one. Source: numpy's ``quantile`` with ``method="inverted_cdf"``,
        which is definition 1 of R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages" (1996).

        :param share: 0 to 1.
        """
        wanted = share * sum(rows for *_, rows in self.buckets)
        seen = 0
        for _, high, rows in self.buckets:
            seen += rows
            # A product such as 0.1 * 30 may be a little more than the whole number that it means.
            if seen >= wanted - 1e-9 * seen:
                return high
        return None

    def rows_up_to(self, edge: float, *, itself: bool = True) -> float:
        """How many values are not above an edge; those of a bucket around it are taken for evenly spread.

        :param itself: whether a value that is the edge counts.
        """
        found = 0.0
        for low, high, rows in self.buckets:
            if high < edge or (itself and high == edge):
                found += rows
            elif low < edge and math.isfinite(high - low):
                found += rows * (edge - low) / (high - low)
        return found


def stability_index(now: Sequence[float], before: Sequence[float]) -> float:
    """The population stability index of two distributions over the same bins: Σ (p − q) · ln(p / q).

    It is 0 for equal distributions and has no upper bound. Credit scoring, where it comes from, calls less than 0.1
    stable and more than 0.25 a shift. Source: N. Siddiqi, "Credit Risk Scorecards" (2006), "system stability report";
    it is the divergence of H. Jeffreys, KL(p, q) + KL(q, p) of S. Kullback and R. A. Leibler, "On Information and
    Sufficiency" (1951).

    :param now: shares p, all above 0, of sum 1.
    :param before: shares q, likewise.
    """
    return sum((p - q) * math.log(p / q) for p, q in zip(now, before, strict=True))


def smoothed_shares(counts: Sequence[float]) -> list[float]:
    """The shares of bins, with half a row more in each, so that none is 0.

    Source: the mean of Jeffreys' prior for a multinomial; A. Agresti, "Categorical Data Analysis", on adding 0.5 to
    empty cells.
    """
    total = sum(counts) + 0.5 * len(counts)
    return [(count + 0.5) / total for count in counts]


def chance_index(bins: int, rows: int, rows_before: int, confidence: float = CONFIDENCE) -> float:
    """What the index stays below, with this confidence, when both sides are drawn from the same distribution.

    ``(1 / rows + 1 / rows_before)`` times the quantile of χ² with ``bins − 1`` degrees of freedom. Source: B. Yurdakul,
    "Statistical Properties of Population Stability Index" (2018). The quantile is that of E. B. Wilson and M. M.
    Hilferty, "The Distribution of Chi-Square" (1931), within 2 % of the exact one.

    :param bins: of both distributions.
    :param rows: of the run.
    :param rows_before: of the baseline.
    :param confidence: 0 to 1.
    """
    if bins < 2:
        return 0.0
    free = bins - 1
    spread = 2 / (9 * free)
    quantile = free * (1 - spread + NormalDist().inv_cdf(confidence) * math.sqrt(spread)) ** 3
    return quantile * (1 / rows + 1 / rows_before)


def label_bins(now: Profile, before: Profile) -> list[tuple[str, int, int]]:
    """The bins of labels: text, the run's rows, the baseline's rows.

    The labels with the largest share on either side, at least :data:`ROWS_IN_BIN` rows in all, so that a label that is
    new counts like one that is gone; then all other labels, and NULL. With few rows there are fewer of them.
    """
    common = [
        label
        for label in {**before.labels, **now.labels}
        if now.labels.get(label, 0) + before.labels.get(label, 0) >= ROWS_IN_BIN
    ]
    kept = _largest(common, now, before)[: _bin_count(now, before, MAX_LABEL_BINS)]

    def others(side: Profile) -> int:
        return side.rows - side.nulls - sum(side.labels.get(label, 0) for label in kept)

    return [
        *((label, now.labels.get(label, 0), before.labels.get(label, 0)) for label in kept),
        (OTHER, others(now), others(before)),
        (NO_VALUE, now.nulls, before.nulls),
    ]


def number_bins(now: Profile, before: Profile) -> list[tuple[str, float, float]]:
    """The bins of numbers: text, the run's rows, the baseline's rows.

    Their edges are quantiles of the baseline; with few rows there are fewer of them. Values outside of the baseline's
    range have bins of their own, and so has NULL. A bucket that an edge divides counts in parts.
    """
    wanted = _bin_count(now, before, MAX_NUMBER_BINS)
    edges = sorted({edge for i in range(1, wanted + 1) if (edge := before.quantile(i / wanted)) is not None})
    lowest = min((low for low, *_ in before.buckets), default=math.nan)

    def counts(side: Profile) -> list[float]:
        below = side.rows_up_to(lowest, itself=False) if edges else 0.0
        sums = [0.0, below, *map(side.rows_up_to, edges), side.rows - side.nulls]
        return [upper - lower for lower, upper in pairwise(sums)]

    bins = zip(_ranges(lowest, edges), counts(now), counts(before), strict=True)
    return [*bins, (NO_VALUE, now.nulls, before.nulls)]


def compare_profiles(now: Profile, before: Profile) -> ColumnDrift:
    """A column of a run beside the same column of the runs before."""
    bins = number_bins(now, before) if now.kind == NUMBER else label_bins(now, before)
    filled = [item for item in bins if max(item[1:]) > 1e-9]
    index = chance = None
    parts = [0.0] * len(filled)
    if now.rows and before.rows >= MIN_BASELINE_ROWS:
        shares = smoothed_shares([rows for _, rows, _ in filled])
        shares_before = smoothed_shares([earlier for *_, earlier in filled])
        parts = [stability_index([p], [q]) for p, q in zip(shares, shares_before, strict=True)]
        index = round(stability_index(shares, shares_before), 6)
        chance = round(chance_index(len(filled), now.rows, before.rows), 6)

    def share(text: str, rows: float, earlier: float, part: float = 0.0) -> Bin:
        return Bin(text, round(now.share(rows), 6), round(before.share(earlier), 6), round(part, 6))

    found = [share(text, rows, earlier, part) for (text, rows, earlier), part in zip(filled, parts, strict=True)]
    labels = _largest({**before.labels, **now.labels}, now, before)[:SHOWN]
    return ColumnDrift(
        column=now.column,
        kind=now.kind,
        rows=now.rows,
        rows_before=before.rows,
        runs_before=before.runs if before.rows else 0,
        index=index,
        chance=chance,
        nulls=round(now.share(now.nulls), 6),
        nulls_before=round(before.share(before.nulls), 6),
        bins=tuple(sorted(found, key=lambda item: -item.part)[:SHOWN]),
        labels=tuple(share(label, now.labels.get(label, 0), before.labels.get(label, 0)) for label in labels),
        quantiles=tuple((q, _finite(now.quantile(q)), _finite(before.quantile(q))) for q in QUANTILES)
        if now.kind == NUMBER
        else (),
    )


def _bin_count(now: Profile, before: Profile, most: int) -> int:
    """As many bins as give each :data:`ROWS_IN_BIN` rows on average: few rows in many bins say nothing."""
    return min(most, max(2, min(now.rows, before.rows) // ROWS_IN_BIN))


def _largest(labels: Iterable[str], now: Profile, before: Profile) -> list[str]:
    """The labels by their larger share of either side."""

    def share(label: str) -> float:
        return max(now.share(now.labels.get(label, 0)), before.share(before.labels.get(label, 0)))

    return sorted(labels, key=lambda label: (-share(label), label))


def _ranges(lowest: float, edges: Sequence[float]) -> list[str]:
    """What the bins are called: below the lowest value, up to each edge, above the last one."""
    if not edges:
        return ["", "any number"]
    pairs = zip([lowest, *edges], edges, strict=False)
    inside = [f"{high:.4g}" if low == high else f"{low:.4g} to {high:.4g}" for low, high in pairs]
    return [f"below {lowest:.4g}", *inside, f"above {edges[-1]:.4g}"]


def _finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None
