"""The ledger's statements, as text. Pure: :mod:`~airflow_provider_mediabatch.ledger.ledger` runs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.content_id import kind_sql
from airflow_provider_mediabatch.core.manifest import CONTENT_ID, LAST_MODIFIED, SHARD, SIZE
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.ledger.claims import REJECTED, UNANSWERED, ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.take_over import ClaimedJob

NOW = "SYSDATE()"


def subject_condition(subject: LedgerSubject) -> str:
    """The condition that a ledger row T is for this function of this model version."""
    return " AND ".join(f"T.{name} = {value}" for name, value in subject.to_row().items())


def joined_sql(relation: Relation, table: str, subject: LedgerSubject, kind: str = "LEFT JOIN") -> str:
    """``FROM`` listing L joined with the ledger's rows T of the same file, content and subject."""
    return (
        f"FROM ({relation.query}) L {kind} {table} T "
        f"ON T.FILE_PATH = L.{relation.key} AND T.CONTENT_ID = L.{CONTENT_ID} AND {subject_condition(subject)}"
    )


def claimed_jobs_sql(
    relation: Relation, table: str, subject: LedgerSubject, prefix: str, *, age: timedelta, retention_days: int
) -> str:
    """The jobs that listed files wait for, of own claims and of others of at least this age.

    The columns of :func:`_job_columns`.

    :param prefix: what the ids of own claims begin with.
    """
    own = f"STARTSWITH(T.CLAIM_ID, {sql.literal(prefix)})"
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
    NEWEST (the latest change), FORGOTTEN (that is longer ago than Snowflake keeps jobs) and COUNTED (rows).

    :param own: the condition for IS_OWN.
    """
    return (
        f"T.CLAIM_ID, T.DAG_ID, T.RUN_ID, T.JOB_NAME, T.OUTPUT_LOCATION, T.ERROR_COLUMN, {own} AS IS_OWN, "
        f"COALESCE(T.JOB_ROLE = CURRENT_ROLE(), FALSE) AS IS_MY_JOB, "
        f"{_NEWEST} AS NEWEST, {_NEWEST} <= DATEADD(day, {-int(retention_days)}, {NOW}) AS FORGOTTEN, "
        "COUNT(*) AS COUNTED"
    )


def adopt_sql(table: str, claimed: ClaimedJob, claim_id: str, paths: str) -> str:
    """Record for this claim the files of an ended claim that a finished job has run: done, or quarantined.

    DAG_ID and RUN_ID stay those of the run whose job it was.

    :param paths: a SELECT of the paths that are in the job's output, as P, with what the model says of them, as ERROR.
    """
    return (
        f"UPDATE {table} T SET STATE = IFF(S.ERROR IS NULL, 'done', 'quarantined'), "
        f"CLAIM_ID = {sql.literal(claim_id)}, ERROR = S.ERROR, SHARD = 0, "
        f"DONE_AT = IFF(S.ERROR IS NULL, {NOW}, T.DONE_AT), UPDATED_AT = {NOW} "
        f"FROM (SELECT P, MIN(ERROR) AS ERROR FROM ({paths}) GROUP BY P) S "
        f"WHERE T.FILE_PATH = S.P AND T.STATE = 'claimed' AND T.CLAIM_ID = {sql.literal(claimed.claim_id)} "
        f"AND T.JOB_NAME = {sql.literal(claimed.job)}"
    )


def quarantine_rest_sql(table: str, claimed: ClaimedJob) -> str:
    """Quarantine what a finished isolation has left out: its claimed files that :func:`adopt_sql` has not recorded."""
    error = sql.literal(f"the isolation of job {claimed.job} left it out; the logs of its jobs say why")
    return (
        f"UPDATE {table} T SET STATE = 'quarantined', ERROR = {error}, UPDATED_AT = {NOW} WHERE T.STATE = 'claimed' "
        f"AND T.CLAIM_ID = {sql.literal(claimed.claim_id)} AND T.JOB_NAME = {sql.literal(str(claimed.job))}"
    )


def count_adopted_sql(table: str, owner: ClaimOwner, subject: LedgerSubject) -> str:
    """How many files this task instance has adopted from jobs of other runs: COUNTED."""
    return (
        f"SELECT COUNT(*) AS COUNTED FROM {table} T WHERE STARTSWITH(T.CLAIM_ID, {sql.literal(owner.prefix)}) "
        f"AND T.STATE = 'done' AND NOT ({_made_by(owner)}) AND {subject_condition(subject)}"
    )


def _made_by(owner: ClaimOwner) -> str:
    return f"T.DAG_ID = {sql.literal(owner.dag_id)} AND T.RUN_ID = {sql.literal(owner.run_id)}"


def take_lock_sql(lock: str, claim_id: str) -> str:
    """The first statement of every claim: it waits until no other claim is going on."""
    return f"UPDATE {lock} SET CLAIM_ID = {sql.literal(claim_id)}, CLAIMED_AT = {NOW} WHERE NAME = 'claim'"


def release_earlier_claims_sql(
    table: str, claim_id: str, owner: str, subject: LedgerSubject, ended: Sequence[str] = ()
) -> str:
    """Release what an earlier try of the same task claimed and this one did not list again.

    Files that an earlier job has done become done again (a reprocessing that lists less).

    :param ended: jobs that will not do their files. Files that wait for another job stay claimed, since that job may.
    """
    return (
        f"UPDATE {table} T SET STATE = {_GIVEN_BACK}, UPDATED_AT = {NOW} "
        f"WHERE STARTSWITH(T.CLAIM_ID, {sql.literal(owner)}) AND T.CLAIM_ID <> {sql.literal(claim_id)} "
        f"AND T.STATE = 'claimed' AND (T.JOB_NAME IS NULL OR {_waits_for(ended)}) AND {subject_condition(subject)}"
    )


_GIVEN_BACK = "IFF(T.DONE_AT IS NULL, 'released', 'done')"


def _waits_for(running: Sequence[str]) -> str:
    return f"COALESCE(T.JOB_NAME IN {sql.literal(list(running))}, FALSE)" if running else "FALSE"


def candidates_sql(
    relation: Relation,
    table: str,
    *,
    owner: ClaimOwner,
    subject: LedgerSubject,
    take_over: Sequence[tuple[str, str]],
    running: Sequence[str] = (),
    reprocess: bool,
) -> str:
    """The listed files that a claim may hold: those that are open, and those that the run has had before.

    Open is what is free, claimed by this run, or to be taken over: IS_OPEN.

    :param owner: the task instance that claims.
    :param subject: what the files are for.
    :param take_over: claims that ended without a release, with the time of their newest row when they were checked.
    :param running: jobs of this run's earlier tries that may still do their files: IS_RUNNING.
    :param reprocess: rows that are done are open as well.
    """
    own, again = _of(owner), _again(reprocess)
    open_states = ["T.FILE_PATH IS NULL", "T.STATE = 'released'", f"{own} AND T.STATE = 'claimed'", again]
    # Of the server's nanoseconds Python's moments keep the microseconds, so the newest row itself may look newer.
    open_states += [
        f"T.CLAIM_ID = {sql.literal(ended)} AND T.STATE = 'claimed' "
        f"AND T.UPDATED_AT < DATEADD(microsecond, 1, {sql.literal(newest)}::TIMESTAMP_NTZ)"
        for ended, newest in take_over
    ]
    is_open = " OR ".join(f"({condition})" for condition in open_states)
    return (
        f"SELECT L.{relation.key} AS FILE_PATH, L.{CONTENT_ID} AS CONTENT_ID, L.{SIZE} AS FILE_SIZE, "
        f"L.{LAST_MODIFIED} AS LAST_MODIFIED, COALESCE({is_open}, FALSE) AS IS_OPEN, T.CLAIM_ID AS LAST_CLAIM, "
        f"T.UPDATED_AT AS LAST_UPDATE, COALESCE({own} AND T.STATE = 'claimed', FALSE) AS IS_OWN, "
        f"{_waits_for(running)} AS IS_RUNNING {joined_sql(relation, table, subject)} "
        f"WHERE {is_open} OR ({own} AND {_made_by(owner)})"
    )


def open_files_sql(candidates: str, owner: ClaimOwner) -> str:
    """The open files: FILES, seconds since the NEWEST and the OLDEST was modified, OWN (files the run has had before).

    :param candidates: :func:`candidates_sql`.
    """
    modified = "IFF(IS_OPEN, LAST_MODIFIED, NULL)"
    return (
        f"SELECT COUNT_IF(IS_OPEN) AS FILES, DATEDIFF(second, MAX({modified}), {NOW}) AS NEWEST, "
        f"DATEDIFF(second, MIN({modified}), {NOW}) AS OLDEST, "
        f"COUNT_IF(COALESCE(STARTSWITH(LAST_CLAIM, {sql.literal(owner.prefix)}), FALSE)) AS OWN FROM ({candidates})"
    )


def _of(owner: ClaimOwner) -> str:
    return f"STARTSWITH(T.CLAIM_ID, {sql.literal(owner.prefix)})"


def _again(reprocess: bool) -> str:
    return "T.STATE = 'done'" if reprocess else "FALSE"


def claim_sql(
    candidates: str,
    table: str,
    *,
    claim_id: str,
    owner: ClaimOwner,
    subject: LedgerSubject,
    limit: int | None,
    reprocess: bool,
) -> str:
    """``MERGE``: take every listed file that is open.

    Files that this run has done or quarantined stay so. Only when nothing is open, its last claim is held once more
    with the rows' states as they are: the repeated run then finds its finished job by the same manifest. Files of jobs
    that still run are held again only then as well. Beside a late file they would make a larger manifest, and be paid
    for twice.

    :param candidates: :func:`candidates_sql`.
    :param claim_id: the id of this claim.
    :param owner: the task instance that claims.
    :param subject: what the files are for.
    :param limit: most rows to hold, first by path.
    :param reprocess: take rows that are done as well; their GENERATION counts up.
    """
    own, again = _of(owner), _again(reprocess)
    beside_new = "IS_OWN AND IS_RUNNING AND MAX(IFF(IS_OPEN AND NOT IS_OWN, 1, 0)) OVER () = 1"
    rows = (
        f"SELECT * FROM ({candidates}) "
        f"QUALIFY (IS_OPEN AND NOT ({beside_new})) OR (MAX(IFF(IS_OPEN, 1, 0)) OVER () = 0 "
        "AND LAST_CLAIM = FIRST_VALUE(LAST_CLAIM) OVER (ORDER BY LAST_UPDATE DESC, LAST_CLAIM))"
    )
    if limit is not None:
        rows = f"SELECT * FROM ({rows}) QUALIFY ROW_NUMBER() OVER (ORDER BY FILE_PATH) <= {int(limit)}"
    claimed = {"CLAIM_ID": claim_id, "DAG_ID": owner.dag_id, "RUN_ID": owner.run_id}
    claimed = {name: sql.literal(text) for name, text in claimed.items()}
    keeps = f"{own} AND T.STATE IN ('done', 'quarantined') AND NOT ({again})"
    # A released file waits for no job: the one that refused it, or was given up, will not do it.
    waits = f"{own} AND T.STATE <> 'released'"
    update = {
        "STATE": f"IFF({keeps}, T.STATE, 'claimed')",
        "GENERATION": f"IFF({again}, T.GENERATION + 1, T.GENERATION)",
        "JOB_NAME": f"IFF({waits}, T.JOB_NAME, NULL)",
        "JOB_ROLE": f"IFF({waits}, T.JOB_ROLE, NULL)",
        "OUTPUT_LOCATION": f"IFF({waits}, T.OUTPUT_LOCATION, NULL)",
        "WORK_DIGEST": f"IFF({waits}, T.WORK_DIGEST, NULL)",
        "ERROR_COLUMN": f"IFF({waits}, T.ERROR_COLUMN, NULL)",
        "ERROR": f"IFF({keeps}, T.ERROR, NULL)",
        "SHARD": "0",
        "CLAIMED_AT": f"IFF({own}, T.CLAIMED_AT, {NOW})",
        "UPDATED_AT": NOW,
    } | claimed
    insert = (
        claimed
        | subject.to_row()
        | {
            "FILE_PATH": "S.FILE_PATH",
            "CONTENT_ID": "S.CONTENT_ID",
            "CONTENT_ID_KIND": kind_sql("S.CONTENT_ID"),
            "FILE_SIZE": "S.FILE_SIZE",
            "LAST_MODIFIED": "S.LAST_MODIFIED",
            "STATE": "'claimed'",
            "SHARD": "0",
            "GENERATION": "0",
            "CLAIMED_AT": NOW,
            "UPDATED_AT": NOW,
        }
    )
    return (
        f"MERGE INTO {table} T USING ({rows}) S "
        f"ON T.FILE_PATH = S.FILE_PATH AND T.CONTENT_ID = S.CONTENT_ID AND {subject_condition(subject)} "
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{name} = {value}' for name, value in update.items())} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(insert)}) VALUES ({', '.join(insert.values())})"
    )


def held_rows(relation: Relation, table: str, subject: LedgerSubject, claim_id: str) -> Relation:
    """The listed rows that this claim holds: what goes into the manifest."""
    names = ", ".join(f"L.{sql.quoted(name)}" for name in relation.columns)
    query = (
        f"SELECT {names} {joined_sql(relation, table, subject, 'JOIN')} "
        f"WHERE T.CLAIM_ID = {sql.literal(claim_id)} AND T.STATE IN ('claimed', 'done', 'quarantined')"
    )
    return Relation(query, relation.columns, relation.file_columns)


def count_left_out_sql(relation: Relation, table: str, subject: LedgerSubject, claim_id: str) -> str:
    """Listed rows that this claim does not hold, counted by STATE (NULL or released: beyond ``max_files``)."""
    return (
        f"SELECT T.STATE AS STATE, COUNT(*) AS COUNTED {joined_sql(relation, table, subject)} "
        f"WHERE T.CLAIM_ID IS NULL OR T.CLAIM_ID <> {sql.literal(claim_id)} OR T.STATE = 'released' GROUP BY 1"
    )


def open_rows_sql(relation: Relation, table: str, subject: LedgerSubject) -> str:
    """The listed rows that nobody has done, quarantined or works on."""
    return f"SELECT L.* {joined_sql(relation, table, subject)} WHERE T.FILE_PATH IS NULL OR T.STATE = 'released'"


def generation_sql(table: str, claim_id: str, subject: LedgerSubject) -> str:
    """The highest GENERATION that a claim holds."""
    return (
        f"SELECT COALESCE(MAX(T.GENERATION), 0) AS GENERATION FROM {table} T "
        f"WHERE T.CLAIM_ID = {sql.literal(claim_id)} AND {subject_condition(subject)}"
    )


def set_shards_sql(relation: Relation, table: str, claim_id: str) -> str:
    """Note in the ledger which shard each row of a claim went to."""
    return (
        f"UPDATE {table} T SET SHARD = L.{SHARD}, UPDATED_AT = {NOW} FROM ({relation.query}) L "
        f"WHERE T.FILE_PATH = L.{relation.key} AND T.CONTENT_ID = L.{CONTENT_ID} "
        f"AND T.CLAIM_ID = {sql.literal(claim_id)}"
    )


def claim_condition(claim_id: str, shard: int | None = None) -> str:
    """The condition on a ledger row T of this claim, or of one shard of it."""
    condition = f"T.CLAIM_ID = {sql.literal(claim_id)}"
    return condition if shard is None else f"{condition} AND T.SHARD = {int(shard)}"


def waits_for_condition(prefix: str, job: str) -> str:
    """The condition on a ledger row T that a job was noted for, whichever try of the task instance claimed it.

    :param prefix: what the ids of the task instance's claims begin with.
    """
    return f"(STARTSWITH(T.CLAIM_ID, {sql.literal(prefix)}) AND T.JOB_NAME = {sql.literal(job)})"


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
    """Note job, role and output before the job is submitted. Released rows that nobody took are taken back.

    :param rows: how many rows there must be. When there are fewer, no job will be submitted, and no row changes.
    :param work_digest: what the job does with a file.
    """
    return (
        f"UPDATE {table} T SET STATE = IFF(T.STATE = 'released', 'claimed', T.STATE), "
        f"JOB_NAME = {sql.literal(job)}, JOB_ROLE = CURRENT_ROLE(), OUTPUT_LOCATION = {sql.literal(location)}, "
        f"WORK_DIGEST = {sql.literal(work_digest)}, ERROR_COLUMN = {sql.literal(error_column)}, ERROR = NULL, "
        f"UPDATED_AT = {NOW} WHERE {mine} AND T.STATE IN ('claimed', 'released') "
        f"AND (SELECT COUNT(*) FROM {table} T WHERE {mine}) = {int(rows)}"
    )


def count_rejected_sql(table: str, mine: str) -> str:
    """How many of a claim's rows a rejection is about, COUNTED. It has released them, or, in a reprocessing, made them
    done again. Those of a job that may be alive are still claimed.
    """
    reasons = ", ".join(sql.literal(reason) for reason in (REJECTED, UNANSWERED))
    return (
        f"SELECT COUNT(*) AS COUNTED FROM {table} T WHERE {mine} AND T.STATE IN ('claimed', 'released', 'done') "
        f"AND T.ERROR IN ({reasons})"
    )


def count_states_sql(table: str, mine: str) -> str:
    """A claim's rows by STATE and job: STATE, JOB_NAME, OUTPUT_LOCATION, WORK_DIGEST, COUNTED and :data:`COSTS`."""
    costs = ", ".join(f"MAX(T.{name}) AS {name}" for name in COSTS)
    return (
        f"SELECT T.STATE, T.JOB_NAME, T.OUTPUT_LOCATION, T.WORK_DIGEST, COUNT(*) AS COUNTED, {costs} FROM {table} T "
        f"WHERE {mine} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )


COSTS = ("JOB_SECONDS", "JOB_COST", "PROJECTED_SECONDS", "PROJECTED_COST", "CURRENCY")
"""What a job took and cost, in each row of a file that it has done."""


def mark_done_sql(table: str, mine: str, result: BatchResult, work_digest: str | None = None) -> str:
    """Record that a verified job did these files, and what it cost.

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
        f"UPDATE {table} T SET STATE = 'done', {written}, ERROR = NULL, DONE_AT = {NOW}, UPDATED_AT = {NOW} "
        f"WHERE {mine} AND T.STATE <> 'quarantined'"
    )


def done_jobs_sql(table: str, prefix: str, subject: LedgerSubject | None) -> str:
    """The jobs that did a task instance's files, the earliest first: JOB_NAME, OUTPUT_LOCATION, COUNTED.

    :param prefix: what the ids of its claims begin with.
    :param subject: what the files were done for; None: whatever it was.
    """
    condition = "" if subject is None else f"AND {subject_condition(subject)} "
    return (
        f"SELECT T.JOB_NAME, T.OUTPUT_LOCATION, COUNT(*) AS COUNTED FROM {table} T "
        f"WHERE STARTSWITH(T.CLAIM_ID, {sql.literal(prefix)}) AND T.STATE = 'done' "
        f"{condition}AND T.JOB_NAME IS NOT NULL AND T.OUTPUT_LOCATION IS NOT NULL GROUP BY 1, 2 "
        "ORDER BY MIN(T.DONE_AT), 1, 2"
    )


def release_sql(table: str, mine: str, reason: str, alive: Sequence[str] = ()) -> str:
    """Give a claim's files back. Files that an earlier job has done become done again (a reprocessing that failed).

    :param alive: jobs that may do their files, or have done them: these files only get the reason.
    """
    return (
        f"UPDATE {table} T SET STATE = IFF({_waits_for(alive)}, 'claimed', {_GIVEN_BACK}), "
        f"ERROR = {sql.literal(reason)}, UPDATED_AT = {NOW} WHERE {mine} AND T.STATE = 'claimed'"
    )


def quarantine_sql(table: str, mine: str, select: str, job: str) -> str:
    """Quarantine files, each with what the model said of it.

    :param select: a SELECT of FILE_PATH and ERROR, whose rows stay on the server.
    """
    return (
        f"UPDATE {table} T SET STATE = 'quarantined', ERROR = S.ERROR, JOB_NAME = {sql.literal(job)}, "
        f"UPDATED_AT = {NOW} FROM ({select}) S WHERE {mine} AND T.FILE_PATH = S.FILE_PATH"
    )


def any_done_sql(table: str, subject: LedgerSubject) -> str:
    """One row if any file is done for this function of this model version, else none."""
    return f"SELECT 1 AS FOUND FROM {table} T WHERE {subject_condition(subject)} AND T.STATE = 'done' LIMIT 1"


def quarantined_files_sql(table: str, mine: str, stem: str, limit: int) -> str:
    """The first files by path that a job quarantined: FILE_PATH, ERROR.

    :param stem: what the job's unqualified name begins with.
    """
    return (
        f"SELECT T.FILE_PATH, T.ERROR FROM {table} T WHERE {mine} AND T.STATE = 'quarantined' "
        f"AND CONTAINS(T.JOB_NAME, {sql.literal(f'.{stem}_')}) ORDER BY T.FILE_PATH LIMIT {int(limit)}"
    )


def release_quarantined_sql(table: str, subject: LedgerSubject, paths: Sequence[str] | None) -> str:
    """Let quarantined files be taken again: these, or all of the model version."""
    some = "" if paths is None else f" AND T.FILE_PATH IN {sql.literal(list(paths))}"
    return (
        f"UPDATE {table} T SET STATE = 'released', UPDATED_AT = {NOW} "
        f"WHERE {subject_condition(subject)} AND T.STATE = 'quarantined'{some}"
    )
