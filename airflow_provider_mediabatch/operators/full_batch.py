"""FullBatchOperator: the job itself. One for each manifest, whatever happens to worker, network or triggerer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.exceptions import InvalidInput
from airflow_provider_mediabatch.job import BatchResult
from airflow_provider_mediabatch.operators.batch_job import (
    DONE_KEY,
    STORE_KEY,
    BatchJobOperator,
    manifests_of,
    plan_of,
)
from airflow_provider_mediabatch.report import SampleReport
from airflow_provider_mediabatch.stage_path import StagePath
from airflow_provider_mediabatch.values import digest

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.hooks.submission import Attempt, Work
    from airflow_provider_mediabatch.manifest import Manifest
    from airflow_provider_mediabatch.plan import InferencePlan

ON_RERUN = ("adopt", "rerun")
SAVE_MODES = ("error", "overwrite")


class FullBatchOperator(BatchJobOperator):
    """Run a manifest through the model, verify the output, and return a :class:`~.job.BatchResult`.

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
    """

    template_fields: Sequence[str] = (
        "manifest",
        "plan",
        "sample",
        "output_location",
        "save_mode",
        "on_rerun",
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
        from airflow_provider_mediabatch.hooks.jobs import connected

        manifest, plan = self._inputs()
        if manifest.is_empty:
            self.log.info("The manifest is empty: there is nothing to run")
            return _empty(manifest, plan).to_xcom()
        with connected(self.snowflake_conn_id) as connection:
            work = self._work(context, manifest, plan, connection.database, connection.schema)
            recorded = self._recorded(connection, work)
            if recorded is not None:
                return recorded.to_xcom()
            state = {"output_location": work.output_location}
            return self.run_work(context, connection, work, first=self._first(context, work), state=state)

    def work_again(self, context: Context, state: Mapping[str, Any]) -> Work:
        """Manifest and plan are template fields: they are here again after the deferral."""
        manifest, plan = self._inputs()
        return self._work(context, manifest, plan, None, None, output_location=state["output_location"])

    def finish(self, context: Context, connection: SnowflakeConnection, work: Work, attempt: Attempt) -> dict[str, Any]:
        """Verify and describe the result; record it in the ledger."""
        from airflow_provider_mediabatch.hooks.endings import check_whole
        from airflow_provider_mediabatch.hooks.ledger import Ledger

        rows = check_whole(connection, work, attempt)
        result = BatchResult(
            job=attempt.job,
            location=work.location(attempt.job),
            rows=rows,
            files=work.manifest.file_count,
            seconds=round(time.time() - attempt.started, 3),
            plan=work.plan.digest,
            model=work.plan.model,
            model_version=work.plan.model_version,
            function=work.plan.function,
            outputs=dict(work.plan.outputs),
            manifest=work.manifest.to_xcom(),
            generation=attempt.generation,
            adopted=attempt.adopted,
        )
        self.log.info("Job %s: %d rows for %d files in %s", result.job, rows, result.files, result.location)
        ledger = Ledger.of(connection, work.manifest)
        if ledger is not None:
            ledger.record_done(work.manifest, work.plan, result)
        return self.reported(result.to_xcom())

    def before_submit(self, context: Context, connection: SnowflakeConnection, work: Work, job: str) -> None:
        """The files must still be this run's, and the ledger learns the job's name before Snowflake does."""
        from airflow_provider_mediabatch.hooks.ledger import Ledger

        ledger = Ledger.of(connection, work.manifest)
        if ledger is not None:
            ledger.check_owned(work.manifest, job, work.plan)

    def _recorded(self, connection: SnowflakeConnection, work: Work) -> BatchResult | None:
        """What the ledger has of this very work: job names come free after some weeks, the ledger's rows stay."""
        from airflow_provider_mediabatch.hooks.jobs import count_files
        from airflow_provider_mediabatch.hooks.ledger import Ledger
        from airflow_provider_mediabatch.hooks.output import Staged

        ledger = Ledger.of(connection, work.manifest) if self.on_rerun == "adopt" else None
        done = ledger.ownership(work.manifest).did(work.stem) if ledger is not None else None
        if done is None:
            return None
        job, location = done
        if not count_files(connection, location)["success"]:
            return None
        self.log.info("The ledger has these files as done by job %s: its output is taken over", job)
        return replace(
            _empty(work.manifest, work.plan),
            job=job,
            location=location,
            rows=Staged(connection, work.plan.job_schema).count(location),
            files=work.manifest.file_count,
            adopted=True,
        )

    def _inputs(self) -> tuple[Manifest, InferencePlan]:
        """Manifest and plan, bound to each other and to the sample by their digests."""
        manifests, plan = manifests_of(self.manifest), plan_of(self.plan)
        for name, value, allowed in (("save_mode", self.save_mode, SAVE_MODES), ("on_rerun", self.on_rerun, ON_RERUN)):
            if value not in allowed:
                raise InvalidInput(f"{name}={value!r}: use {' or '.join(map(repr, allowed))}")
        if len(manifests) != 1:
            raise InvalidInput(
                f"FullBatchOperator runs one manifest and got {len(manifests)} shards: map it, "
                "FullBatchOperator.partial(…).expand(manifest=…)"
            )
        manifest = manifests[0]
        if plan.manifests and not plan.covers(manifest.digest):
            raise InvalidInput(
                "This manifest is not the one that was validated (their digests differ): "
                "give validation and full batch the same listing, or clear the validation"
            )
        self._check_sample(plan)
        return manifest, plan

    def _check_sample(self, plan: InferencePlan) -> None:
        if self.sample is None:
            return
        try:
            sample = SampleReport.from_xcom(self.sample)
        except ValueError as error:
            raise InvalidInput(f"sample: {error}") from None
        if not sample.passed:
            raise InvalidInput("The sample did not pass its checks: there is no full run without a sample that passed")
        for what, tested, given in (
            ("plan", sample.plan_digest, plan.digest),
            ("manifest", sample.manifest_digest, plan.manifest_digest),
        ):
            if tested != given:
                raise InvalidInput(
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
    ) -> Work:
        from airflow_provider_mediabatch.hooks.submission import Work

        location = output_location or self.output_location or plan.output_location
        try:
            output = StagePath.parse(location, database=database, schema=schema).folder
        except ValueError as error:
            raise InvalidInput(f"output_location: {error}") from None
        if manifest.path.is_within(output):
            raise InvalidInput(f"The manifest {manifest.location} lies inside output_location {output.full}")
        fingerprint = digest(manifest.digest, plan.digest, output.full, self.save_mode)
        return Work(
            stem=self.stem(context, fingerprint),
            fingerprint=fingerprint,
            manifest=manifest,
            plan=plan,
            output_location=output.full,
            save_mode=self.save_mode,
        )

    def _first(self, context: Context, work: Work) -> int:
        """The first generation to look at: after the finished one, when a cleared task is to run again."""
        store = context.get("task_state_store")
        done: Any = store.get(DONE_KEY) if store is not None and self.on_rerun == "rerun" else None
        if not isinstance(done, Mapping) or done.get("fingerprint") != work.fingerprint:
            return 0
        stored: Any = store.get(STORE_KEY) if store is not None else None
        generation = int(done.get("generation") or 0)
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
