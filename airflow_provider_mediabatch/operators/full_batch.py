"""FullBatchOperator: the job itself. One for each manifest, whatever happens to worker, network or triggerer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.batch.isolation_rounds import MAX_LISTED, listed_files
from airflow_provider_mediabatch.client import stages
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.operators.batch_job import (
    DONE_KEY,
    STORE_KEY,
    manifests_of,
    max_tries,
    plan_of,
)
from airflow_provider_mediabatch.operators.isolating_job import IsolatingJobOperator

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest

ON_RERUN = ("adopt", "rerun")
SAVE_MODES = ("error", "overwrite")


class FullBatchOperator(IsolatingJobOperator):
    """Run a manifest through the model, verify the output, and return a :class:`~.core.batch_result.BatchResult`.

    The job's name follows from dag, task, run, map index and the digests of manifest and plan, and Snowflake keeps
    names unique: a retry attaches to the running job or adopts the finished one, and never starts a second.

    For a list of manifests (shards) map it: ``FullBatchOperator.partial(…).expand(manifest=listing.output)``.

    :param manifest: one manifest.
    :param plan: what ValidateSignatureOperator returned.
    :param sample: what SampleBatchOperator returned: it must have passed with this plan and this manifest. None: run
        without a sample.
    :param output_location: overrides the plan's.
    :param save_mode: ``error`` (default) or ``overwrite``: what happens when the job's own folder holds files already.
    :param on_rerun: what clearing the finished task does while its inputs are unchanged: ``adopt`` the finished job's
        output, or ``rerun`` under the next name.
    :param isolate_failures: when the model raises, which fails the whole job: run the files again in parts, each a job,
        and the parts that fail again in smaller ones, until the bad files are known. The good ones are finished, the
        bad ones put aside with their error (in the result, and as ``quarantined`` in the ledger). Not for partitioned
        methods.
    :param max_isolation_jobs: jobs of one such round, 2 to 100, which run side by side. When more than half as many
        parts fail in a round, their files count as bad together.
    :param max_failed_fraction: the largest share of bad rows, 0 to 1, with which the task still succeeds. Above it the
        task fails; the good files' output and their entries in the ledger stay.
    """

    template_fields: Sequence[str] = (
        "manifest",
        "plan",
        "sample",
        "output_location",
        "save_mode",
        "on_rerun",
        "max_isolation_jobs",
        "max_failed_fraction",
        "snowflake_conn_id",
    )
    ui_color = "#d9f2e3"

    def __init__(
        self,
        *,
        manifest: Any,
        plan: Any,
        sample: Any = None,
        output_location: str | None = None,
        save_mode: str = "error",
        on_rerun: str = "adopt",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.manifest = manifest
        self.plan = plan
        self.sample = sample
        self.output_location = output_location
        self.save_mode = save_mode
        self.on_rerun = on_rerun

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit or find the job, wait, verify; return the result's XCom form."""
        from airflow_provider_mediabatch.client.connection import connected

        manifest, plan = self._inputs()
        if manifest.is_empty:
            self.log.info("The manifest is empty: there is nothing to run")
            return _empty(manifest, plan).to_xcom()
        with connected(self.snowflake_conn_id) as connection:
            work = self._work(context, manifest, plan, connection.database, connection.schema)
            recorded = self._recorded(connection, work)
            if recorded is not None:
                return self.judge(context, recorded)
            state = {"output_location": work.output_location}
            return self.run_work(context, connection, work, first=self._first(context, work), state=state)

    def work_again(self, context: Context, state: Mapping[str, Any]) -> JobRequest:
        """Manifest and plan are template fields: they are here again after the deferral."""
        manifest, plan = self._inputs()
        return self._work(context, manifest, plan, None, None, output_location=state["output_location"])

    def finish(
        self, context: Context, connection: SnowflakeConnection, work: JobRequest, attempt: Attempt
    ) -> dict[str, Any]:
        """Verify and describe the result; record it in the ledger."""
        from airflow_provider_mediabatch.batch.job_outcomes import verify_output

        rows = verify_output(connection, work, attempt)
        result = self.recorded(connection, work, attempt, rows=rows, location=work.location(attempt.job))
        return self.reported(result.to_xcom())

    def recorded(
        self,
        connection: SnowflakeConnection,
        work: JobRequest,
        attempt: Attempt,
        *,
        rows: int,
        location: str,
        quarantined: Sequence[Mapping[str, str]] = (),
        count: int = 0,
    ) -> BatchResult:
        """Describe verified output and record it in the ledger."""
        from airflow_provider_mediabatch.client import jobs
        from airflow_provider_mediabatch.ledger.ledger import Ledger

        # An adopted job ran in an earlier try, at a time of its own.
        seconds = jobs.seconds(connection, attempt.job) if attempt.adopted else time.time() - attempt.started
        result = replace(
            _empty(work.manifest, work.plan),
            job=attempt.job,
            location=location,
            rows=rows,
            files=work.manifest.file_count,
            seconds=round(seconds or 0.0, 3),
            generation=attempt.generation,
            quarantined=tuple(quarantined),
            more_quarantined=count - len(quarantined),
            adopted=attempt.adopted,
        )
        self.log.info("Job %s: %d rows for %d files in %s", result.job, rows, result.files, result.location)
        ledger = Ledger.of(connection, work.manifest)
        if ledger is not None:
            ledger.record_done(work.manifest, work.plan, result)
        return result

    def before_submit(self, context: Context, connection: SnowflakeConnection, work: JobRequest, job: str) -> None:
        """The files must still be this run's, and the ledger learns the job's name before Snowflake does."""
        from airflow_provider_mediabatch.ledger.ledger import Ledger

        ledger = Ledger.of(connection, work.manifest)
        if ledger is not None:
            ledger.check_owned(work.manifest, job, work.plan)

    def _recorded(self, connection: SnowflakeConnection, work: JobRequest) -> BatchResult | None:
        """What the ledger has of this very work: job names come free after some weeks, the ledger's rows stay."""
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
        from airflow_provider_mediabatch.ledger.ledger import Ledger

        ledger = Ledger.of(connection, work.manifest) if self.on_rerun == "adopt" else None
        owned = ledger.ownership(work.manifest) if ledger is not None else None
        done = owned.did(work.stem) if owned is not None else None
        if ledger is None or owned is None or done is None:
            return None
        job, location = done
        if not stages.output_folder(connection, location).success:
            return None
        self.log.info("The ledger has these files as done by job %s: its output is taken over", job)
        count = owned.counts.get("quarantined", 0)
        quarantined = listed_files(ledger.quarantined(work.manifest, MAX_LISTED)) if count else ()
        return replace(
            _empty(work.manifest, work.plan),
            job=job,
            location=location,
            rows=StagedParquet(connection, work.plan.job_schema).count(location),
            files=work.manifest.file_count,
            quarantined=quarantined,
            more_quarantined=count - len(quarantined),
            adopted=True,
        )

    def _inputs(self) -> tuple[Manifest, InferencePlan]:
        """Manifest and plan, bound to each other and to the sample by their digests."""
        manifests, plan = manifests_of(self.manifest), plan_of(self.plan)
        for name, value, allowed in (("save_mode", self.save_mode, SAVE_MODES), ("on_rerun", self.on_rerun, ON_RERUN)):
            if value not in allowed:
                raise InvalidInputError(f"{name}={value!r}: use {' or '.join(map(repr, allowed))}")
        if len(manifests) != 1:
            raise InvalidInputError(
                f"FullBatchOperator runs one manifest and got {len(manifests)} shards: map it, "
                "FullBatchOperator.partial(…).expand(manifest=…)"
            )
        manifest = manifests[0]
        if plan.manifests and not plan.covers(manifest.digest):
            raise InvalidInputError(
                "This manifest is not the one that was validated (their digests differ): "
                "give validation and full batch the same listing, or clear the validation"
            )
        self._check_sample(plan)
        self.check_isolation(plan)
        return manifest, plan

    def _check_sample(self, plan: InferencePlan) -> None:
        if self.sample is None:
            return
        try:
            sample = SampleReport.from_xcom(self.sample)
        except ValueError as error:
            raise InvalidInputError(f"sample: {error}") from None
        if not sample.passed:
            raise InvalidInputError(
                "The sample did not pass its checks: there is no full run without a sample that passed"
            )
        for what, tested, given in (
            ("plan", sample.plan_digest, plan.digest),
            ("manifest", sample.manifest_digest, plan.manifest_digest),
        ):
            if tested != given:
                raise InvalidInputError(
                    f"The sample passed with another {what} than this one (digest {tested[:16]}, not {given[:16]}): "
                    "clear the sample's task, so that what runs is what was tested"
                )

    def _work(
        self,
        context: Context,
        manifest: Manifest,
        plan: InferencePlan,
        database: str | None,
        schema: str | None,
        *,
        output_location: str | None = None,
    ) -> JobRequest:
        from airflow_provider_mediabatch.batch.submission import JobRequest

        location = output_location or self.output_location or plan.output_location
        try:
            output = StagePath.parse(location, database=database, schema=schema).folder
        except ValueError as error:
            raise InvalidInputError(f"output_location: {error}") from None
        if manifest.path.is_within(output):
            raise InvalidInputError(f"The manifest {manifest.location} lies inside output_location {output.full}")
        fingerprint = digest(manifest.digest, plan.digest, output.full, self.save_mode)
        return JobRequest(
            stem=self.stem(context, fingerprint),
            fingerprint=fingerprint,
            manifest=manifest,
            plan=plan,
            output_location=output.full,
            save_mode=self.save_mode,
            # Of one row there is nothing to isolate: it fails as it would without.
            keeps_failure=self.isolate_failures and manifest.row_count > 1,
        )

    def _first(self, context: Context, work: JobRequest) -> int:
        """The first generation to look at: after the finished one, when a cleared task is to run again.

        Clearing a task raises its ``max_tries``; a retry leaves it as it was.
        """
        store = context.get("task_state_store")
        done: Any = store.get(DONE_KEY) if store is not None and self.on_rerun == "rerun" else None
        if not isinstance(done, Mapping) or done.get("fingerprint") != work.fingerprint:
            return 0
        stored: Any = store.get(STORE_KEY) if store is not None else None
        generation = int(done.get("generation") or 0)
        if done.get("max_tries") is not None and done["max_tries"] == max_tries(context):
            return generation  # nobody cleared the task: Airflow tries again because it did not hear of the success
        if isinstance(stored, Mapping) and int(stored.get("generation") or 0) > generation:
            return int(stored["generation"])
        return generation + 1


def _empty(manifest: Manifest, plan: InferencePlan) -> BatchResult:
    """The result of nothing to do: no job, no rows."""
    return BatchResult(
        job="",
        location="",
        rows=0,
        files=0,
        seconds=0.0,
        plan=plan.digest,
        model=plan.model,
        model_version=plan.model_version,
        function=plan.function,
        outputs=dict(plan.outputs),
        manifest=manifest.to_xcom(),
    )
