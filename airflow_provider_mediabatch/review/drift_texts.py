"""A run's output beside that of the runs before it in words, for the pages of a run, of its batches and of a DAG."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_mediabatch.core.drift_report import NUMBER, ColumnDrift, DriftReport
from airflow_provider_mediabatch.review.reviewed_batch import LoadedDrift
from airflow_provider_mediabatch.review.task_texts import StateText
from airflow_provider_mediabatch.review.visible_text import shortened

SHOWN = 3
MAX_SECTIONS = 50
MAX_COLUMNS = 50
MAX_LABEL = 60


@dataclass(frozen=True)
class DriftRow:
    """What the line of a column says.

    :param column: its name.
    :param verdict: whether it has drifted.
    :param index: its index.
    :param rows: rows that were compared.
    :param nulls: the share of NULL.
    :param values: its labels, each with its shares; or its quantiles, each after "". They are apart, because a label
        may be written from right to left.
    """

    column: str
    verdict: StateText
    index: str
    rows: str
    nulls: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DriftSection:
    """What a page says of a task that has compared its run.

    :param task: the task.
    :param sentence: what came of it.
    :param rows: its columns, at most 50.
    :param more: how many more there are.
    """

    task: str
    sentence: str
    rows: tuple[DriftRow, ...]
    more: int = 0


def section(found: LoadedDrift) -> DriftSection:
    """What a page says of a task that has compared its run."""
    report, index = found.report, found.key.map_index
    return DriftSection(
        found.key.task_id + (f" [{index}]" if index >= 0 else ""),
        sentence(report, loaded=not found.is_failed),
        tuple(_row(column, report.max_drift) for column in report.columns[:MAX_COLUMNS]),
        max(0, len(report.columns) - MAX_COLUMNS),
    )


def sentence(report: DriftReport, *, loaded: bool) -> str:
    """The one sentence that a reader wants to see first.

    :param loaded: whether the output is in the table.
    """
    if not report.columns:
        return "The output has no labels and no numbers to compare."
    if not report.has_baseline:
        return "No baseline yet: the runs before have too few rows to compare with."
    runs = f"{report.runs_before} runs" if report.runs_before != 1 else "run"
    before = f"that of the last {runs}, with a limit of {report.max_drift:g}"
    if not report.drifted:
        return f"The output is distributed like {before}."
    names = ", ".join(shortened(column.column, MAX_LABEL) for column in report.drifted[:MAX_COLUMNS])
    ending = "" if loaded else " Nothing was loaded."
    return f"The distribution of the output differs from {before}: {names}.{ending}"


def _row(column: ColumnDrift, limit: float) -> DriftRow:
    return DriftRow(
        column.column,
        _verdict(column, limit),
        "–" if column.index is None else f"{column.index:.2f}",
        f"{column.rows:,} / {column.rows_before:,}",
        _percent(column, column.nulls, column.nulls_before),
        _quantiles(column) if column.kind == NUMBER else _labels(column),
    )


def _verdict(column: ColumnDrift, limit: float) -> StateText:
    if not column.rows:
        return StateText("no rows", "plain")
    if column.index is None:
        return StateText("no baseline yet", "plain")
    if column.has_drifted(limit):
        return StateText("drifted", "bad")
    return StateText("too few rows", "plain") if column.index > limit else StateText("as before", "good")


def _labels(column: ColumnDrift) -> tuple[tuple[str, str], ...]:
    return tuple(
        (shortened(item.text, MAX_LABEL) or "(empty)", _percent(column, item.share, item.before))
        for item in column.labels[:SHOWN]
    )


def _quantiles(column: ColumnDrift) -> tuple[tuple[str, str], ...]:
    return tuple(
        ("", f"{share:.0%} ≤ {_number(now)}" + (f" ({_number(before)})" if column.rows_before else ""))
        for share, now, before in column.quantiles[:MAX_COLUMNS]
    )


def _percent(column: ColumnDrift, share: float, before: float) -> str:
    return f"{share:.0%}" + (f" ({before:.0%})" if column.rows_before else "")


def _number(value: float | None) -> str:
    return "NULL" if value is None else f"{value:.4g}"
