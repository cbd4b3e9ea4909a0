"""Parts that several of the ledger's statements share, as text, over a ledger row T."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject

NOW = "SYSDATE()"
GIVEN_BACK = "IFF(T.DONE_AT IS NULL, 'released', 'done')"
"""The STATE of a file that is released: done again, if an earlier job has done it."""
NOTED_COLUMNS = ("JOB_NAME", "JOB_ROLE", "OUTPUT_LOCATION", "WORK_DIGEST", "ERROR_COLUMN")
"""What a claim or the next job overwrites of the job that has done a file."""
_PAIRS = ", ".join(f"'{name}', T.{name}" for name in ("DAG_ID", *NOTED_COLUMNS))
EARLIER_JOB = f"OBJECT_CONSTRUCT({_PAIRS})"
"""What EARLIER_JOB keeps of a file's job while the file is reprocessed. OBJECT_CONSTRUCT leaves out what is NULL."""
IS_DONE = "(T.STATE = 'done' OR (T.STATE = 'claimed' AND T.EARLIER_JOB IS NOT NULL))"
"""The condition that a job has done a file, which may be reprocessed now."""
IS_GIVEN_BACK = "(T.STATE = 'done' AND T.EARLIER_JOB IS NOT NULL)"
"""The condition that a file is done again because its reprocessing was given back. Its claim may still take it back."""


def done_fact(name: str) -> str:
    """A column's value of the job that has done a file, where :data:`IS_DONE`.

    :param name: one of :data:`NOTED_COLUMNS`.
    """
    return f"IFF(T.STATE = 'done', T.{name}, {_earlier(name)})"


def earlier_dag_condition(dag_id: str) -> str:
    """The condition that the job which had done a file before its reprocessing was of this DAG."""
    return f"{_earlier('DAG_ID')} = {sql.literal(dag_id)}"


def give_back_sql(condition: str = "TRUE") -> str:
    """``SET`` of an UPDATE that gives claimed rows T back: what an earlier job had done is as it was.

    :param condition: the rows that it gives back. The others stay claimed.
    """
    restored = f"{condition} AND T.EARLIER_JOB IS NOT NULL"
    facts = [f"{name} = IFF({restored}, {_earlier(name)}, T.{name})" for name in NOTED_COLUMNS]
    return ", ".join([f"STATE = IFF({condition}, {GIVEN_BACK}, 'claimed')", *facts, f"UPDATED_AT = {NOW}"])


def _earlier(name: str) -> str:
    return f"GET(T.EARLIER_JOB, '{name}')::VARCHAR"


def subject_condition(subject: LedgerSubject) -> str:
    """The condition that a ledger row T is for this function of this model version."""
    return " AND ".join(f"T.{name} = {value}" for name, value in subject.to_row().items())


def owner_condition(prefix: str) -> str:
    """The condition that a task instance has claimed a ledger row T, in whichever try.

    :param prefix: what the ids of its claims begin with (:attr:`.ClaimOwner.prefix`).
    """
    return f"STARTSWITH(T.CLAIM_ID, {sql.literal(prefix)})"


def run_condition(owner: ClaimOwner) -> str:
    """The condition that a ledger row T's job is, or was last, of this run. An adopted row keeps its job's run."""
    return f"T.DAG_ID = {sql.literal(owner.dag_id)} AND T.RUN_ID = {sql.literal(owner.run_id)}"


def claim_condition(claim_id: str, shard: int | None = None) -> str:
    """The condition on a ledger row T of this claim, or of one shard of it."""
    condition = f"T.CLAIM_ID = {sql.literal(claim_id)}"
    return condition if shard is None else f"{condition} AND T.SHARD = {int(shard)}"


def waits_for_condition(prefix: str, job: str) -> str:
    """The condition on a ledger row T that a job was noted for, whichever try of the task instance claimed it.

    :param prefix: what the ids of the task instance's claims begin with.
    """
    return f"({owner_condition(prefix)} AND T.JOB_NAME = {sql.literal(job)})"


def waits_for_jobs(jobs: Sequence[str]) -> str:
    """The condition that one of these jobs was noted for a ledger row T. It is TRUE or FALSE, never NULL."""
    return f"COALESCE(T.JOB_NAME IN {sql.literal(list(jobs))}, FALSE)" if jobs else "FALSE"


def joined_sql(relation: Relation, table: str, subject: LedgerSubject, kind: str = "LEFT JOIN") -> str:
    """``FROM`` listing L joined with the ledger's rows T of the same file, content and subject."""
    return (
        f"FROM ({relation.query}) L {kind} {table} T "
        f"ON T.FILE_PATH = L.{relation.key} AND T.CONTENT_ID = L.{CONTENT_ID} AND {subject_condition(subject)}"
    )
