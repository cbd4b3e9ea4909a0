"""The ledger: which file was done by which model version, and which run works on it now.

Invariants:

- One row for each (path, content, model, version, when the version was logged, function). A claim is one transaction
  that updates the lock table's only row first, so that claims stand in line; INSERT … WHERE NOT EXISTS would not do,
  since INSERTs wait for nobody.
- A claim's id begins with what follows from dag, task, run and map index: repeating the claim, after a lost reply or in
  a retry, takes the run's own rows again. A manifest is exactly the rows that carry its claim's id.
- A run's claim is taken over only when it is old, its job is over or was never submitted, and its run has ended.
- Nothing is ``done`` before its job ended with ``_SUCCESS`` and was verified.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import qualified_name, table_columns
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.job_names import is_same_task
from airflow_provider_mediabatch.exceptions import NOTHING_RUNS, InvalidInputError, LedgerError
from airflow_provider_mediabatch.ledger import statements, tables, take_over
from airflow_provider_mediabatch.ledger.claims import Claim, ClaimOwner, LedgerSubject, Ownership, RecordedJob
from airflow_provider_mediabatch.ledger.ledger_session import LedgerSession, doubled_rows
from airflow_provider_mediabatch.ledger.take_over import ClaimedJob, JobFate, job_fate

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.batch_result import BatchResult
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest
    from airflow_provider_mediabatch.files.relation import Relation
    from airflow_provider_mediabatch.files.start_rule import StartRule

log = logging.getLogger(__name__)

_LISTS_AGAIN = "A retry will list and claim again."
_SAME_JOBS = "A retry finds the same jobs and starts none."
_NOT_SUBMITTED = {
    "running": "This try submitted no job. A job of an earlier try may still run and incur cost.",
    "retry": "Once the ledger is in order, a retry finds that job by its name, or submits one.",
}
_TAKEN = (
    "the others were taken by another run, or listed again. Clear the task that lists the files, with what follows it"
)


class Ledger:
    """The ledger table through one open connection.

    :param connection: with autocommit on, as a new connection has. Its LOCK_TIMEOUT is changed.
    :param table: its name as a user writes it; unqualified parts are filled from the connection.
    :raises InvalidInputError: for a name that is none.
    """

    def __init__(self, connection: SnowflakeConnection, table: str) -> None:
        database, schema, name = qualified_name(connection, table, argument="ledger", kind="table")
        self._connection = connection
        self.table = sql.qualified(database, schema, name)
        self._session = LedgerSession(connection, self.table)
        self._lock = sql.qualified(database, schema, f"{name}_LOCK")

    @classmethod
    def of(cls, connection: SnowflakeConnection, manifest: Manifest) -> Ledger | None:
        """The ledger that a manifest's rows are in, or None when it has none."""
        return cls(connection, manifest.ledger) if manifest.ledger and manifest.claim_id else None

    def exists(self) -> bool:
        """Whether the table is there already."""
        return table_columns(self._connection, self.table) is not None

    def ensure(self) -> None:
        """Create both tables where they are missing.

        :raises InvalidInputError: when a table of this name has another shape. Nothing is written then.
        """
        tables.ensure(self._connection, self._session, self.table, self._lock)

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
        with self._session.explained(running=NOTHING_RUNS, retry=_LISTS_AGAIN):
            for job in ended.finished:
                self._adopt(job, owner)
        candidates = statements.candidates_sql(
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
            with self._session.explained(running=NOTHING_RUNS, retry=_LISTS_AGAIN), self._session.transaction():
                self._take_lock(claim_id)
                self._session.execute(
                    statements.claim_sql(
                        candidates,
                        self.table,
                        claim_id=claim_id,
                        owner=owner,
                        subject=subject,
                        limit=limit,
                        reprocess=reprocess,
                    )
                )
                self._session.execute(
                    statements.release_earlier_claims_sql(self.table, claim_id, owner.prefix, subject, ended.given_up)
                )
        reasons = {"done": "done", "claimed": "claimed", "quarantined": "quarantined"}
        skipped: dict[str, int] = {}
        for row in self._session.rows(statements.count_left_out_sql(relation, self.table, subject, claim_id)):
            reason = reasons.get(str(row["STATE"]), "waiting" if waiting else "over_max_files")
            skipped[reason] = skipped.get(reason, 0) + int(row["COUNTED"])
        number = self._session.rows(statements.generation_sql(self.table, claim_id, subject))[0]["GENERATION"]
        held = statements.held_rows(relation, self.table, subject, claim_id)
        adopted = self._session.rows(statements.count_adopted_sql(self.table, owner, subject))[0]["COUNTED"]
        return Claim(self.table, claim_id, held, skipped, int(number), int(adopted), waiting)

    def assign_shards(self, relation: Relation, claim_id: str) -> None:
        """Note which shard each held row went to.

        :param relation: the held rows with their ``MB_SHARD``.
        """
        with self._session.explained(running=NOTHING_RUNS, retry=_LISTS_AGAIN):
            self._session.execute(statements.set_shards_sql(relation, self.table, claim_id))

    def check_owned(
        self,
        manifest: Manifest,
        job: str,
        plan: InferencePlan | None = None,
        *,
        location: str,
        approved: bool = False,
        error_column: str | None = None,
        work_digest: str | None = None,
    ) -> Ownership:
        """Before a job is submitted: note its name, and check that every row of the manifest is still this run's.

        Rows that were released (after a failed sample, for example) and that no run took since are taken back. Rows
        that were released by a rejection are taken back only after an approval.

        :param job: the job's qualified name, about to be submitted.
        :param location: the folder that the job will write to.
        :param plan: its version must be the one that the files were claimed for.
        :param approved: whether a person has approved these files' sample since.
        :param error_column: the output in which the model says why a row failed.
        :param work_digest: what the job does with a file (:attr:`.JobRequest.work_digest`).
        :raises InvalidInputError: when another run has taken rows, or a person rejected them.
        """
        self._check_version(manifest, plan)
        mine = self._mine(manifest, schema_of=job)
        if not approved:
            self._check_not_rejected(mine)
        self._check_no_other_job(mine, job)
        with self._session.explained(**_NOT_SUBMITTED):
            statement = statements.note_job_sql(
                self.table, mine, job, location, error_column, rows=manifest.row_count, work_digest=work_digest
            )
            self._session.execute(statement)
        owned = self._ownership(mine)
        self._check_held(manifest, sum(owned.counts.values()), lost=_TAKEN, **_NOT_SUBMITTED)
        return owned

    def _check_not_rejected(self, mine: str) -> None:
        with self._session.explained(**_NOT_SUBMITTED):
            found = self._session.rows(statements.count_rejected_sql(self.table, mine))
        rejected = int(found[0]["COUNTED"])
        if rejected:
            raise InvalidInputError(
                f"{rejected:,} files of this manifest were released in {self.table} because their sample was rejected. "
                "Clear the task that lists the files to begin again. For a full batch that follows a later approval, "
                "give the full batch that answer as approval=",
                running=_NOT_SUBMITTED["running"],
            )

    def _check_no_other_job(self, mine: str, job: str) -> None:
        """A job of the same task and of another name may still do these files, or have done them unrecorded.

        So it is when the listing was cleared while the job ran, and now makes another manifest of the same files.
        """
        with self._session.explained(**_NOT_SUBMITTED):
            noted = self.noted_jobs(mine)
        for item in noted:
            if item.job is None or item.job == job or not is_same_task(item.job, job):
                continue
            fate = job_fate(self._connection, replace(item, is_own=True))
            if fate is not JobFate.FREE:
                does = "may still process" if fate is JobFate.ALIVE else "has processed"
                raise LedgerError(
                    f"Job {item.job} of an earlier try {does} {item.files:,} files of this manifest, so no second job "
                    "was submitted for them. Once it has ended, clear the task that lists the files, with what follows "
                    f"it. To give it up, CALL {item.job}!SPCS_CANCEL_JOB()",
                    running=_NOT_SUBMITTED["running"],
                    retry="A retry asks again whether it has ended.",
                )

    def ownership(self, manifest: Manifest, job: str) -> Ownership:
        """The manifest's rows by state, without changing any.

        :param job: the qualified name of a job of these rows, in whose schema this role may make a file format.
        """
        return self._ownership(self._mine(manifest, schema_of=job))

    def _ownership(self, mine: str) -> Ownership:
        counts: dict[str, int] = {}
        jobs: dict[str, str] = {}
        costs: dict[str, Mapping[str, Any]] = {}
        work: set[str | None] = set()
        with self._session.explained(**_NOT_SUBMITTED):
            found = self._session.rows(statements.count_states_sql(self.table, mine))
        for row in found:
            counts[row["STATE"]] = counts.get(row["STATE"], 0) + int(row["COUNTED"])
            if row["STATE"] == "done":
                work.add(row["WORK_DIGEST"])
            if row["STATE"] == "done" and row["JOB_NAME"]:
                jobs[row["JOB_NAME"]] = row["OUTPUT_LOCATION"] or ""
                costs[row["JOB_NAME"]] = {name: row[name] for name in statements.COSTS}
        return Ownership(counts, jobs, costs, frozenset(work))

    def jobs_of_run(self, manifest: Manifest) -> list[RecordedJob]:
        """All jobs that did files of the run that listed this manifest, in any of its tries, by the same version."""
        prefix = ClaimOwner.prefix_of(str(manifest.claim_id))
        return [
            RecordedJob(row["JOB_NAME"], row["OUTPUT_LOCATION"], int(row["COUNTED"]))
            for row in self._session.rows(statements.done_jobs_sql(self.table, prefix, LedgerSubject.of(manifest)))
        ]

    def record_done(
        self, manifest: Manifest, plan: InferencePlan | None, result: BatchResult, work_digest: str | None = None
    ) -> int:
        """Record a verified result; repeating it changes nothing but the time.

        :param work_digest: what the job did with each file (:attr:`.JobRequest.work_digest`).
        :return: rows recorded.
        :raises InvalidInputError: when other runs have taken rows meanwhile.
        :raises LedgerError: when the ledger cannot be written, or somebody changed it. The output is whole.
        """
        self._check_version(manifest, plan)
        costs = {
            "running": f"Job {result.job} is DONE, its output in {result.location} is whole, "
            "and it incurs no more cost.",
            "retry": "Once the ledger is in order, a retry adopts the output and records it. It starts no job.",
        }
        mine = self._rows_of_job(manifest, result.job)
        with self._session.explained(**costs):
            changed = self._session.execute(statements.mark_done_sql(self.table, mine, result, work_digest))
            counts = self._session.rows(statements.count_states_sql(self.table, mine))
        finished = sum(int(row["COUNTED"]) for row in counts if row["STATE"] in ("done", "quarantined"))
        self._check_held(manifest, finished, lost="other runs took the rest while the job ran", **costs)
        return changed

    def release(self, claim_id: str, reason: str, manifest: Manifest | None = None) -> int:
        """Give claimed files back: the next run may take them at once.

        Files of a job that may be alive, or that has done them, stay claimed: another run would pay for them again.

        :param reason: kept in the rows' ERROR.
        :param manifest: only this shard's rows.
        :return: rows released.
        """
        mine = statements.claim_condition(claim_id) if manifest is None else self._mine(manifest)
        kept = [item for item in self.noted_jobs(mine) if job_fate(self._connection, item) is not JobFate.FREE]
        jobs = [str(item.job) for item in kept]
        if jobs:
            log.warning("Files stay claimed by %s, which may still process them or has done so", ", ".join(jobs))
        changed = self._session.execute(statements.release_sql(self.table, mine, reason[:4000], jobs))
        return changed - sum(item.files for item in kept)

    def quarantine_rows(self, manifest: Manifest, job: str, select: str) -> int:
        """Quarantine files that the model raises for; they are not taken again until they change or are released.

        :param job: the job that failed.
        :param select: a SELECT of FILE_PATH and ERROR; its rows stay on the server.
        :return: rows quarantined.
        """
        with self._session.explained(running=f"Job {job} has ended and incurs no more cost.", retry=_SAME_JOBS):
            mine = self._rows_of_job(manifest, job)
            return self._session.execute(statements.quarantine_sql(self.table, mine, select, job))

    def has_done(self, subject: LedgerSubject) -> bool:
        """Whether a file was ever done for this function of this model version."""
        return bool(self._session.rows(statements.any_done_sql(self.table, subject)))

    def quarantined(self, manifest: Manifest, stem: str, limit: int) -> list[dict[str, str]]:
        """The first of the manifest's files that a job quarantined, ``{"path": …, "error": …}``.

        :param stem: what the job's unqualified name begins with.
        """
        mine = self._mine(manifest)
        found = self._session.rows(statements.quarantined_files_sql(self.table, mine, stem, limit))
        return [{"path": row["FILE_PATH"], "error": row["ERROR"] or ""} for row in found]

    def release_quarantined(self, subject: LedgerSubject, paths: Sequence[str] | None = None) -> int:
        """Let quarantined files be taken again.

        :param subject: what they were quarantined for.
        :param paths: these full stage paths; None: all.
        :return: rows released.
        """
        return self._session.execute(statements.release_quarantined_sql(self.table, subject, paths))

    def _waiting(self, candidates: str, owner: ClaimOwner, rule: StartRule) -> str:
        """What the open files wait for; "" when they do not."""
        row = self._session.rows(statements.open_files_sql(candidates, owner))[0]
        count, newest, oldest = int(row["FILES"]), row["NEWEST"], row["OLDEST"]
        if not count or row["OWN"] or rule.seconds_left(count, newest=float(newest), oldest=float(oldest)) == 0:
            return ""
        return rule.describe(count, float(oldest))

    def _claimed_jobs(
        self, relation: Relation, subject: LedgerSubject, owner: ClaimOwner, age: timedelta
    ) -> list[ClaimedJob]:
        statement = statements.claimed_jobs_sql(
            relation, self.table, subject, owner.prefix, age=age, retention_days=take_over.JOB_RETENTION_DAYS
        )
        return [ClaimedJob.of_row(row) for row in self._session.rows(statement)]

    def noted_jobs(self, mine: str) -> list[ClaimedJob]:
        """The jobs that claimed rows wait for, and one without a name for those that wait for none.

        :param mine: the condition on ledger rows T.
        """
        statement = statements.noted_jobs_sql(self.table, mine, retention_days=take_over.JOB_RETENTION_DAYS)
        return [ClaimedJob.of_row(row) for row in self._session.rows(statement)]

    def _adopt(self, job: ClaimedJob, owner: ClaimOwner) -> None:
        """Record the files of a finished job that was not recorded: own ones in their claim, others in one apart.

        No manifest holds adopted files, so the claim that this run's manifest is made of does not hold them either.
        """
        paths = take_over.finished_files_sql(self._connection, job)
        if not paths:
            return
        claim_id = job.claim_id if job.is_own else owner.new_claim_id()
        # Together: of what the isolation left out nothing would tell later, and it would be run again.
        with self._session.transaction():
            adopted = self._session.execute(statements.adopt_sql(self.table, job, claim_id, paths))
            if job.is_isolated and adopted:
                self._session.execute(statements.quarantine_rest_sql(self.table, job))

    def _mine(self, manifest: Manifest, *, schema_of: str = "") -> str:
        """The condition on the manifest's rows.

        The claim also has the rows that the sample has quarantined. Somebody may release them, and they are in no job.

        :param schema_of: a job, in whose schema this role may make a file format to read the manifest with.
        """
        mine = statements.claim_condition(str(manifest.claim_id), manifest.shard if manifest.shards > 1 else None)
        if not (manifest.left_out and schema_of):
            return mine
        staged = StagedParquet(self._connection, schema_of.rpartition(".")[0])
        paths = f"SELECT {field(manifest.key_column)}::VARCHAR FROM {staged.source(manifest.location)}"
        return f"({mine} AND T.FILE_PATH IN ({paths}))"

    def _rows_of_job(self, manifest: Manifest, job: str) -> str:
        """The condition on the manifest's rows, under whichever claim of this task instance they wait for the job.

        When the listing alone was cleared while the job ran, its next try has claimed the same rows under a new id.
        """
        mine, prefix = self._mine(manifest, schema_of=job), ClaimOwner.prefix_of(str(manifest.claim_id))
        return f"({mine} OR {statements.waits_for_condition(prefix, job)})"

    @staticmethod
    def _check_version(manifest: Manifest, plan: InferencePlan | None) -> None:
        if plan is None or manifest.model is None:
            return
        claimed = (manifest.model, manifest.model_version, manifest.model_version_created_on, manifest.function)
        logged = plan.model_version_created_on or manifest.model_version_created_on
        planned = (plan.model, plan.model_version, logged, plan.function)
        if claimed != planned:
            raise InvalidInputError(
                "the files were listed for {} version {} of {} function {}, the plan pins {} version {} of {} function "
                "{}: give ListStageFilesOperator and ValidateSignatureOperator the same model_name, version_name and "
                "function_name, and clear both when a default or alias was moved, or the version logged again, between "
                "them".format(*claimed, *planned)
            )

    def _take_lock(self, claim_id: str) -> None:
        """Wait until no other claim is going on. Without the lock table's one row there is nothing to wait for."""
        if self._session.execute(statements.take_lock_sql(self._lock, claim_id)) != 1:
            raise LedgerError(
                f"The lock table {self._lock} must have one row, and does not. Somebody changed it, and without that "
                f"row two runs could claim the same files. DROP TABLE {self._lock} lets the next claim create it again",
                retry="A retry fails in the same way until the lock table is dropped.",
            )

    def _check_held(self, manifest: Manifest, held: int, *, lost: str, **costs: str) -> None:
        """Check that the claim has exactly the manifest's rows.

        :param held: how many it has.
        :param lost: what is to be said when other runs have taken rows.
        :param costs: ``running`` and ``retry`` of the error.
        :raises LedgerError: when somebody emptied or doubled the ledger.
        :raises InvalidInputError: when other runs have taken rows.
        """
        expected = manifest.row_count
        if held == expected:
            return
        count = f"This run holds {held:,} rows for the {expected:,} rows of its manifest in {self.table}"
        if held > expected:
            raise LedgerError(f"{count}. {doubled_rows(self.table)}", **costs)
        if not self._session.rows(f"SELECT 1 FROM {self.table} LIMIT 1"):
            raise LedgerError(
                f"{count}: the ledger is empty, because somebody truncated or replaced it. Time Travel restores it: "
                f"INSERT INTO {self.table} SELECT * FROM {self.table} AT (OFFSET => -3600). Or clear the task that "
                "lists the files, after which every file is new",
                **costs,
            )
        raise InvalidInputError(f"{count}: {lost}", running=costs["running"])


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
