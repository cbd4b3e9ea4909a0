"""The text of the approval form, which Airflow shows as the task's Required Action.

It has the verdict, the sample as a table with pictures, and what the full run is expected to take. The form holds no
picture and no signed address. Its images are addresses of the review page, which asks Airflow who the reader is.
Everything from outside is in code spans (see :mod:`airflow_provider_mediabatch.review.markdown`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_mediabatch.core.cost_projection import Projection
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.media_types import expected_kind
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.review import markdown
from airflow_provider_mediabatch.review.addresses import URL_PREFIX, segments

MAX_COLUMNS = 8
MAX_CELL = 80
MAX_QUARANTINED = 10


def body(
    report: SampleReport,
    *,
    projection: Projection,
    plan: InferencePlan | None,
    file_columns: Sequence[str],
    task: Sequence[str | int] | None,
    site: str = "",
) -> str:
    """The form's Markdown.

    :param report: the sample.
    :param projection: what the full run is expected to take.
    :param plan: names the model, and holds the validation's warnings.
    :param file_columns: the columns that hold full stage paths.
    :param task: dag id, run id, task id and map index of the sample's task, whose review page has the pictures. None
        leaves out the pictures.
    :param site: the path below which Airflow is served.
    """
    page = f"{site}{URL_PREFIX}/{segments(*task)}" if task else None
    facts = [(label, markdown.code(value)) for label, value in projection.lines()]
    if report.seconds_per_file is not None:
        facts.append(("Seconds per file in the sample", markdown.code(f"{report.seconds_per_file:.3g}")))
    if plan is not None:
        facts.append(("Model", markdown.code(f"{plan.model} version {plan.model_version}, {plan.function}")))
        facts.append(("Compute pool", markdown.code(plan.compute_pool)))
    facts.append(("Sample's job", markdown.code(report.job)))
    verdict = "The sample passed its checks." if report.passed else "The sample failed its checks."
    checks = [{"name": item.name, "passed": item.passed, "detail": item.detail} for item in report.checks]
    parts = [
        f"**{verdict}** Approve to start the full run.",
        _rows(report, file_columns, page),
        "### Full run",
        markdown.table(("", ""), facts),
        "### Checks",
        markdown.checks_table(checks),
    ]
    if report.quarantined_count:
        parts += ["### Files that the model cannot process", _quarantined(report)]
    if plan is not None and plan.warnings:
        parts += ["### Warnings", "\n".join(f"- {markdown.code(warning, 400)}" for warning in plan.warnings)]
    if page:
        parts.append(markdown.link(page, "Open the review page"))
    return "\n\n".join(parts)


def _rows(report: SampleReport, file_columns: Sequence[str], page: str | None) -> str:
    if not report.preview:
        return "The sample returned no rows."
    names = [name for name in report.preview[0] if not name.startswith("MB_")]
    files = [name for name in names if name in file_columns]
    outputs = [name for name in names if name not in file_columns]
    # A job's output has the model's columns last, and they matter most here.
    others = outputs[-max(1, MAX_COLUMNS - len(files)) :]
    header = [markdown.code(name) for name in (*files, *others)]
    lines = [
        [
            *(_medium(row.get(name), page, index, name) for name in files),
            *(markdown.code(_text(row.get(name)), MAX_CELL) for name in others),
        ]
        for index, row in enumerate(report.preview)
    ]
    return markdown.table(header, lines)


def _quarantined(report: SampleReport) -> str:
    """What the full run leaves out, and why."""
    lines = [
        f"- {markdown.code(item['path'].rsplit('/', 1)[-1], 60)}: {markdown.code(item['error'].splitlines()[0], 200)}"
        for item in report.quarantined[:MAX_QUARANTINED]
    ]
    if report.quarantined_count > len(lines):
        lines.append(f"- and {report.quarantined_count - len(lines):,} more")
    return "They are quarantined, and the full run leaves them out.\n\n" + "\n".join(lines)


def _medium(value: Any, page: str | None, row: int, column: str) -> str:
    path = "" if value is None else str(value)
    name = markdown.code(path.rsplit("/", 1)[-1], 60)
    if not page or not path.startswith("@"):
        return name
    url = f"{page}/preview/{segments(row, column)}"
    kind = expected_kind(path)
    if kind == "image":
        return f"{markdown.image(url, 'sampled picture')} {name}"
    return f"{markdown.link(f'{url}?size=full', 'Play' if kind in ('audio', 'video') else 'Open')} {name}"


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
