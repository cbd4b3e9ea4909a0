"""Verified results and the ledger: what FullBatch records there, and what it finds there of an earlier run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.isolation_rounds import MAX_LISTED, listed_files
from airflow_provider_mediabatch.batch.job_outcomes import verify_output
from airflow_provider_mediabatch.batch.row_errors import model_at_fault, quarantine_failed_rows, read_row_errors
from airflow_provider_mediabatch.client import jobs, stages
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest


def check_owned(
    request: JobRequest,
    connection: SnowflakeConnection,
    job: str,
    location: str | None = None,
    *,
    approved: bool = False,
) -> None:
    """Right before a submission: the files must still be this run's, and the ledger learns the job's name first.

    :param job: the qualified name under which the job is submitted next, or of the job that is isolated next.
    :param location: the folder of the isolation's output; None: the job's own.
    :param approved: whether a person has approved the sample.
    :raises InvalidInputError: when another run has taken files, or a person rejected them.
    """
    claimed = ClaimedRows.of(connection, request.manifest)
    if claimed is not None:
        location = location or request.location(job)
        claimed.check_owned(
            job,
            request.plan,
            location=location,
            approved=approved,
            error_column=request.error_column,
            work_digest=request.work_digest,
        )


def model_has_worked(request: JobRequest, connection: SnowflakeConnection, *, sampled: int) -> bool:
    """Whether the model version is known to process files: then a file that fails alone is the file's fault.

    :param sampled: files that it has processed in this run's sample.
    """
    claimed = ClaimedRows.of(connection, request.manifest)
    return sampled > 0 or (claimed is not None and claimed.has_version_worked())


def verify_and_record(
    request: JobRequest, connection: SnowflakeConnection, attempt: Attempt, *, sampled: int
) -> BatchResult:
    """The result of a job that is DONE: its output verified, and its files done or quarantined in the ledger.

    :param sampled: files that the model has processed in this run's sample.
    :raises IncompleteOutputError: as :func:`~.job_outcomes.verify_output`.
    :raises TooManyQuarantinedError: the model says of every row that it failed, and it is not known to work.
    """
    rows, location = verify_output(connection, request, attempt), request.location(attempt.job)
    errors = read_row_errors(connection, request, location)
    if errors.count and errors.count == rows and not model_has_worked(request, connection, sampled=sampled):
        raise model_at_fault(attempt.job, errors)
    quarantine_failed_rows(connection, request, attempt.job, location, errors)
    return record_result(
        connection,
        request,
        attempt,
        rows=rows,
        location=location,
        quarantined=errors.files,
        quarantined_count=errors.count,
        failed_rows=errors.count,
    )


def record_result(
    connection: SnowflakeConnection,
    request: JobRequest,
    attempt: Attempt,
    *,
    rows: int,
    location: str,
    quarantined: Sequence[Mapping[str, str]] = (),
    quarantined_count: int = 0,
    failed_rows: int = 0,
) -> BatchResult:
    """Describe verified output, and record it in the ledger if there is one. Repeating it changes nothing.

    :param attempt: the request's job.
    :param rows: of the output.
    :param location: the output's folder.
    :param quarantined: files that were quarantined, as many as the result lists.
    :param quarantined_count: how many they are.
    :param failed_rows: how many of them have a row of the output, in which the model says why.
    """
    # An adopted job ran in an earlier try, so this try's clock says nothing about it.
    own = jobs.seconds(connection, attempt.job)
    seconds = own if attempt.adopted else time.time() - attempt.started
    # An isolation's files were run by several jobs, and the time of one of them is not the batch's.
    own = None if attempt.failed or location != request.location(attempt.job) else own
    result = replace(
        empty_result(request.manifest, request.plan),
        job=attempt.job,
        location=location,
        rows=rows,
        files=request.manifest.file_count,
        seconds=round(seconds or 0.0, 3),
        generation=attempt.generation,
        quarantined=tuple(quarantined),
        more_quarantined=quarantined_count - len(quarantined),
        failed_rows=failed_rows,
        adopted=attempt.adopted,
        job_seconds=own,
        cost=request.cost.cost(own, request.plan.replicas),
        projected_seconds=request.cost.projected_seconds,
        projected_cost=request.cost.projected_cost,
        currency=request.cost.currency,
    )
    claimed = ClaimedRows.of(connection, request.manifest)
    if claimed is not None:
        claimed.record_done(request.plan, result, request.work_digest)
    return result


def result_from_ledger(connection: SnowflakeConnection, request: JobRequest) -> BatchResult | None:
    """The result that the ledger has of this request; None when a file is still to do, or other work was done.

    Snowflake forgets a job's name after some weeks. The ledger's rows stay.

    An empty result stands for files that jobs of other names have done, or one whose output was removed. A manifest
    gets another name for its job when one of its files is gone from the stage since. LoadResults finds these jobs by
    the ledger, where the table does not have their rows.
    """
    claimed = ClaimedRows.of(connection, request.manifest)
    owned = claimed.ownership(request.job(0)) if claimed is not None else None
    if claimed is None or owned is None or not owned.finished:
        return None
    done = owned.finished_by(request.stem)
    if done is None or not stages.output_folder(connection, done[1]).success:
        return empty_result(request.manifest, request.plan) if done or owned.work == {request.work_digest} else None
    job, location = done
    costs = owned.costs[job]
    failed_rows = read_row_errors(connection, request, location).count
    count = owned.counts.get("quarantined", 0)
    quarantined = listed_files(claimed.quarantined(request.stem, MAX_LISTED)) if count else ()
    return replace(
        empty_result(request.manifest, request.plan),
        job=job,
        location=location,
        rows=StagedParquet(connection, request.plan.job_schema).count(location),
        files=request.manifest.file_count,
        quarantined=quarantined,
        more_quarantined=count - len(quarantined),
        failed_rows=failed_rows,
        job_seconds=costs["JOB_SECONDS"],
        cost=costs["JOB_COST"],
        projected_seconds=costs["PROJECTED_SECONDS"],
        projected_cost=costs["PROJECTED_COST"],
        currency=costs["CURRENCY"] or "",
        adopted=True,
    )


def empty_result(manifest: Manifest, plan: InferencePlan) -> BatchResult:
    """The result of an empty manifest: no job, no rows."""
    return BatchResult(
        job="",
        location="",
        rows=0,
        files=0,
        seconds=0.0,
        plan=plan.digest,
        model=plan.model,
        model_version=plan.model_version,
        function=plan.function,
        outputs=dict(plan.outputs),
        manifest=manifest.to_xcom(),
    )
