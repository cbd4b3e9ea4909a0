"""The text of the approval form, which Airflow shows as the task's Required Action.

Verdict and price come first. Airflow puts its buttons below the text, so the sampled files stand side by side in one
low table, with small pictures. The form holds no picture and no signed address. Its images are addresses of the review
page, which asks Airflow who the reader is. Everything from outside is in code spans (see
:mod:`airflow_provider_mediabatch.review.markdown`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.cost_projection import Projection
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.media_types import expected_kind
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.truth import Truth
from airflow_provider_mediabatch.review import comparison_texts, markdown, truth_texts
from airflow_provider_mediabatch.review.addresses import URL_PREFIX, segments

MAX_COLUMNS = 8
MAX_FILES = 5
MAX_CELL = 80
MAX_QUARANTINED = 10
MAX_WARNINGS = 20
MAX_CLASSES = 10


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
    if plan is not None:
        facts.append(("Compute pool", markdown.code(plan.compute_pool)))
    facts.append(("Sample's job", markdown.code(report.job)))
    checks = [{"name": item.name, "passed": item.passed, "detail": item.detail} for item in report.checks]
    parts = [_decision(report, projection, plan)]
    if page:
        parts.append(markdown.link(page, "See the sample on its review page"))
    if not report.passed:
        parts.append(markdown.checks_table(checks))
    if report.quarantined_count:
        parts += ["### Files that the model cannot process", _quarantined(report)]
    if plan is not None and plan.warnings:
        parts += ["### Warnings", _warnings(plan.warnings)]
    parts += ["### Sample", _files(report, file_columns, page)]
    if report.truth is not None:
        parts += ["### Expected labels", *_truth(report.truth)]
    if report.comparison is not None:
        parts += [f"### {markdown.code(comparison_texts.heading(report.comparison))}", *_comparison(report.comparison)]
    parts.append("### Full run")
    parts.append(markdown.table(("What", "Value"), facts))
    if report.passed:
        parts += ["### Checks", markdown.checks_table(checks)]
    return "\n\n".join(parts)


def subject(projection: Projection, plan: InferencePlan | None) -> str:
    """The form's heading, which Airflow also lists: how many files, which model, and what it will cost.

    :param projection: what the full run is expected to take.
    :param plan: names the model.
    """
    parts = [f"{projection.files:,} {'file' if projection.files == 1 else 'files'}"]
    if plan is not None:
        parts.append(f"with {sql.split(plan.model)[-1]} {plan.model_version}")
    return markdown.plain(" ".join(parts) + (f", {projection.summary()}" if projection.summary() else ""))


def _decision(report: SampleReport, projection: Projection, plan: InferencePlan | None) -> str:
    """The verdict and the price, which a person decides by."""
    passed = sum(check.passed for check in report.checks)
    verdict = "The sample passed its checks." if report.passed else "The sample failed its checks."
    model = f" with {markdown.code(f'{plan.model} version {plan.model_version}, {plan.function}')}" if plan else ""
    price = f", {markdown.code(projection.summary())}" if projection.summary() else ""
    right = f"**{truth_texts.sentence(report.truth)}** " if report.truth is not None else ""
    changed = f"**{comparison_texts.sentence(report.comparison)}** " if report.comparison is not None else ""
    return (
        f"**{verdict}** {passed} of {len(report.checks)} passed. {right}{changed}"
        f"Approve to start the full run of {projection.files:,} files{model}{price}."
    )


def _files(report: SampleReport, file_columns: Sequence[str], page: str | None) -> str:
    """The sampled files side by side, so that the form's buttons are not far below."""
    if not report.preview:
        return "The sample returned no rows."
    rows = report.preview[:MAX_FILES]
    names = [name for name in rows[0] if not name.startswith("MB_")]
    files = [name for name in names if name in file_columns]
    # A job's output has the model's columns last, and they matter most here.
    others = [name for name in names if name not in file_columns][-MAX_COLUMNS:]
    heads = [_name(row.get(files[0])) if files else "" for row in rows]
    lines = [
        [markdown.code(name), *(_medium(row.get(name), page, index, name) for index, row in enumerate(rows))]
        for name in files
    ]
    lines += [
        [markdown.code(name), *(markdown.code(_text(row.get(name)), MAX_CELL) for row in rows)] for name in others
    ]
    if report.truth is not None and files:
        lines.append(["Expected", *(_expected(report.truth, row.get(files[0])) for row in rows)])
    if report.comparison is not None and files:
        lines.append(["Before", *(_before(report.comparison, row.get(files[0])) for row in rows)])
    more = report.rows - len(rows)
    numbered = (markdown.code(head, 60) or f"{number}" for number, head in enumerate(heads, 1))
    table = markdown.table(("File", *numbered), lines)
    return f"{table}\n\n{more:,} more sampled files are on the review page." if more > 0 else table


def _expected(truth: Truth, path: Any) -> str:
    """The expected label of a sampled file, and whether the prediction is it; "" for a file without a label."""
    example = truth.example_of(path)
    if example is None:
        return ""
    verdict = "" if truth.is_text else " right" if example["expected"] == example["predicted"] else " **wrong**"
    return markdown.code(truth_texts.expected_text(example), MAX_CELL) + verdict


def _truth(truth: Truth) -> list[str]:
    """How right the sample is, and by which classes."""
    parts = [
        markdown.table(("What", "Value"), [(name, markdown.code(item)) for name, item in truth_texts.facts(truth)])
    ]
    rows = truth_texts.class_rows(truth)[:MAX_CLASSES]
    if rows:
        head = ("Class", "Expected", "Predicted", "Precision", "Recall")
        parts.append(markdown.table(head, [(markdown.code(label, 60), *numbers) for label, *numbers in rows]))
    if truth.class_count > len(rows) > 0:
        parts.append(f"{truth.class_count - len(rows):,} more classes.")
    return parts


def _before(found: Comparison, path: Any) -> str:
    """The earlier result of a sampled file, and whether it is another one; "" for a file without one."""
    item = found.change_of(path)
    if item is None:
        return ""
    verdict = "" if item["before"] == item["after"] else " **changed**"
    return markdown.code(comparison_texts.result(item, "before"), MAX_CELL) + verdict


def _comparison(found: Comparison) -> list[str]:
    """How much of the sample changed since another version, and from what to what."""
    facts = [(markdown.code(name), markdown.code(item)) for name, item in comparison_texts.facts(found)]
    parts = [markdown.table(("What", "Value"), facts)]
    rows = comparison_texts.confusion_rows(found)[:MAX_CLASSES]
    if rows:
        lines = [
            (markdown.code(before, MAX_CELL), markdown.code(after, MAX_CELL), count) for before, after, count in rows
        ]
        parts.append(markdown.table(("Before", "Now", "Files"), lines))
    if found.pairs > len(rows) > 0:
        parts.append(f"{found.pairs - len(rows):,} more pairs.")
    return parts


def _quarantined(report: SampleReport) -> str:
    """What the full run leaves out, and why."""
    lines = []
    for item in report.quarantined[:MAX_QUARANTINED]:
        name, reason = _name(item["path"]), item["error"].partition("\n")[0]
        lines.append(f"- {markdown.code(name, 60)}: {markdown.code(reason, 200)}")
    if report.quarantined_count > len(lines):
        lines.append(f"- and {report.quarantined_count - len(lines):,} more")
    return "They are quarantined, and the full run leaves them out.\n\n" + "\n".join(lines)


def _warnings(found: Sequence[str]) -> str:
    lines = [f"- {markdown.code(warning, 400)}" for warning in found[:MAX_WARNINGS]]
    more = len(found) - len(lines)
    return "\n".join([*lines, f"- and {more:,} more"] if more else lines)


def _medium(value: Any, page: str | None, row: int, column: str) -> str:
    path = "" if value is None else str(value)
    if not page or not path.startswith("@"):
        return markdown.code(_name(value), 60)
    url = f"{page}/preview/{segments(row, column)}"
    kind = expected_kind(path)
    if kind == "image":
        return markdown.image(url, _name(value))
    verb = "Play" if kind in ("audio", "video") else "Open"
    return markdown.link(f"{url}?size=full", f"{verb} {markdown.code(_name(value), 60)}".strip())


def _name(value: Any) -> str:
    return "" if value is None else str(value).rsplit("/", 1)[-1]


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
