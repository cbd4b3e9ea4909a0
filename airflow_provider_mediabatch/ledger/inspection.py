"""What a person asks of a ledger: what is done, what failed and why, which runs there were, and giving files back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger.claims import LedgerSubject
from airflow_provider_mediabatch.ledger.take_over import JobFate, job_fate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.ledger.ledger import Ledger

_VERSION = "T.MODEL_NAME, T.MODEL_VERSION, T.MODEL_VERSION_CREATED_ON, T.FUNCTION_NAME"
RELEASED_BY_HAND = "released by a user"


def count_states(connection: SnowflakeConnection, ledger: Ledger) -> list[dict[str, Any]]:
    """Files and bytes by model version, function and state, with the time of the latest change."""
    return rows(
        connection,
        f"SELECT {_VERSION}, T.STATE, COUNT(*) AS FILES, SUM(T.FILE_SIZE) AS BYTES, MAX(T.UPDATED_AT) AS UPDATED_AT "
        f"FROM {ledger.table} T GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5",
    )


def failed_files(connection: SnowflakeConnection, ledger: Ledger, limit: int) -> list[dict[str, Any]]:
    """The latest files that are quarantined, or released with a reason: path, state, ERROR and run.

    :param limit: most files.
    """
    return rows(
        connection,
        f"SELECT T.FILE_PATH, T.MODEL_NAME, T.MODEL_VERSION, T.STATE, T.ERROR, T.DAG_ID, T.RUN_ID, T.UPDATED_AT "
        f"FROM {ledger.table} T WHERE T.STATE = 'quarantined' OR (T.STATE = 'released' AND T.ERROR IS NOT NULL) "
        f"ORDER BY T.UPDATED_AT DESC, T.FILE_PATH LIMIT {int(limit)}",
    )


def count_runs(connection: SnowflakeConnection, ledger: Ledger, limit: int) -> list[dict[str, Any]]:
    """The latest runs that hold files, or held them last: files by state, jobs, and the time of the latest change.

    :param limit: most runs.
    """
    counts = ", ".join(
        f"COUNT_IF(T.STATE = {sql.literal(state)}) AS {state.upper()}"
        for state in ("done", "claimed", "quarantined", "released")
    )
    return rows(
        connection,
        f"SELECT T.DAG_ID, T.RUN_ID, T.MODEL_NAME, T.MODEL_VERSION, {counts}, COUNT(DISTINCT T.JOB_NAME) AS JOBS, "
        f"MAX(T.UPDATED_AT) AS UPDATED_AT FROM {ledger.table} T GROUP BY 1, 2, 3, 4 "
        f"ORDER BY UPDATED_AT DESC, 1, 2 LIMIT {int(limit)}",
    )


def release_run(connection: SnowflakeConnection, ledger: Ledger, dag_id: str, run_id: str) -> int:
    """Give back the files that a run has claimed, unless one of its jobs may still process them or has done so.

    :return: files released.
    :raises InvalidInputError: for a run that has no claim, or whose jobs decide otherwise. Nothing is released then.
    """
    claimed = ledger.noted_jobs(f"T.DAG_ID = {sql.literal(dag_id)} AND T.RUN_ID = {sql.literal(run_id)}")
    if not claimed:
        raise InvalidInputError(f"run {run_id} of {dag_id} has claimed no file in {ledger.table}")
    for item in claimed:
        fate = job_fate(connection, item)
        if fate is JobFate.ALIVE:
            raise InvalidInputError(
                f"job {item.job} of run {run_id} may still process its files: wait for it, or cancel it with "
                f"CALL {item.job}!SPCS_CANCEL_JOB()"
            )
        if fate is JobFate.FINISHED:
            raise InvalidInputError(
                f"job {item.job} of run {run_id} has processed its files: a retry of the run, or the next listing, "
                "records them"
            )
        if item.job is not None and item.is_recent and jobs.describe(connection, item.job) is None:
            raise InvalidInputError(
                f"job {item.job} of run {run_id} is not there, and it was noted less than an hour ago: Snowflake may "
                "still be building its image. Try again an hour after the run's end"
            )
    return sum(ledger.release(claim_id, RELEASED_BY_HAND) for claim_id in {item.claim_id for item in claimed})


def release_quarantined(connection: SnowflakeConnection, ledger: Ledger, paths: Sequence[str] | None) -> int:
    """Let quarantined files be taken again, whichever model version they were quarantined for.

    :param paths: these full stage paths; None: all.
    :return: rows released.
    """
    found = rows(connection, f"SELECT DISTINCT {_VERSION} FROM {ledger.table} T WHERE T.STATE = 'quarantined'")
    subjects = [LedgerSubject(*(str(value) for value in row.values())) for row in found]
    return sum(ledger.release_quarantined(subject, paths) for subject in subjects)
