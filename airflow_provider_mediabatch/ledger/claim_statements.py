"""The statements of a claim, as text: which listed files it may hold, and the MERGE that takes them."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.content_id import kind_sql
from airflow_provider_mediabatch.core.manifest import CONTENT_ID, LAST_MODIFIED, SHARD, SIZE
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.conditions import (
    EARLIER_JOB,
    IS_GIVEN_BACK,
    NOTED_COLUMNS,
    NOW,
    give_back_sql,
    joined_sql,
    owner_condition,
    run_condition,
    subject_condition,
    waits_for_jobs,
)


def take_lock_sql(lock: str, claim_id: str) -> str:
    """The first statement of every claim: it waits until no other claim is going on."""
    return f"UPDATE {lock} SET CLAIM_ID = {sql.literal(claim_id)}, CLAIMED_AT = {NOW} WHERE NAME = 'claim'"


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
    own, again = owner_condition(owner.prefix), _again(reprocess)
    open_states = ["T.FILE_PATH IS NULL", "T.STATE = 'released'", f"{own} AND T.STATE = 'claimed'", again]
    open_states += _ended_conditions(take_over)
    is_open = " OR ".join(f"({condition})" for condition in open_states)
    return (
        f"SELECT L.{relation.key} AS FILE_PATH, L.{CONTENT_ID} AS CONTENT_ID, L.{SIZE} AS FILE_SIZE, "
        f"L.{LAST_MODIFIED} AS LAST_MODIFIED, COALESCE({is_open}, FALSE) AS IS_OPEN, T.CLAIM_ID AS LAST_CLAIM, "
        f"T.UPDATED_AT AS LAST_UPDATE, COALESCE({own} AND T.STATE = 'claimed', FALSE) AS IS_OWN, "
        f"{waits_for_jobs(running)} AS IS_RUNNING {joined_sql(relation, table, subject)} "
        f"WHERE {is_open} OR ({own} AND {run_condition(owner)} AND NOT {IS_GIVEN_BACK})"
    )


def _ended_conditions(take_over: Sequence[tuple[str, str]]) -> list[str]:
    """The conditions that a ledger row T is still held by a claim that ended, as it was when the claim was checked.

    :param take_over: as :func:`candidates_sql` takes it.
    """
    # Of the server's nanoseconds Python's moments keep the microseconds, so the newest row itself may look newer.
    return [
        f"T.CLAIM_ID = {sql.literal(ended)} AND T.STATE = 'claimed' "
        f"AND T.UPDATED_AT < DATEADD(microsecond, 1, {sql.literal(newest)}::TIMESTAMP_NTZ)"
        for ended, newest in take_over
    ]


def give_back_ended_sql(
    relation: Relation, table: str, subject: LedgerSubject, take_over: Sequence[tuple[str, str]]
) -> str:
    """Make the listed files of ended reprocessings done again. Nobody takes them over: an earlier job has done them.

    :param take_over: as :func:`candidates_sql` takes it; not empty.
    """
    ended = " OR ".join(f"({condition})" for condition in _ended_conditions(take_over))
    return (
        f"UPDATE {table} T SET {give_back_sql()} FROM ({relation.query}) L "
        f"WHERE T.FILE_PATH = L.{relation.key} AND T.CONTENT_ID = L.{CONTENT_ID} AND {subject_condition(subject)} "
        f"AND T.DONE_AT IS NOT NULL AND ({ended})"
    )


def _again(reprocess: bool) -> str:
    return "T.STATE = 'done'" if reprocess else "FALSE"


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
    own, again = owner_condition(owner.prefix), _again(reprocess)
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
    # A released file waits for no job: the one that refused it, or was given up, will not do it. Nor does one that
    # is done and is to be done again.
    waits = f"{own} AND T.STATE <> 'released' AND NOT ({again})"
    update = {
        "STATE": f"IFF({keeps}, T.STATE, 'claimed')",
        "GENERATION": f"IFF({again}, T.GENERATION + 1, T.GENERATION)",
        "EARLIER_JOB": f"IFF({again}, {EARLIER_JOB}, T.EARLIER_JOB)",
        **{name: f"IFF({waits}, T.{name}, NULL)" for name in NOTED_COLUMNS},
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


def release_earlier_claims_sql(
    table: str, claim_id: str, owner: str, subject: LedgerSubject, ended: Sequence[str] = ()
) -> str:
    """Release what an earlier try of the same task claimed and this one did not list again.

    Files that an earlier job has done become done again (a reprocessing that lists less).

    :param ended: jobs that will not do their files. Files that wait for another job stay claimed, since that job may.
    """
    return (
        f"UPDATE {table} T SET {give_back_sql()} "
        f"WHERE {owner_condition(owner)} AND T.CLAIM_ID <> {sql.literal(claim_id)} "
        f"AND T.STATE = 'claimed' AND (T.JOB_NAME IS NULL OR {waits_for_jobs(ended)}) AND {subject_condition(subject)}"
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
    """The highest GENERATION that a claim holds, and how many rows it has: HELD."""
    return (
        f"SELECT COALESCE(MAX(T.GENERATION), 0) AS GENERATION, COUNT(*) AS HELD FROM {table} T "
        f"WHERE T.CLAIM_ID = {sql.literal(claim_id)} AND {subject_condition(subject)}"
    )


def set_shards_sql(relation: Relation, table: str, claim_id: str) -> str:
    """Note in the ledger which shard each row of a claim went to."""
    return (
        f"UPDATE {table} T SET SHARD = L.{SHARD}, UPDATED_AT = {NOW} FROM ({relation.query}) L "
        f"WHERE T.FILE_PATH = L.{relation.key} AND T.CONTENT_ID = L.{CONTENT_ID} "
        f"AND T.CLAIM_ID = {sql.literal(claim_id)}"
    )
