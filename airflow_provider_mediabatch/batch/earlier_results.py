"""What else is to be loaded, by the ledger: output that LoadResults loads beside the results it is given.

A late file makes a cleared run list that file alone, so the new result says nothing of the files that were done before.
Nor does any result say anything of the files that a listing has adopted from a finished job of an ended run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client import stages
from airflow_provider_mediabatch.client.connection import rows_or_none
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import IncompleteOutputError
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.batch_result import BatchResult
    from airflow_provider_mediabatch.core.manifest import Manifest


def earlier_results(
    connection: SnowflakeConnection, table: str, given: Sequence[tuple[BatchResult, Manifest]], dag_id: str
) -> list[tuple[BatchResult, Manifest]]:
    """Results of the same run, and adopted ones of the DAG, that are not among those given nor in the table.

    :param table: the results table as SQL; it need not exist.
    :param given: the results to load, with their manifests. All are of one listing.
    :raises IncompleteOutputError: when the output of such a job is not whole any more.
    """
    result, manifest = given[0]
    claimed = ClaimedRows.of(connection, manifest)
    if claimed is None:
        return []
    known = {item.job for item, _ in given}
    jobs = [job for job in claimed.jobs_to_load(dag_id) if job.name not in known]
    if not jobs:
        return []
    loaded = _loaded_jobs(connection, table, [job.name for job in jobs])
    found = []
    for job in jobs:
        if job.name in loaded:
            continue
        if not stages.output_folder(connection, job.location).success:
            if not job.is_own:
                log.warning(
                    "%d files of job %s, which an earlier run has adopted, are not in %s, and the job's output in %s "
                    "is no longer whole. List the files with reprocess=True to run them once more",
                    *(job.files, job.name, table, job.location),
                )
                continue
            raise IncompleteOutputError(
                f"{claimed.table} has {job.files:,} files of this run as done by job {job.name}. The job's output in "
                f"{job.location} is no longer whole, and {table} does not have it. Nothing was loaded",
                running="The job has ended and incurs no more cost.",
                retry="A retry will fail in the same way. List the files with reprocess=True to run them once more.",
            )
        earlier = replace(
            result,
            job=job.name,
            location=job.location,
            rows=StagedParquet(connection, job.name.rpartition(".")[0]).count(job.location),
            files=job.files,
            seconds=0.0,
            quarantined=(),
            more_quarantined=0,
            failed_rows=0,
            job_seconds=None,
            cost=None,
            projected_seconds=None,
            projected_cost=None,
            adopted=True,
        )
        found.append((earlier, manifest))
    return found


def _loaded_jobs(connection: SnowflakeConnection, table: str, jobs: Sequence[str]) -> set[str]:
    """Those of the jobs whose rows are in the table."""
    listed = sql.literal(list(jobs))
    found = rows_or_none(connection, f"SELECT DISTINCT MB_JOB FROM {table} WHERE MB_JOB IN {listed}")
    return {str(row["MB_JOB"]) for row in found or ()}
