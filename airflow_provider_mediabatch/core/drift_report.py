"""A run's predictions beside those of the runs before it, as a task returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from airflow_provider_mediabatch.core import xcom

LABEL, NUMBER, ERROR = "label", "number", "error"
"""Kinds of columns. An error column has two labels, :data:`FAILED` and :data:`WENT_WELL`."""
FAILED, WENT_WELL = "failed", "no error"
MAX_RUNS = 30
"""How many of the last runs are the baseline."""
DRIFT_SUFFIX = "_DRIFT"
"""What the name of the table of profiles has behind that of the results table."""
SHOWN = 5
"""Labels and bins of a column that a report keeps."""


@dataclass(frozen=True)
class Bin:
    """A bin of both distributions.

    :param text: the label, or the range of numbers.
    :param share: of the run's rows, 0 to 1.
    :param before: of the baseline's rows.
    :param part: what it adds to the index.
    """

    text: str
    share: float
    before: float
    part: float = 0.0


@dataclass(frozen=True)
class ColumnDrift:
    """One column of a run beside the same column of the runs before.

    :param column: its name.
    :param kind: :data:`LABEL`, :data:`NUMBER` or :data:`ERROR`.
    :param rows: rows of the run that were looked at; of an error column all, of others those that have not failed.
    :param rows_before: the same of the baseline.
    :param runs_before: how many runs these are, at most :data:`MAX_RUNS`.
    :param index: the :func:`~.drift.stability_index`; None without a baseline.
    :param chance: what it reaches by chance alone (:func:`~.drift.chance_index`); None without a baseline.
    :param nulls: share of rows without a value, 0 to 1.
    :param nulls_before: the same of the baseline.
    :param bins: the bins that add most to the index, at most :data:`SHOWN`.
    :param labels: the most frequent labels of either side, at most :data:`SHOWN`; none of numbers.
    :param quantiles: of numbers: each share (:data:`~.drift.QUANTILES`), its value, and its value before.
    """

    column: str
    kind: str
    rows: int
    rows_before: int
    runs_before: int
    index: float | None = None
    chance: float | None = None
    nulls: float = 0.0
    nulls_before: float = 0.0
    bins: tuple[Bin, ...] = ()
    labels: tuple[Bin, ...] = ()
    quantiles: tuple[tuple[float, float | None, float | None], ...] = ()

    @property
    def moved(self) -> tuple[Bin, ...]:
        """The three bins that add most to the index."""
        return self.bins[:3]

    def has_drifted(self, limit: float) -> bool:
        """Whether the index is above the limit and above what chance alone gives."""
        return self.index is not None and self.chance is not None and self.index > max(limit, self.chance)


@dataclass(frozen=True)
class DriftReport:
    """A run beside the runs before it.

    :param table: where the profiles of runs are kept, as SQL.
    :param max_drift: the limit of each column's index.
    :param columns: what was compared.
    """

    table: str
    max_drift: float
    columns: tuple[ColumnDrift, ...] = ()

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns above the limit, the farthest first."""
        found = [column for column in self.columns if column.has_drifted(self.max_drift)]
        return tuple(sorted(found, key=lambda column: -(column.index or 0.0)))

    @property
    def has_baseline(self) -> bool:
        """Whether any column could be compared."""
        return any(column.index is not None for column in self.columns)

    @property
    def runs_before(self) -> int:
        """How many runs the baseline has."""
        return max((column.runs_before for column in self.columns), default=0)

    def headline(self) -> dict[str, Any]:
        """The report in one flat object, for an asset's event: limit, baseline, each index, and what drifted."""
        return {
            "max_drift": self.max_drift,
            "runs_before": self.runs_before,
            "index": {column.column: column.index for column in self.columns},
            "drifted": [column.column for column in self.drifted],
        }

    def to_xcom(self) -> dict[str, Any]:
        """JSON form."""
        return xcom.write(self)

    @classmethod
    def from_xcom(cls, value: object) -> DriftReport:
        """The report of an XCom.

        :raises ValueError: as :func:`.xcom.read`.
        """
        return xcom.read(cls, value, convert={"columns": _columns, "max_drift": float})


def find_report(value: object) -> DriftReport | None:
    """The report in what LoadResultsOperator returned or failed with; None where there is none.

    :param value: the XCom, which may be anybody's.
    """
    try:
        return DriftReport.from_xcom(value.get("drift", value) if isinstance(value, Mapping) else None)
    except ValueError:
        return None


def _columns(value: Sequence[Mapping[str, Any]]) -> tuple[ColumnDrift, ...]:
    """The columns of an XCom, whose texts become texts and whose numbers numbers: pages calculate with them.

    :raises TypeError: for a field that is not known, as :func:`.xcom.read` expects it.
    """
    known = {each.name for each in fields(ColumnDrift)}
    if unknown := sorted({name for item in value for name in item if name not in known}):
        raise TypeError(f"unknown: {', '.join(unknown)}")
    return tuple(
        ColumnDrift(
            column=str(item["column"]),
            kind=str(item["kind"]),
            rows=int(item["rows"]),
            rows_before=int(item["rows_before"]),
            runs_before=int(item["runs_before"]),
            index=_number(item["index"]),
            chance=_number(item["chance"]),
            nulls=float(item["nulls"]),
            nulls_before=float(item["nulls_before"]),
            bins=_bins(item["bins"]),
            labels=_bins(item["labels"]),
            quantiles=tuple((float(q), _number(now), _number(before)) for q, now, before in item["quantiles"]),
        )
        for item in value
    )


def _bins(value: Sequence[Mapping[str, Any]]) -> tuple[Bin, ...]:
    return tuple(
        Bin(str(item["text"]), float(item["share"]), float(item["before"]), float(item["part"])) for item in value
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
