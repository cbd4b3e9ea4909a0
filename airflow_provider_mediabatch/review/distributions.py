"""How a result's labels and scores are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from airflow_provider_mediabatch.core.chat import PROTOCOL
from airflow_provider_mediabatch.review import plots
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_query import Histogram, ResultColumn, ResultQuery
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch

MAX_PLOTS = 4
MAX_LABEL = 60


@dataclass(frozen=True)
class Distribution:
    """The values of one column over all rows.

    :param column: the column's name.
    :param labels: of a column that is counted, the most frequent values with their counts.
    :param histogram: of a numeric column.
    """

    column: str
    labels: tuple[tuple[str, int], ...] = ()
    histogram: Histogram | None = None

    def plot(self, address: str, request: PageRequest) -> Markup:
        """The plot. Pressing a bar adds its filter to those of the request.

        :param address: of the page, without a query.
        :param request: what the page shows.
        """
        if self.histogram is None:
            return Markup(
                plots.bars(self.labels, lambda label: address + request.query(label_column=self.column, label=label))
            )
        found = self.histogram
        return Markup(
            plots.histogram(
                found.counts,
                found.low,
                found.high,
                title=f"Histogram of {self.column}",
                link=lambda low, high: address + request.query(range_column=self.column, low=low, high=high),
            )
        )

    @property
    def numbers(self) -> tuple[tuple[str, str], ...]:
        """Label and value of a histogram's numbers."""
        found = self.histogram
        if found is None:
            return ()
        values = (("lowest", found.low), ("mean", found.mean), ("highest", found.high))
        return tuple((name, plots.number(value)) for name, value in values)


def distributions(
    batch: ReviewedBatch, query: ResultQuery, columns: Sequence[ResultColumn], total: int
) -> tuple[Distribution, ...]:
    """The first four outputs that can be counted or measured.

    :param batch: knows which columns are outputs.
    :param query: reads the result.
    :param columns: the result's columns.
    :param total: the result's number of rows.
    """
    drawn: list[Distribution] = []
    for column in columns:
        if len(drawn) >= MAX_PLOTS:
            break
        if batch.is_output(column.name) and not (batch.is_chat and column.name.lower() in PROTOCOL):
            found = _of_numbers(query, column) if column.is_numeric else _of_labels(query, column, total)
            drawn += [found] if found is not None else []
    return tuple(drawn)


def _of_numbers(query: ResultQuery, column: ResultColumn) -> Distribution | None:
    histogram = query.histogram(column)
    return None if histogram is None else Distribution(column.name, histogram=histogram)


def _of_labels(query: ResultQuery, column: ResultColumn, total: int) -> Distribution | None:
    if not (column.is_text or column.is_boolean):
        return None
    counts, distinct = query.labels(column)
    # As many values as rows, or a long one, is free text, such as a transcript. There is nothing to count in it.
    is_free = (distinct == total and total != 1) or any(len(label) > MAX_LABEL for label, _ in counts)
    return None if not counts or is_free else Distribution(column.name, tuple(counts))
