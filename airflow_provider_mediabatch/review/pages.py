"""What stands on a review page: figures, plots and one page of results, as plain values for the templates.

The overview comes from the task's XCom alone, so it is there when Snowflake is not, and when the output is gone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.projection import duration
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review import plots
from airflow_provider_mediabatch.review.result_query import MAX_CHARACTERS, PageRequest, ResultColumn, ResultPages
from airflow_provider_mediabatch.review.thumbnails import expected_kind

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.sample_report import SampleReport
    from airflow_provider_mediabatch.review.batches import Batch
    from airflow_provider_mediabatch.review.connections import Connections

log = logging.getLogger(__name__)

MAX_PLOTS = 4
MAX_MEMBERS = 20


@dataclass(frozen=True)
class Medium:
    """A file of a row.

    :param column: the file column.
    :param path: full stage path.
    :param kind: ``image``, ``audio``, ``video`` or ``file``.
    :param url: of the page's own media route, or None where the value is no stage path.
    """

    column: str
    path: str
    kind: str
    url: str | None

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rstrip("/").rsplit("/", 1)[-1] or self.path


@dataclass(frozen=True)
class Value:
    """A column's value in a row, ready to be shown.

    :param column: its name.
    :param text: the value, cut.
    :param cut: there is more of it.
    :param share: 0 to 1 for a score, else None.
    :param output: the model's, not passed through from the input.
    """

    column: str
    text: str
    cut: bool = False
    share: float | None = None
    output: bool = True


@dataclass(frozen=True)
class Row:
    """One result."""

    media: tuple[Medium, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Plot:
    """A distribution: the drawing and its numbers."""

    title: str
    svg: Markup
    numbers: tuple[tuple[str, str], ...]
    label_column: str | None = None


@dataclass(frozen=True)
class Results:
    """A page of results, or why there is none."""

    rows: tuple[Row, ...] = ()
    plots: tuple[Plot, ...] = ()
    total: int = 0
    matching: int = 0
    columns: tuple[ResultColumn, ...] = ()
    problem: str = ""


def overview(batch: Batch) -> list[tuple[str, str]]:
    """Label and value of everything that the task reported."""
    value, plan = batch.value, batch.plan
    found: list[tuple[str, str]] = []
    if isinstance(value, BatchResult):
        found += [
            ("Model", f"{value.model} · version {value.model_version} · {value.function}"),
            ("Files", f"{value.files:,}"),
            ("Result rows", f"{value.rows:,}"),
            ("Duration", duration(value.seconds)),
        ]
        if value.seconds > 0 and value.files:
            found.append(("Throughput", f"{plots.number(value.files / value.seconds)} files/s"))
            found.append(("Time per file", duration(value.seconds / value.files)))
        found.append(("Quarantined files", f"{value.quarantined_count:,}"))
        if value.generation:
            found.append(("Earlier jobs of this batch", str(value.generation)))
        if value.adopted:
            found.append(("Adopted", "an earlier try's job had already done this: nothing was run again"))
    else:
        if plan:
            found.append(("Model", f"{plan.model} · version {plan.model_version} · {plan.function}"))
        found.append(("Sampled rows", f"{value.rows:,}"))
        if batch.manifests:
            found.append(("Files in the full run", f"{sum(item.file_count for item in batch.manifests):,}"))
        if value.seconds_per_file is not None:
            found.append(("Time per file", duration(value.seconds_per_file)))
    if plan:
        found.append(("Compute pool", plan.compute_pool + (f" × {plan.replicas}" if plan.replicas else "")))
    for manifest in batch.manifests[:1]:
        if manifest.zero_byte_files:
            found.append(("Empty files left out", f"{manifest.zero_byte_files:,}"))
        if manifest.unmatched_files:
            found.append(("Files without partner left out", f"{manifest.unmatched_files:,}"))
        found += [(f"Left out: {reason}", f"{count:,}") for reason, count in manifest.skipped.items() if count]
    return [*found, ("Job", value.job), ("Results", value.location)]


def results(
    batch: Batch, request: PageRequest, connections: Connections, sign: Callable[[str], str], *, with_plots: bool = True
) -> Results:
    """One page of the batch's output.

    :param request: what the reader asked for.
    :param connections: where the statements run.
    :param sign: makes a media URL of a full stage path.
    :param with_plots: distributions over all rows as well.
    """
    try:
        return connections.run(
            batch.conn_id,
            lambda connection: _read(batch, request, ResultPages(connection, batch.value.location), sign, with_plots),
        )
    except Exception as error:  # the page stays up whatever Snowflake says
        log.warning("The results of %s cannot be read", batch.value.job, exc_info=True)
        return Results(problem=f"The results cannot be read now: {first_line(error)}")


def with_preview(found: Results, batch: Batch, report: SampleReport, sign: Callable[[str], str]) -> Results:
    """The rows that the sample's report carries, where the output itself cannot be read."""
    rows = (_row(batch, [ResultColumn(name, "TEXT") for name in row], row, sign) for row in report.preview)
    return replace(found, rows=tuple(rows))


_cached_plots: dict[tuple[str, str], tuple[int, tuple[Plot, ...]]] = {}
_MAX_CACHED = 128


def _read(
    batch: Batch, request: PageRequest, pages: ResultPages, sign: Callable[[str], str], with_plots: bool
) -> Results:
    columns = pages.columns()
    if not columns:
        return Results(problem="The output folder holds no results any more.")
    key = (batch.conn_id, batch.value.location)
    if key not in _cached_plots:
        # A finished job's output does not change: its totals are asked for once.
        total = pages.count(columns, PageRequest())
        drawn = _plots(batch, pages, columns, total) if with_plots else ()
        while len(_cached_plots) >= _MAX_CACHED:
            _cached_plots.pop(next(iter(_cached_plots)))
        _cached_plots[key] = (total, drawn)
    total, drawn = _cached_plots[key]
    filtered = bool(request.search or (request.label_column and request.label is not None))
    matching = pages.count(columns, request) if filtered else total
    found = pages.page(columns, request)
    return Results(
        rows=tuple(_row(batch, columns, row, sign) for row in found),
        plots=drawn,
        total=total,
        matching=matching,
        columns=tuple(column for column in columns if not column.name.startswith("MB_")),
    )


def _plots(batch: Batch, pages: ResultPages, columns: Sequence[ResultColumn], total: int) -> tuple[Plot, ...]:
    drawn: list[Plot] = []
    for column in columns:
        if len(drawn) >= MAX_PLOTS or not _is_output(batch, column.name):
            continue
        if column.is_numeric:
            histogram = pages.histogram(column)
            if histogram is not None:
                drawn.append(
                    Plot(
                        column.name,
                        Markup(
                            plots.histogram(
                                histogram.counts, histogram.low, histogram.high, title=f"Spread of {column.name}"
                            )
                        ),
                        (
                            ("lowest", plots.number(histogram.low)),
                            ("mean", plots.number(histogram.mean)),
                            ("highest", plots.number(histogram.high)),
                        ),
                    )
                )
        elif column.is_text:
            counts, distinct = pages.labels(column)
            # As many values as rows is free text, such as a transcript: there is nothing to count.
            if counts and (distinct < total or total == 1):
                drawn.append(
                    Plot(
                        column.name,
                        Markup(plots.bars(counts, title=f"How often each value of {column.name} stands")),
                        tuple((label, str(count)) for label, count in counts),
                        label_column=column.name,
                    )
                )
    return tuple(drawn)


def _row(
    batch: Batch,
    columns: Sequence[ResultColumn],
    row: Mapping[str, Any],
    sign: Callable[[str], str],
) -> Row:
    files = batch.file_columns or tuple(name for name, value in row.items() if _is_stage_path(value))
    media = tuple(_medium(name, row[name], sign) for name in files if row.get(name) is not None)
    values = tuple(
        value
        for column in columns
        if column.name not in files and not column.name.startswith("MB_")
        for value in _values(column, row.get(column.name), _is_output(batch, column.name))
    )
    return Row(media, tuple(sorted(values, key=lambda value: not value.output)))


def _medium(column: str, value: Any, sign: Callable[[str], str]) -> Medium:
    text = str(value)
    return Medium(column, text, expected_kind(text), sign(text) if _is_stage_path(text) else None)


def _values(column: ResultColumn, value: Any, output: bool) -> list[Value]:
    """A column's value; an object of a nested output member by member, where it is short enough to be read whole."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            members = json.loads(value)
        except ValueError:
            members = None
        if isinstance(members, dict) and 0 < len(members) <= MAX_MEMBERS:
            return [_member(f"{column.name} · {name}", item, output) for name, item in members.items()]
    return [_value(column, value, output)]


def _member(name: str, value: Any, output: bool) -> Value:
    if isinstance(value, float):
        return _value(ResultColumn(name, "FLOAT"), value, output)
    text = value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
    return _value(ResultColumn(name, "TEXT"), text, output)


def _value(column: ResultColumn, value: Any, output: bool) -> Value:
    if value is None:
        return Value(column.name, "NULL", output=output)
    if isinstance(value, float) or (column.is_numeric and not isinstance(value, str)):
        as_float = float(value)
        share = as_float if column.type.upper().startswith(("FLOAT", "REAL", "DOUBLE")) and 0 <= as_float <= 1 else None
        return Value(column.name, plots.number(as_float), share=share, output=output)
    if column.type.upper().startswith("BINARY"):
        return Value(column.name, f"{int(value):,} bytes", output=output)
    text = str(value)
    return Value(column.name, text[:MAX_CHARACTERS], cut=len(text) > MAX_CHARACTERS, output=output)


def _is_output(batch: Batch, name: str) -> bool:
    """Whether the model added this column: by the signature where it is known, else by what the manifest lacks."""
    if name.startswith("MB_") or name in batch.file_columns:
        return False
    if batch.outputs:
        return name.upper() in _upper(tuple(batch.outputs))
    return not batch.manifests or name not in batch.manifests[0].columns


@lru_cache(maxsize=64)
def _upper(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.upper() for name in names)


def _is_stage_path(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith("@"):
        return False
    try:
        return bool(StagePath.parse(value).path)
    except ValueError:
        return False


def first_line(error: Exception) -> str:
    """An error's text as one short line."""
    text = str(getattr(error, "msg", None) or error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
