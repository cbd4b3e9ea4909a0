"""The rows of one manifest in the ledger: whose they are before a job is submitted, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.core.job_names import is_same_task
from airflow_provider_mediabatch.exceptions import InvalidInputError, LedgerError
from airflow_provider_mediabatch.ledger import conditions, job_statements, state_statements, take_over
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject, Ownership, RecordedJob
from airflow_provider_mediabatch.ledger.ledger import Ledger
from airflow_provider_mediabatch.ledger.ledger_session import doubled_rows
from airflow_provider_mediabatch.ledger.take_over import JobFate, job_fate

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.batch_result import BatchResult
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest

_SAME_JOBS = "A retry finds the same jobs and starts none."
_NOT_SUBMITTED = {
    "running": "This try submitted no job. A job of an earlier try may still run and incur cost.",
    "retry": "Once the ledger is in order, a retry finds that job by its name, or submits one.",
}
_TAKEN = (
    "another run has claimed the others, or they were listed again. Clear the task that lists the files, with what "
    "follows it"
)


class ClaimedRows:
    """The rows that a run holds for one manifest, through one open connection.

    :param connection: of the provider's hook, with autocommit on.
    :param manifest: of a listing with a ledger.
    :ivar table: the ledger's qualified name as SQL.
    """

    def __init__(self, connection: SnowflakeConnection, manifest: Manifest) -> None:
        self._connection = connection
        self._manifest = manifest
        self._ledger = Ledger(connection, str(manifest.ledger))
        self._session, self.table = self._ledger.session, self._ledger.table

    @classmethod
    def of(cls, connection: SnowflakeConnection, manifest: Manifest) -> ClaimedRows | None:
        """The rows of a manifest, or None when it has no ledger."""
        return cls(connection, manifest) if manifest.ledger and manifest.claim_id else None

    def check_owned(
        self,
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
        self._check_version(plan)
        mine = self._mine(schema_of=job)
        if not approved:
            self._check_not_rejected(mine)
        self._check_no_other_job(mine, job)
        with self._session.explained(**_NOT_SUBMITTED):
            statement = job_statements.note_job_sql(
                self.table, mine, job, location, error_column, rows=self._manifest.row_count, work_digest=work_digest
            )
            self._session.execute(statement)
        owned = self._ownership(mine)
        self._check_held(sum(owned.counts.values()), lost=_TAKEN, **_NOT_SUBMITTED)
        return owned

    def ownership(self, job: str) -> Ownership:
        """The manifest's rows by state, without changing any.

        :param job: the qualified name of a job of these rows, in whose schema this role may make a file format.
        """
        return self._ownership(self._mine(schema_of=job))

    def record_done(self, plan: InferencePlan | None, result: BatchResult, work_digest: str | None = None) -> int:
        """Record a verified result; repeating it changes nothing but the time.

        :param work_digest: what the job did with each file (:attr:`.JobRequest.work_digest`).
        :return: rows recorded.
        :raises InvalidInputError: when other runs have taken rows meanwhile.
        :raises LedgerError: when the ledger cannot be written, or somebody changed it. The output is whole.
        """
        self._check_version(plan)
        costs = {
            "running": f"Job {result.job} is DONE, its output in {result.location} is whole, "
            "and it incurs no more cost.",
            "retry": "Once the ledger is in order, a retry adopts the output and records it. It starts no job.",
        }
        mine = self._rows_of_job(result.job)
        with self._session.explained(**costs):
            changed = self._session.execute(job_statements.mark_done_sql(self.table, mine, result, work_digest))
            counts = self._session.rows(state_statements.count_states_sql(self.table, mine))
        finished = sum(int(row["COUNTED"]) for row in counts if row["STATE"] in ("done", "quarantined"))
        self._check_held(finished, lost="other runs took the rest while the job ran", **costs)
        return changed

    def quarantine_rows(self, job: str, select: str) -> int:
        """Quarantine files that the model raises for; they are not taken again until they change or are released.

        :param job: the job that failed.
        :param select: a SELECT of FILE_PATH and ERROR; its rows stay on the server.
        :return: rows quarantined.
        """
        with self._session.explained(running=f"Job {job} has ended and incurs no more cost.", retry=_SAME_JOBS):
            mine = self._rows_of_job(job)
            return self._session.execute(state_statements.quarantine_sql(self.table, mine, select, job))

    def quarantined(self, stem: str, limit: int) -> list[dict[str, str]]:
        """The first of the manifest's files that a job quarantined, ``{"path": …, "error": …}``.

        :param stem: what the job's unqualified name begins with.
        """
        mine = self._mine()
        found = self._session.rows(state_statements.quarantined_files_sql(self.table, mine, stem, limit))
        return [{"path": row["FILE_PATH"], "error": row["ERROR"] or ""} for row in found]

    def jobs_to_load(self, dag_id: str) -> list[RecordedJob]:
        """All jobs that did files of the run that listed this manifest, in any of its tries, by the same version.

        Those of the DAG's ended runs that were adopted, by this run or another, are among them.
        """
        statement = job_statements.done_jobs_sql(
            self.table,
            ClaimOwner.prefix_of(str(self._manifest.claim_id)),
            LedgerSubject.of(self._manifest),
            dag_id,
            retention_days=take_over.JOB_RETENTION_DAYS,
        )
        return [
            RecordedJob(row["JOB_NAME"], row["OUTPUT_LOCATION"], int(row["COUNTED"]), bool(row["IS_OWN"]))
            for row in self._session.rows(statement)
        ]

    def has_version_worked(self) -> bool:
        """Whether the manifest's model version has done any file by this function."""
        subject = LedgerSubject.of(self._manifest)
        return subject is not None and self._ledger.has_done(subject)

    def done_by_others_sql(self, job: str) -> str | None:
        """A SELECT of the files that another job than this one has done last: PATH, CONTENT, JOB.

        None when the manifest does not say which model version it is for.
        """
        subject = LedgerSubject.of(self._manifest)
        return None if subject is None else job_statements.done_by_others_sql(self.table, subject, job)

    def _ownership(self, mine: str) -> Ownership:
        counts: dict[str, int] = {}
        jobs: dict[str, str] = {}
        costs: dict[str, Mapping[str, Any]] = {}
        work: set[str | None] = set()
        with self._session.explained(**_NOT_SUBMITTED):
            found = self._session.rows(state_statements.count_states_sql(self.table, mine))
        for row in found:
            counts[row["STATE"]] = counts.get(row["STATE"], 0) + int(row["COUNTED"])
            if row["STATE"] == "done":
                work.add(row["WORK_DIGEST"])
            if row["STATE"] == "done" and row["JOB_NAME"]:
                jobs[row["JOB_NAME"]] = row["OUTPUT_LOCATION"] or ""
                costs[row["JOB_NAME"]] = {name: row[name] for name in state_statements.COSTS}
        return Ownership(counts, jobs, costs, frozenset(work))

    def _check_not_rejected(self, mine: str) -> None:
        with self._session.explained(**_NOT_SUBMITTED):
            found = self._session.rows(state_statements.count_rejected_sql(self.table, mine))
        rejected = int(found[0]["COUNTED"])
        if rejected:
            raise InvalidInputError(
                f"{rejected:,} files of this manifest were released in {self.table} because their sample was "
                "rejected. Clear the task that lists the files to begin again. For a full batch that follows a later "
                "approval, give the full batch that answer as approval=",
                running=_NOT_SUBMITTED["running"],
            )

    def _check_no_other_job(self, mine: str, job: str) -> None:
        """A job of the same task and of another name may still do these files, or have done them unrecorded.

        So it is when the listing was cleared while the job ran, and now makes another manifest of the same files.
        """
        with self._session.explained(**_NOT_SUBMITTED):
            noted = self._ledger.noted_jobs(mine)
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

    def _mine(self, *, schema_of: str = "") -> str:
        """The condition on the manifest's rows.

        The claim also has the rows that the sample has quarantined. Somebody may release them, and they are in no job.

        :param schema_of: a job, in whose schema this role may make a file format to read the manifest with.
        """
        manifest = self._manifest
        mine = conditions.claim_condition(str(manifest.claim_id), manifest.shard if manifest.shards > 1 else None)
        if not (manifest.left_out and schema_of):
            return mine
        staged = StagedParquet(self._connection, schema_of.rpartition(".")[0])
        paths = f"SELECT {field(manifest.key_column)}::VARCHAR FROM {staged.source(manifest.location)}"
        return f"({mine} AND T.FILE_PATH IN ({paths}))"

    def _rows_of_job(self, job: str) -> str:
        """The condition on the manifest's rows, under whichever claim of this task instance they wait for the job.

        When the listing alone was cleared while the job ran, its next try has claimed the same rows under a new id.
        """
        mine, prefix = self._mine(schema_of=job), ClaimOwner.prefix_of(str(self._manifest.claim_id))
        return f"({mine} OR {conditions.waits_for_condition(prefix, job)})"

    def _check_version(self, plan: InferencePlan | None) -> None:
        manifest = self._manifest
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

    def _check_held(self, held: int, *, lost: str, **costs: str) -> None:
        """Check that the claim has exactly the manifest's rows.

        :param held: how many it has.
        :param lost: what is to be said when other runs have taken rows.
        :param costs: ``running`` and ``retry`` of the error.
        :raises LedgerError: when somebody emptied or doubled the ledger.
        :raises InvalidInputError: when other runs have taken rows.
        """
        expected = self._manifest.row_count
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
