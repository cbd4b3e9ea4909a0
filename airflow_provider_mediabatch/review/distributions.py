"""How a result's labels and scores are distributed, as plots with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from airflow_provider_mediabatch.review import plots
from airflow_provider_mediabatch.review.result_query import ResultColumn, ResultQuery
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch

MAX_PLOTS = 4


@dataclass(frozen=True)
class Distribution:
    """The values of one column over all rows.

    :param title: the column's name.
    :param svg: the plot.
    :param numbers: label and number of what the plot shows.
    :param label_column: the column that a click on a label filters by, or None for a numeric column.
    """

    title: str
    svg: Markup
    numbers: tuple[tuple[str, str], ...]
    label_column: str | None = None


def distributions(
    batch: ReviewedBatch, query: ResultQuery, columns: Sequence[ResultColumn], total: int
) -> tuple[Distribution, ...]:
    """Plots of the first four outputs that can be counted or measured.

    :param batch: knows which columns are outputs.
    :param query: reads the result.
    :param columns: the result's columns.
    :param total: the result's number of rows.
    """
    drawn: list[Distribution] = []
    for column in columns:
        if len(drawn) >= MAX_PLOTS:
            break
        if batch.is_output(column.name):
            plot = _of_numbers(query, column) if column.is_numeric else _of_labels(query, column, total)
            if plot is not None:
                drawn.append(plot)
    return tuple(drawn)


def _of_numbers(query: ResultQuery, column: ResultColumn) -> Distribution | None:
    histogram = query.histogram(column)
    if histogram is None:
        return None
    svg = plots.histogram(histogram.counts, histogram.low, histogram.high, title=f"Histogram of {column.name}")
    numbers = (
        ("lowest", plots.number(histogram.low)),
        ("mean", plots.number(histogram.mean)),
        ("highest", plots.number(histogram.high)),
    )
    return Distribution(column.name, Markup(svg), numbers)


def _of_labels(query: ResultQuery, column: ResultColumn, total: int) -> Distribution | None:
    if not column.is_text:
        return None
    counts, distinct = query.labels(column)
    # As many values as rows is free text, such as a transcript. There is nothing to count in it.
    if not counts or (distinct == total and total != 1):
        return None
    svg = plots.bars(counts, title=f"Count of each value of {column.name}")
    numbers = tuple((label, str(count)) for label, count in counts)
    return Distribution(column.name, Markup(svg), numbers, label_column=column.name)
