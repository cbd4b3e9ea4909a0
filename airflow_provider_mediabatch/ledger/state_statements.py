"""The statements that count, release and quarantine files, as text."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.ledger.claims import REJECTED, UNANSWERED, LedgerSubject
from airflow_provider_mediabatch.ledger.conditions import (
    IS_DONE,
    IS_GIVEN_BACK,
    NOW,
    give_back_sql,
    subject_condition,
    waits_for_jobs,
)


def count_states_sql(table: str, mine: str) -> str:
    """A claim's rows by STATE and job: STATE, JOB_NAME, OUTPUT_LOCATION, WORK_DIGEST, COUNTED and :data:`COSTS`.

    Files whose reprocessing was given back count as claimed: the claim that asks may take them back and do them.
    """
    costs = ", ".join(f"MAX(T.{name}) AS {name}" for name in COSTS)
    return (
        f"SELECT IFF({IS_GIVEN_BACK}, 'claimed', T.STATE) AS STATE, T.JOB_NAME, T.OUTPUT_LOCATION, T.WORK_DIGEST, "
        f"COUNT(*) AS COUNTED, {costs} FROM {table} T WHERE {mine} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )


COSTS = ("JOB_SECONDS", "JOB_COST", "PROJECTED_SECONDS", "PROJECTED_COST", "CURRENCY")
"""What a job took and cost, in each row of a file that it has done."""


def count_rejected_sql(table: str, mine: str) -> str:
    """How many of a claim's rows a rejection is about, COUNTED. It has released them, or, in a reprocessing, made them
    done again. Those of a job that may be alive are still claimed.
    """
    reasons = ", ".join(sql.literal(reason) for reason in (REJECTED, UNANSWERED))
    return (
        f"SELECT COUNT(*) AS COUNTED FROM {table} T WHERE {mine} AND T.STATE IN ('claimed', 'released', 'done') "
        f"AND T.ERROR IN ({reasons})"
    )


def release_sql(table: str, mine: str, reason: str, ended: Sequence[str] = ()) -> str:
    """Give a claim's files back. Files that an earlier job has done become done again (a reprocessing that failed).

    :param ended: jobs that will not do their files. Those of other jobs only get the reason: such a job may do its
        files or have done them, and may have been noted after these jobs were looked up.
    """
    return (
        f"UPDATE {table} T SET {give_back_sql(f'(T.JOB_NAME IS NULL OR {waits_for_jobs(ended)})')}, "
        f"ERROR = {sql.literal(reason)} WHERE {mine} AND T.STATE = 'claimed'"
    )


def any_done_sql(table: str, subject: LedgerSubject) -> str:
    """One row if any file is done for this function of this model version, else none."""
    return f"SELECT 1 AS FOUND FROM {table} T WHERE {subject_condition(subject)} AND {IS_DONE} LIMIT 1"


def quarantine_sql(table: str, mine: str, select: str, job: str) -> str:
    """Quarantine files, each with what the model said of it.

    :param select: a SELECT of FILE_PATH and ERROR, whose rows stay on the server.
    """
    return (
        f"UPDATE {table} T SET STATE = 'quarantined', ERROR = S.ERROR, JOB_NAME = {sql.literal(job)}, "
        f"EARLIER_JOB = NULL, UPDATED_AT = {NOW} FROM ({select}) S WHERE {mine} AND T.FILE_PATH = S.FILE_PATH"
    )


def quarantined_files_sql(table: str, mine: str, stem: str, limit: int) -> str:
    """The first files by path that a job quarantined: FILE_PATH, ERROR.

    :param stem: what the job's unqualified name begins with.
    """
    return (
        f"SELECT T.FILE_PATH, T.ERROR FROM {table} T WHERE {mine} AND T.STATE = 'quarantined' "
        f"AND CONTAINS(T.JOB_NAME, {sql.literal(f'.{stem}_')}) ORDER BY T.FILE_PATH LIMIT {int(limit)}"
    )


def release_quarantined_sql(table: str, subject: LedgerSubject, paths: Sequence[str] | None) -> str:
    """Let quarantined files be taken again: these, or all of the model version.

    An earlier job may have done such a file. It is not done any more, and whoever claims it does not reprocess it.
    """
    some = "" if paths is None else f" AND T.FILE_PATH IN {sql.literal(list(paths))}"
    return (
        f"UPDATE {table} T SET STATE = 'released', DONE_AT = NULL, EARLIER_JOB = NULL, UPDATED_AT = {NOW} "
        f"WHERE {subject_condition(subject)} AND T.STATE = 'quarantined'{some}"
    )
