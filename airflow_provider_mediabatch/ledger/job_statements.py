"""The statements about claimed files and their jobs, as text: noted, done, adopted, to be loaded."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.ledger.claims import ADOPTED, ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.conditions import (
    IS_DONE,
    IS_GIVEN_BACK,
    NOW,
    done_fact,
    earlier_dag_condition,
    joined_sql,
    owner_condition,
    run_condition,
    subject_condition,
    waits_for_jobs,
)
from airflow_provider_mediabatch.ledger.take_over import ClaimedJob


def claimed_jobs_sql(
    relation: Relation, table: str, subject: LedgerSubject, prefix: str, *, age: timedelta, retention_days: int
) -> str:
    """The jobs that listed files wait for, of own claims and of others of at least this age.

    The columns of :func:`_job_columns`.

    :param prefix: what the ids of own claims begin with.
    """
    own = owner_condition(prefix)
    return (
        f"SELECT {_job_columns(own, retention_days)} {joined_sql(relation, table, subject, 'JOIN')} "
        f"WHERE T.STATE = 'claimed' AND (T.JOB_NAME IS NOT NULL OR NOT {own}) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 "
        f"HAVING {own} OR {_NEWEST} <= DATEADD(second, {-int(age.total_seconds())}, {NOW})"
    )


def noted_jobs_sql(table: str, mine: str, *, retention_days: int) -> str:
    """The jobs that claimed rows wait for, with the columns of :func:`_job_columns`; JOB_NAME is NULL for those that
    wait for none.

    :param mine: the condition on ledger rows T.
    """
    return (
        f"SELECT {_job_columns('FALSE', retention_days)} FROM {table} T WHERE {mine} AND T.STATE = 'claimed' "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )


_NEWEST = "MAX(T.UPDATED_AT)"


def _job_columns(own: str, retention_days: int) -> str:
    """CLAIM_ID, DAG_ID, RUN_ID, JOB_NAME, OUTPUT_LOCATION, ERROR_COLUMN, IS_OWN, IS_MY_JOB (this role submitted it),
    NEWEST (the latest change), FORGOTTEN (that is longer ago than Snowflake keeps jobs), RECENT (within the hour),
    WAS_DONE (an earlier job has done one of the files) and COUNTED (rows).

    :param own: the condition for IS_OWN.
    """
    return (
        f"T.CLAIM_ID, T.DAG_ID, T.RUN_ID, T.JOB_NAME, T.OUTPUT_LOCATION, T.ERROR_COLUMN, {own} AS IS_OWN, "
        f"COALESCE(T.JOB_ROLE = CURRENT_ROLE(), FALSE) AS IS_MY_JOB, "
        f"{_NEWEST} AS NEWEST, {_NEWEST} <= DATEADD(day, {-int(retention_days)}, {NOW}) AS FORGOTTEN, "
        f"{_NEWEST} > DATEADD(hour, -1, {NOW}) AS RECENT, MAX(T.DONE_AT) IS NOT NULL AS WAS_DONE, COUNT(*) AS COUNTED"
    )


def adopt_sql(table: str, claimed: ClaimedJob, claim_id: str, paths: str) -> str:
    """Record for this claim the files of an ended claim that a finished job has run: done, or quarantined.

    DAG_ID and RUN_ID stay those of the run whose job it was.

    :param paths: a SELECT of the paths that are in the job's output, as P, with what the model says of them, as ERROR.
    """
    return (
        f"UPDATE {table} T SET STATE = IFF(S.ERROR IS NULL, 'done', 'quarantined'), "
        f"CLAIM_ID = {sql.literal(claim_id)}, ERROR = S.ERROR, SHARD = 0, EARLIER_JOB = NULL, "
        f"DONE_AT = IFF(S.ERROR IS NULL, {NOW}, T.DONE_AT), UPDATED_AT = {NOW} "
        f"FROM (SELECT P, MIN(ERROR) AS ERROR FROM ({paths}) GROUP BY P) S "
        f"WHERE T.FILE_PATH = S.P AND T.STATE = 'claimed' AND T.CLAIM_ID = {sql.literal(claimed.claim_id)} "
        f"AND T.JOB_NAME = {sql.literal(claimed.job)}"
    )


def quarantine_rest_sql(table: str, claimed: ClaimedJob) -> str:
    """Quarantine what a finished isolation has left out: its claimed files that :func:`adopt_sql` has not recorded."""
    error = sql.literal(f"the isolation of job {claimed.job} left it out; the logs of its jobs say why")
    return (
        f"UPDATE {table} T SET STATE = 'quarantined', ERROR = {error}, EARLIER_JOB = NULL, UPDATED_AT = {NOW} "
        f"WHERE T.STATE = 'claimed' AND T.CLAIM_ID = {sql.literal(claimed.claim_id)} "
        f"AND T.JOB_NAME = {sql.literal(str(claimed.job))}"
    )


def count_adopted_sql(table: str, owner: ClaimOwner, subject: LedgerSubject) -> str:
    """How many files this task instance has adopted from jobs of other runs: COUNTED."""
    return (
        f"SELECT COUNT(*) AS COUNTED FROM {table} T WHERE {owner_condition(owner.prefix)} "
        f"AND T.STATE = 'done' AND NOT ({run_condition(owner)}) AND {subject_condition(subject)}"
    )


def note_job_sql(
    table: str,
    mine: str,
    job: str,
    location: str,
    error_column: str | None = None,
    *,
    rows: int,
    work_digest: str | None = None,
) -> str:
    """Note job, role and output before the job is submitted. Released rows that nobody took are taken back, and
    so are rows that are done again because this claim's reprocessing was given back.

    :param rows: how many rows there must be. When there are fewer, no job will be submitted, and no row changes.
    :param work_digest: what the job does with a file.
    """
    return (
        f"UPDATE {table} T SET STATE = 'claimed', "
        f"JOB_NAME = {sql.literal(job)}, JOB_ROLE = CURRENT_ROLE(), OUTPUT_LOCATION = {sql.literal(location)}, "
        f"WORK_DIGEST = {sql.literal(work_digest)}, ERROR_COLUMN = {sql.literal(error_column)}, ERROR = NULL, "
        f"UPDATED_AT = {NOW} WHERE {mine} AND (T.STATE IN ('claimed', 'released') OR {IS_GIVEN_BACK}) "
        f"AND (SELECT COUNT(*) FROM {table} T WHERE {mine}) = {int(rows)}"
    )


def mark_done_sql(table: str, mine: str, result: BatchResult, work_digest: str | None = None) -> str:
    """Record that a verified job did these files, and what it cost.

    What this job quarantined stays so. What an earlier job quarantined it has done: the file is in its output.

    :param work_digest: what the job did with them.
    """
    facts = {
        "WORK_DIGEST": sql.literal(work_digest),
        "JOB_NAME": sql.literal(result.job),
        "OUTPUT_LOCATION": sql.literal(result.location),
        "JOB_SECONDS": sql.literal(result.job_seconds),
        "JOB_COST": sql.literal(result.cost),
        "PROJECTED_SECONDS": sql.literal(result.projected_seconds),
        "PROJECTED_COST": sql.literal(result.projected_cost),
        "CURRENCY": sql.literal(result.currency or None),
    }
    written = ", ".join(f"{name} = {value}" for name, value in facts.items())
    return (
        f"UPDATE {table} T SET STATE = 'done', {written}, "
        f"ERROR = NULL, EARLIER_JOB = NULL, DONE_AT = {NOW}, UPDATED_AT = {NOW} "
        f"WHERE {mine} AND NOT (T.STATE = 'quarantined' AND {waits_for_jobs([result.job])})"
    )


def done_jobs_sql(table: str, prefix: str, subject: LedgerSubject | None, dag_id: str, *, retention_days: int) -> str:
    """The jobs whose output a run is to load, the earliest first: JOB_NAME, OUTPUT_LOCATION, IS_OWN, COUNTED.

    They are those that did a task instance's files (IS_OWN), and those of the DAG that any run has adopted of late. The
    adopting run may have been rejected or lost before it loaded them. The same holds for files that a reprocessing took
    before they were loaded, and gave back.

    :param prefix: what the ids of its claims begin with.
    :param subject: what the files were done for; None: whatever it was.
    :param dag_id: the DAG.
    :param retention_days: how long ago an adoption may be.
    """
    condition = "" if subject is None else f"AND {subject_condition(subject)} "
    own = f"({owner_condition(prefix)} AND T.EARLIER_JOB IS NULL)"
    adopted = (
        f"((CONTAINS(T.CLAIM_ID, {sql.literal(f'_{ADOPTED}')}) AND T.DAG_ID = {sql.literal(dag_id)}) "
        f"OR {earlier_dag_condition(dag_id)}) AND T.DONE_AT > DATEADD(day, {-int(retention_days)}, {NOW})"
    )
    return (
        f"SELECT T.JOB_NAME, T.OUTPUT_LOCATION, COALESCE(BOOLOR_AGG({own}), FALSE) AS IS_OWN, COUNT(*) AS COUNTED "
        f"FROM {table} T WHERE ({own} OR ({adopted})) AND T.STATE = 'done' "
        f"{condition}AND T.JOB_NAME IS NOT NULL AND T.OUTPUT_LOCATION IS NOT NULL GROUP BY 1, 2 "
        "ORDER BY MIN(T.DONE_AT), 1, 2"
    )


def done_by_others_sql(table: str, subject: LedgerSubject, job: str) -> str:
    """The files that another job than this one has done last: PATH, CONTENT, JOB.

    A version that was logged again under its name counts too, since a results table does not tell the two apart.
    """
    version = " AND ".join(f"T.{name} = {value}" for name, value in subject.to_row().items() if "CREATED" not in name)
    return (
        "SELECT PATH, CONTENT, JOB FROM "
        f"(SELECT T.FILE_PATH AS PATH, T.CONTENT_ID AS CONTENT, {done_fact('JOB_NAME')} AS JOB "
        f"FROM {table} T WHERE {version} AND {IS_DONE} "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY T.FILE_PATH, T.CONTENT_ID ORDER BY T.DONE_AT DESC, JOB) = 1) "
        f"WHERE JOB <> {sql.literal(job)}"
    )
