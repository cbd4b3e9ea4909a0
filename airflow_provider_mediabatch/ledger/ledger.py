"""The ledger: which file was done by which model version, and which run works on it now.

Invariants:

- One row for each (path, content, model, version, when the version was logged, function). A claim is one transaction
  that updates the lock table's only row first, so that claims stand in line; INSERT … WHERE NOT EXISTS would not do,
  since INSERTs wait for nobody.
- A claim's id begins with what follows from dag, task, run and map index: repeating the claim, after a lost reply or in
  a retry, takes the run's own rows again. A manifest is exactly the rows that carry its claim's id.
- A run's claim is taken over only when it is old, its job is over or was never submitted, and its run has ended.
- A file that is done is open to a reprocessing only, and stays done when the reprocessing fails, is rejected or lost.
- Nothing is ``done`` before its job ended with ``_SUCCESS`` and was verified.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import qualified_name, table_columns
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import NOTHING_RUNS, LedgerError
from airflow_provider_mediabatch.ledger import (
    claim_statements,
    conditions,
    job_statements,
    state_statements,
    tables,
    take_over,
)
from airflow_provider_mediabatch.ledger.claims import ADOPTED, Claim, ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.ledger_session import LedgerSession
from airflow_provider_mediabatch.ledger.take_over import ClaimedJob, JobFate, job_fate

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.manifest import Manifest
    from airflow_provider_mediabatch.files.relation import Relation
    from airflow_provider_mediabatch.files.start_rule import StartRule

log = logging.getLogger(__name__)

_LISTS_AGAIN = "A retry will list and claim again."


class Ledger:
    """The ledger table through one open connection.

    :param connection: of the provider's hook, with autocommit on.
    :param table: its name as a user writes it; unqualified parts are filled from the connection.
    :ivar table: its qualified name as SQL.
    :ivar session: what runs the statements on it.
    :raises InvalidInputError: for a name that is none.
    """

    def __init__(self, connection: SnowflakeConnection, table: str) -> None:
        database, schema, name = qualified_name(connection, table, argument="ledger", kind="table")
        self._connection = connection
        self.table = sql.qualified(database, schema, name)
        self.session = LedgerSession(connection, self.table)
        self._lock = sql.qualified(database, schema, f"{name}_LOCK")

    def exists(self) -> bool:
        """Whether the table is there already."""
        return table_columns(self._connection, self.table) is not None

    def ensure(self) -> None:
        """Create both tables where they are missing.

        :raises InvalidInputError: when a table of this name has another shape. Nothing is written then.
        """
        tables.ensure(self._connection, self.session, self.table, self._lock)

    def claim(
        self,
        relation: Relation,
        *,
        owner: ClaimOwner,
        subject: LedgerSubject,
        limit: int | None = None,
        reprocess: bool = False,
        take_over_after: timedelta = timedelta(hours=1),
        rule: StartRule | None = None,
    ) -> Claim:
        """Take the listed files that nobody has done or works on, or none while they wait for more.

        :param relation: the listing; its first file column and ``MB_CONTENT_ID`` identify a row.
        :param owner: the run.
        :param subject: what the files are for.
        :param limit: most rows to hold, first by path.
        :param reprocess: take rows that are done as well.
        :param take_over_after: how old another's claim must be before it can be taken over.
        :param rule: when open files are worth a run. A run that has claimed files before does not wait again.
        :raises LedgerError: another session holds the lock, or somebody changed the ledger.
        """
        self.ensure()
        claim_id = owner.new_claim_id()
        ended = take_over.find_ended_claims(
            self._connection,
            self._claimed_jobs(relation, subject, owner, take_over_after),
            owner,
            adopt_own=not reprocess,
        )
        # Outside the block below: an error about the output is none of the ledger's tables.
        outputs = [(job, take_over.finished_files_sql(self._connection, job, self.table)) for job in ended.finished]
        with self.session.explained(running=NOTHING_RUNS, retry=_LISTS_AGAIN):
            for job, paths in outputs:
                if paths:
                    self._adopt(job, paths, owner)
            if ended.reprocessed:
                given_back = claim_statements.give_back_ended_sql(relation, self.table, subject, ended.free)
                self.session.execute(given_back)
        candidates = claim_statements.candidates_sql(
            relation,
            self.table,
            owner=owner,
            subject=subject,
            take_over=ended.free,
            running=ended.running,
            reprocess=reprocess,
        )
        waiting = self._waiting(candidates, owner, rule) if rule else ""
        if not waiting:
            with self.session.explained(running=NOTHING_RUNS, retry=_LISTS_AGAIN), self.session.transaction():
                self._take_lock(claim_id)
                self.session.execute(
                    claim_statements.claim_sql(
                        candidates,
                        self.table,
                        claim_id=claim_id,
                        owner=owner,
                        subject=subject,
                        limit=limit,
                        reprocess=reprocess,
                    )
                )
                self.session.execute(
                    claim_statements.release_earlier_claims_sql(
                        self.table, claim_id, owner.prefix, subject, ended.given_up
                    )
                )
        reasons = {"done": "done", "claimed": "claimed", "quarantined": "quarantined"}
        skipped: dict[str, int] = {}
        for row in self.session.rows(claim_statements.count_left_out_sql(relation, self.table, subject, claim_id)):
            reason = reasons.get(str(row["STATE"]), "waiting" if waiting else "over_max_files")
            skipped[reason] = skipped.get(reason, 0) + int(row["COUNTED"])
        counted = self.session.rows(claim_statements.generation_sql(self.table, claim_id, subject))[0]
        held = claim_statements.held_rows(relation, self.table, subject, claim_id)
        adopted = self.session.rows(job_statements.count_adopted_sql(self.table, owner, subject))[0]["COUNTED"]
        number, count = int(counted["GENERATION"]), int(counted["HELD"])
        return Claim(self.table, claim_id, held, count, skipped, number, int(adopted), waiting)

    def assign_shards(self, relation: Relation, claim_id: str) -> None:
        """Note which shard each held row went to.

        :param relation: the held rows with their ``MB_SHARD``.
        """
        with self.session.explained(running=NOTHING_RUNS, retry=_LISTS_AGAIN):
            self.session.execute(claim_statements.set_shards_sql(relation, self.table, claim_id))

    def release(self, claim_id: str, reason: str) -> int:
        """Give claimed files back: the next run may take them at once.

        Files of a job that may be alive, or that has done them, stay claimed: another run would pay for them again.

        :param reason: kept in the rows' ERROR.
        :return: rows released.
        """
        mine = conditions.claim_condition(claim_id)
        noted = [item for item in self.noted_jobs(mine) if item.job is not None]
        kept = [item for item in noted if job_fate(self._connection, item) is not JobFate.FREE]
        if kept:
            jobs = ", ".join(str(item.job) for item in kept)
            log.warning("Files stay claimed by %s, which may still process them or has done so", jobs)
        ended = [str(item.job) for item in noted if item not in kept]
        changed = self.session.execute(state_statements.release_sql(self.table, mine, reason[:4000], ended))
        return changed - sum(item.files for item in kept)

    def has_done(self, subject: LedgerSubject) -> bool:
        """Whether a file was ever done for this function of this model version."""
        return bool(self.session.rows(state_statements.any_done_sql(self.table, subject)))

    def release_quarantined(self, subject: LedgerSubject, paths: Sequence[str] | None = None) -> int:
        """Let quarantined files be taken again.

        :param subject: what they were quarantined for.
        :param paths: these full stage paths; None: all.
        :return: rows released.
        """
        return self.session.execute(state_statements.release_quarantined_sql(self.table, subject, paths))

    def _waiting(self, candidates: str, owner: ClaimOwner, rule: StartRule) -> str:
        """What the open files wait for; "" when they do not."""
        row = self.session.rows(claim_statements.open_files_sql(candidates, owner))[0]
        count, newest, oldest = int(row["FILES"]), row["NEWEST"], row["OLDEST"]
        if not count or row["OWN"] or rule.seconds_left(count, newest=float(newest), oldest=float(oldest)) == 0:
            return ""
        return rule.describe(count, float(oldest))

    def _claimed_jobs(
        self, relation: Relation, subject: LedgerSubject, owner: ClaimOwner, age: timedelta
    ) -> list[ClaimedJob]:
        statement = job_statements.claimed_jobs_sql(
            relation, self.table, subject, owner.prefix, age=age, retention_days=take_over.JOB_RETENTION_DAYS
        )
        return [ClaimedJob.of_row(row) for row in self.session.rows(statement)]

    def noted_jobs(self, mine: str) -> list[ClaimedJob]:
        """The jobs that claimed rows wait for, and one without a name for those that wait for none.

        :param mine: the condition on ledger rows T.
        """
        statement = job_statements.noted_jobs_sql(self.table, mine, retention_days=take_over.JOB_RETENTION_DAYS)
        return [ClaimedJob.of_row(row) for row in self.session.rows(statement)]

    def _adopt(self, job: ClaimedJob, paths: str, owner: ClaimOwner) -> None:
        """Record the files of a finished job that was not recorded: own ones in their claim, others in one apart.

        No manifest holds adopted files, so the claim that this run's manifest is made of does not hold them either.

        :param paths: a SELECT of the paths in its output (:func:`.finished_files_sql`).
        """
        claim_id = job.claim_id if job.is_own else owner.new_claim_id(ADOPTED)
        # Together: of what the isolation left out nothing would tell later, and it would be run again.
        with self.session.transaction():
            adopted = self.session.execute(job_statements.adopt_sql(self.table, job, claim_id, paths))
            if job.is_isolated and adopted:
                self.session.execute(job_statements.quarantine_rest_sql(self.table, job))

    def _take_lock(self, claim_id: str) -> None:
        """Wait until no other claim is going on. Without the lock table's one row there is nothing to wait for."""
        if self.session.execute(claim_statements.take_lock_sql(self._lock, claim_id)) != 1:
            raise LedgerError(
                f"The lock table {self._lock} must have one row, and does not. Somebody changed it, and without that "
                f"row two runs could claim the same files. DROP TABLE {self._lock} lets the next claim create it again",
                retry="A retry fails in the same way until the lock table is dropped.",
            )


def release_claims(snowflake_conn_id: str, manifests: Sequence[Manifest], reason: str, log: Any) -> None:
    """Give back what a run that ends here has claimed, through a connection of its own.

    Failing to is said and raises nothing: the error that ended the run is the one to see, and an old claim of an ended
    run is taken over.

    :param manifests: the run's manifests; those without a ledger have nothing to give back.
    :param log: the task's logger.
    """
    from airflow_provider_mediabatch.client.connection import connected

    claims = {(manifest.ledger, manifest.claim_id) for manifest in manifests if manifest.ledger and manifest.claim_id}
    for table, claim_id in sorted(claims, key=str):
        try:
            with connected(snowflake_conn_id) as connection:
                released = Ledger(connection, str(table)).release(str(claim_id), reason)
            log.info("Released %d files in %s: the next run may take them", released, table)
        except Exception as error:
            log.warning(
                "Claim %s in %s could not be released; it may be taken over once this run has ended: %s",
                claim_id,
                table,
                error,
            )
