"""The facts at the top of a review page.

They come from the task's XCom alone, so the page shows them when Snowflake cannot be reached and when the output has
been deleted.
"""

from __future__ import annotations

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.cost_projection import duration
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.review import plots
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch


def overview(batch: ReviewedBatch) -> list[tuple[str, str]]:
    """Label and value of what a reader wants to see first: the model in a word, counts and times."""
    result, plan = batch.result, batch.plan
    facts = []
    if isinstance(result, BatchResult):
        facts.append(("Model", f"{sql.split(result.model)[-1]} {result.model_version}"))
        facts += _batch_facts(result)
    else:
        if plan:
            facts.append(("Model", f"{sql.split(plan.model)[-1]} {plan.model_version}"))
        facts += _sample_facts(batch, result)
    for manifest in batch.manifests[:1]:
        if manifest.zero_byte_files:
            facts.append(("Empty files left out", f"{manifest.zero_byte_files:,}"))
        if manifest.unmatched_files:
            facts.append(("Files without partner left out", f"{manifest.unmatched_files:,}"))
        facts += [
            (_LEFT_OUT.get(why, f"Left out: {why}"), f"{count:,}") for why, count in manifest.skipped.items() if count
        ]
    return facts


_LEFT_OUT = {
    "done": "Done earlier",
    "quarantined": "Quarantined earlier",
    "claimed": "In another run",
    "over_max_files": "Left for later runs",
    "waiting": "Waiting for more files",
}


def details(batch: ReviewedBatch) -> list[tuple[str, str]]:
    """Label and value of what a reader looks up: full names and places."""
    result, plan = batch.result, batch.plan
    if isinstance(result, BatchResult):
        facts = [("Model", f"{result.model} · version {result.model_version} · {result.function}")]
    else:
        facts = [("Model", f"{plan.model} · version {plan.model_version} · {plan.function}")] if plan else []
    if plan:
        facts.append(("Compute pool", plan.compute_pool + (f" × {plan.replicas}" if plan.replicas else "")))
    return [*facts, ("Job", result.job), ("Results", result.location)]


def _batch_facts(result: BatchResult) -> list[tuple[str, str]]:
    facts = [
        ("Files", f"{result.files:,}"),
        ("Result rows", f"{result.rows:,}"),
        ("Quarantined files", f"{result.quarantined_count:,}"),
        ("Duration", duration(result.seconds)),
    ]
    if result.seconds > 0 and result.files:
        facts.append(("Throughput", f"{plots.number(result.files / result.seconds)} files/s"))
        facts.append(("Time per file", duration(result.seconds / result.files)))
    if result.generation:
        facts.append(("Earlier jobs of this batch", str(result.generation)))
    if result.adopted:
        facts.append(("Adopted", "The job of an earlier try had finished. Its output was used and no job was started."))
    return facts


def _sample_facts(batch: ReviewedBatch, report: SampleReport) -> list[tuple[str, str]]:
    facts = [("Sampled rows", f"{report.rows:,}")]
    if batch.manifests:
        facts.append(("Files in the full run", f"{sum(manifest.file_count for manifest in batch.manifests):,}"))
    if report.seconds_per_file is not None:
        facts.append(("Time per file", duration(report.seconds_per_file)))
    return facts
