"""SampleBatchOperator: the same job on a few files first, and a verdict that the full run is bound to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import PREVIEW_ROWS, Check, SampleReport, clip
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError, SampleFailedError
from airflow_provider_mediabatch.files.sampling import sample_select, shards_for
from airflow_provider_mediabatch.operators.job_task import JobTask
from airflow_provider_mediabatch.operators.upstream import parse_manifests, parse_plan

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.batch_run import BatchRun
    from airflow_provider_mediabatch.batch.failure_isolation import FailureIsolation
    from airflow_provider_mediabatch.batch.isolation_jobs import IsolationJobs
    from airflow_provider_mediabatch.batch.isolation_rounds import FinishedRange
    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.batch.wait_for_job import JobWait

TEST_FOLDER = "MB_SAMPLE"
MAX_SAMPLE = 1000


class SampleBatchOperator(JobTask):
    """Run a few rows of the manifest through a real job, look at the result, and return a
    :class:`~.core.sample_report.SampleReport`.

    The sample has a manifest, a job name and an output folder of its own. A check that fails fails the task, with the
    rows that broke it, before the full run has cost anything.

    With ``isolate_failures`` sampled files that the model cannot process are quarantined, in the report and in the
    ledger, and the sample goes on with the others. FullBatchOperator leaves them out. When every sampled file fails,
    the model counts as the cause, unless the ledger has files that this model version has done before.

    :param manifest: what ListStageFilesOperator returned: a manifest, or a list of shards (the first ones are drawn
        from).
    :param plan: what ValidateSignatureOperator returned.
    :param sample_size: rows to try, 1 to 1000.
    :param sampling: ``first`` by path, ``random``, or ``edges`` (smallest, largest, the rest random). The same rows
        again on a retry.
    :param output_location: a test location; None: folder ``MB_SAMPLE`` below the plan's.
    :param checks: SQL predicates over the output's columns that must be true for each row, like ``LENGTH(TEXT) > 0``.
    :param max_null_fraction: how much of an output column may be NULL; 1.0 lets all of it be.
    """

    template_fields: Sequence[str] = (
        "manifest",
        "plan",
        "sample_size",
        "sampling",
        "output_location",
        "checks",
        "max_isolation_jobs",
        "snowflake_conn_id",
    )
    ui_color = "#fff3d6"

    def __init__(
        self,
        *,
        manifest: Any,
        plan: Any,
        sample_size: int | str = 3,
        sampling: str = "first",
        output_location: str | None = None,
        checks: Sequence[str] = (),
        max_null_fraction: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.manifest = manifest
        self.plan = plan
        self.sample_size = sample_size
        self.sampling = sampling
        self.output_location = output_location
        self.checks = checks
        self.max_null_fraction = max_null_fraction

    def execute(self, context: Context) -> dict[str, Any]:
        """Draw the sample, run its job, check its output; return the report's XCom form."""
        from airflow_provider_mediabatch.batch.submission import JobRequest
        from airflow_provider_mediabatch.client.connection import connected

        manifests, plan, size = self._inputs()
        if all(manifest.is_empty for manifest in manifests):
            self.log.info("The manifest is empty. There is nothing to try")
            return self._empty_report(plan).to_xcom()
        with connected(self.snowflake_conn_id) as connection:
            output = self._output(plan, connection.database, connection.schema).full
            base = self._test_manifest_base(manifests)
            fingerprint = digest("sample", plan.manifest_digest, plan.digest, size, self.sampling, output, base)
            stem = self._job_stem(context, fingerprint)
            # Each try has a folder of its own, because the COPY of a try that was killed may still run.
            manifest = self._draw(connection, manifests, plan, size, f"{base}{stem}/{uuid4().hex}/")
            request = JobRequest(stem, fingerprint, manifest, plan, output, "overwrite", self.isolate_failures)
            with self._releasing(context):
                run = self._batch_run(context, request, self._job_wait(context))
                return self._return(context, run.run(connection))

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the job's deferral."""
        from airflow_provider_mediabatch.batch.batch_run import resumed

        with self._releasing(context):
            event, state = resumed(event, "outcome")
            request, wait = self._rebuild_request(state), self._job_wait(context, state)
            return self._return(context, self._batch_run(context, request, wait).resume(event))

    def execute_round_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the deferral of an isolation round."""
        from airflow_provider_mediabatch.batch.batch_run import resumed

        with self._releasing(context):
            event, state = resumed(event, "events")
            request, wait = self._rebuild_request(state), self._job_wait(context, state)
            return self._return(context, self._isolation(context, request, wait).resume(event))

    def _rebuild_request(self, state: Mapping[str, Any]) -> JobRequest:
        """The request of :meth:`execute`, out of the deferral: upstream tasks may have been cleared since."""
        from airflow_provider_mediabatch.batch.submission import JobRequest

        return JobRequest(
            state["stem"],
            state["fingerprint"],
            Manifest.from_xcom(state["manifest"]),
            InferencePlan.from_xcom(state["plan"]),
            state["output_location"],
            "overwrite",
            self.isolate_failures,
        )

    def _batch_run(self, context: Context, request: JobRequest, wait: JobWait) -> BatchRun[SampleReport]:
        from airflow_provider_mediabatch.batch.batch_run import BatchRun

        return BatchRun(
            request=request,
            wait=wait,
            task=self._task_state(context),
            finish=partial(self._verify_and_describe, request),
            defer=partial(self._defer_job, context, request, wait, _deferral_state(request)),
            on_found=partial(self._push_links, context, request),
            isolate=self._isolation(context, request, wait).run if self.isolate_failures else None,
        )

    def _isolation(self, context: Context, request: JobRequest, wait: JobWait) -> FailureIsolation[SampleReport]:
        from airflow_provider_mediabatch.batch.failure_isolation import FailureIsolation
        from airflow_provider_mediabatch.batch.ledger_results import model_has_worked

        return FailureIsolation(
            request=request,
            wait=wait,
            task=self._task_state(context),
            max_jobs=int(self.max_isolation_jobs),
            # The ledger knows the jobs of the full batch only: a sample's output is not what a file is done by.
            before_submit=lambda *_: None,
            model_works=partial(model_has_worked, request, sampled=0),
            finish=partial(self._describe_isolated, request),
            defer=partial(self._defer_round, context, wait, _deferral_state(request)),
        )

    def _describe_isolated(
        self,
        request: JobRequest,
        connection: SnowflakeConnection,
        isolation: IsolationJobs,
        failed: Attempt,
        finished: Sequence[FinishedRange],
    ) -> SampleReport:
        """Quarantine the files that fail, and describe the output of the others."""
        from airflow_provider_mediabatch.batch.failure_isolation import quarantine
        from airflow_provider_mediabatch.batch.isolation_rounds import done_ranges

        rows = isolation.complete_output(connection, finished)
        quarantined = quarantine(request, connection, isolation, failed, finished)
        sampled = request.manifest.row_count
        detail = f"{sampled - rows} of {sampled} sampled files cannot be processed and are quarantined"
        if done := done_ranges(finished):
            # One part's time stands for all: how long the parts took together says nothing of the full batch.
            timed = replace(failed, job=isolation.job_of(done[0]), adopted=True)
            report = self._describe(request, connection, timed, isolation.location, rows, done[0].row_range.rows)
        else:
            report = self._empty_report(request.plan)
            detail += ". This model version has processed files before, so the full batch follows without them"
        return replace(
            report,
            job=failed.job,
            location=isolation.location,
            manifest=request.manifest.location,
            checks=(*(report.checks if done else ()), Check("quarantined files", True, detail)),
            quarantined=tuple(quarantined),
            more_quarantined=sampled - rows - len(quarantined),
            quarantined_location=isolation.stage_quarantined(connection, finished),
        )

    def _verify_and_describe(
        self, request: JobRequest, connection: SnowflakeConnection, attempt: Attempt
    ) -> SampleReport:
        from airflow_provider_mediabatch.batch.job_outcomes import verify_output

        rows = verify_output(connection, request, attempt)
        return self._describe(
            request, connection, attempt, request.location(attempt.job), rows, request.manifest.row_count
        )

    def _describe(
        self,
        request: JobRequest,
        connection: SnowflakeConnection,
        attempt: Attempt,
        location: str,
        rows: int,
        files: int,
    ) -> SampleReport:
        """Check the output, and describe it with the first rows.

        :param attempt: the job that gives the time for each file.
        :param location: of the output.
        :param files: how many files that job ran.
        """
        from airflow_provider_mediabatch.batch.sample_checks import check_output
        from airflow_provider_mediabatch.client import jobs
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet

        staged = StagedParquet(connection, request.plan.job_schema)
        found = staged.columns(location, request.manifest.columns) if rows else {}
        checks = check_output(
            staged,
            request,
            attempt.job,
            location,
            found,
            rows,
            predicates=self._predicates(),
            max_null_fraction=self.max_null_fraction,
        )
        relation = staged.relation(location, found)
        preview = clip(staged.rows(f"SELECT * FROM {relation} LIMIT {PREVIEW_ROWS}")) if found else ()
        # The job's own time, which does not include an image build and the polls.
        seconds = jobs.seconds(connection, attempt.job)
        if seconds is None and not attempt.adopted:
            seconds = time.time() - attempt.started
        return SampleReport(
            passed=all(check.passed for check in checks),
            job=attempt.job,
            location=location,
            manifest=request.manifest.location,
            plan_digest=request.plan.digest,
            manifest_digest=request.plan.manifest_digest,
            checks=tuple(checks),
            preview=preview,
            rows=rows,
            seconds_per_file=None if seconds is None else round(seconds / max(1, files), 3),
        )

    def _return(self, context: Context, report: SampleReport) -> dict[str, Any]:
        """The task's value, or :class:`SampleFailedError` with what did not pass."""
        for check in report.checks:
            self.log.info("%s %s: %s", "passed" if check.passed else "FAILED", check.name, check.detail)
        if not report.passed:
            # A failed task has no return value, and the review page is to show the sample.
            context["ti"].xcom_push(key=FAILED_RESULT_KEY, value=report.to_xcom())
            broken = "\n".join(f"- {check.name}: {check.detail}" for check in report.checks if not check.passed)
            raise SampleFailedError(
                f"The sample's output in {report.location} did not pass:\n{broken}",
                running="The sample's job has ended and incurs no more cost. The full run was not started.",
                retry="A retry will check the same output again. Correct the model, the plan or the checks first.",
            )
        return self.set_lineage_result(report.to_xcom())

    @contextmanager
    def _releasing(self, context: Context) -> Iterator[None]:
        """Release the claim when the failure is the task's last: there will be no full run of these files now.

        Should the sample be cleared and pass after all, the full run takes the files back if nobody else has.
        """
        try:
            yield
        except MediaBatchError as error:
            if isinstance(error, AirflowFailException) or self._task_state(context).is_last_try:
                self._release(f"sample failed: {error.what}")
            raise

    def _release(self, reason: str) -> None:
        from airflow_provider_mediabatch.ledger.ledger import release_claims

        try:
            manifests = parse_manifests(self.manifest)
        except InvalidInputError:
            # The listing was cleared while this task waited. Its next try claims the files itself.
            self.log.warning("The manifest's XCom is not there, so no claim was released")
            return
        release_claims(self.snowflake_conn_id, manifests, reason, self.log)

    def _inputs(self) -> tuple[Sequence[Manifest], InferencePlan, int]:
        from airflow_provider_mediabatch.core.manifest import combined_digest

        manifests, plan = parse_manifests(self.manifest), parse_plan(self.plan)
        self._check_isolation(plan)
        try:
            size = int(self.sample_size)
        except (TypeError, ValueError):
            size = 0
        if not 1 <= size <= MAX_SAMPLE:
            raise InvalidInputError(f"sample_size={self.sample_size!r}: use a whole number from 1 to {MAX_SAMPLE}")
        if plan.manifest_digest and combined_digest(manifests) != plan.manifest_digest:
            raise InvalidInputError(
                "This manifest is not the one that was validated (their digests differ): give validation and sample "
                "the same listing, or clear the validation"
            )
        return manifests, plan, size

    def _output(self, plan: InferencePlan, database: str | None, schema: str | None) -> StagePath:
        if self.output_location is None:
            return (StagePath.parse(plan.output_location) / TEST_FOLDER).folder
        try:
            return StagePath.parse(self.output_location, database=database, schema=schema).folder
        except ValueError as error:
            raise InvalidInputError(f"output_location: {error}") from None

    def _test_manifest_base(self, manifests: Sequence[Manifest]) -> str:
        """Beside the manifest, not in it: a manifest's folder holds nothing else."""
        place = manifests[0].path
        parent = place.path.rstrip("/").rpartition("/")[0]
        return StagePath(place.database, place.schema, place.stage, f"{parent}/{TEST_FOLDER}/".lstrip("/")).full

    def _draw(
        self,
        connection: SnowflakeConnection,
        manifests: Sequence[Manifest],
        plan: InferencePlan,
        size: int,
        target: str,
    ) -> Manifest:
        """Write the sample's manifest, on the server, into a folder that nothing else writes to."""
        from airflow_provider_mediabatch.batch.job_outcomes import check_manifest_exists
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet

        chosen = shards_for(manifests, size)
        staged = StagedParquet(connection, plan.job_schema)
        check_manifest_exists(connection, chosen[0])
        try:
            select = sample_select(
                chosen, [staged.source(manifest.location) for manifest in chosen], self.sampling, size
            )
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
        staged.copy_rows(select, target)
        rows = staged.count(target)
        expected = min(size, sum(manifest.row_count for manifest in chosen))
        if rows != expected:
            raise InvalidInputError(
                f"The sample has {rows} rows and should have {expected}, so the manifest {chosen[0].location} was "
                "changed after it was written. Clear the task that listed the files"
            )
        return replace(
            manifests[0],
            location=target,
            row_count=rows,
            file_count=rows * max(1, len(manifests[0].file_columns)),
            digest=digest(plan.manifest_digest, size, self.sampling)[:32],
            # Of the whole claim: the ledger quarantines a file whichever shard it is in.
            shard=0,
            shards=1,
        )

    def _predicates(self) -> Sequence[str]:
        return [self.checks] if isinstance(self.checks, str) else list(self.checks or ())

    def _empty_report(self, plan: InferencePlan) -> SampleReport:
        check = Check("row count", True, "the manifest is empty")
        return SampleReport(True, "", "", "", plan.digest, plan.manifest_digest, (check,), (), 0)


def _deferral_state(request: JobRequest) -> dict[str, Any]:
    """What the process after a deferral needs to have the same request again."""
    return {
        "manifest": request.manifest.to_xcom(),
        "plan": request.plan.to_xcom(),
        "output_location": request.output_location,
        "stem": request.stem,
        "fingerprint": request.fingerprint,
    }
