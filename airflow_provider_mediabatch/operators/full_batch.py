"""FullBatchOperator: the job itself. One for each manifest, whatever happens to worker, network or triggerer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, OutputCheckError, TooManyQuarantinedError
from airflow_provider_mediabatch.files.arguments import defaulting, flag, share
from airflow_provider_mediabatch.operators.job_task import JobTask, notes_failure
from airflow_provider_mediabatch.operators.upstream import (
    check_approval,
    check_sample,
    is_approved,
    parse_manifests,
    parse_plan,
    parse_sample,
)

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.batch_run import BatchRun
    from airflow_provider_mediabatch.batch.failure_isolation import FailureIsolation
    from airflow_provider_mediabatch.batch.submission import JobRequest
    from airflow_provider_mediabatch.batch.wait_for_job import JobWait
    from airflow_provider_mediabatch.core.batch_result import BatchResult
    from airflow_provider_mediabatch.core.sample_report import SampleReport

ON_RERUN = ("adopt", "rerun")
SAVE_MODES = ("error", "overwrite")
DEFAULT_MAX_FAILED_FRACTION = 0.1


class FullBatchOperator(JobTask):
    """Run a manifest through the model, verify the output, and return a :class:`~.core.batch_result.BatchResult`.

    The job's name follows from dag, task, run, map index and the digests of manifest and plan, and Snowflake keeps
    names unique: a retry attaches to the running job or adopts the finished one, and never starts a second.

    For a list of manifests (shards) map it: ``FullBatchOperator.partial(…).expand(manifest=listing.output)``.

    :param manifest: one manifest.
    :param plan: what ValidateSignatureOperator returned.
    :param sample: what SampleBatchOperator returned: it must have passed with this plan and this manifest. Without
        this argument there is no sample to wait for.
    :param require_sample: whether a sample that was given must be there. With False the batch also runs when the
        sample's task returned nothing (a branch skipped it, it failed, somebody marked it). A sample that is there
        must have passed either way.
    :param approval: what ApproveSampleOperator, or Airflow's ApprovalOperator, returned. The task is skipped after a
        rejection, also where Airflow does not skip it: in an expanded task group, or when it is cleared alone.
    :param require_approval: whether an approval that was given must be there. With False the batch also runs when
        the approval's task returned nothing. It does not run after a rejection either way.
    :param output_location: overrides the plan's.
    :param save_mode: ``error`` (default) or ``overwrite``: what happens when the job's own folder holds files already.
    :param on_rerun: what clearing the finished task does while its inputs are unchanged: ``adopt`` the finished job's
        output, or ``rerun`` under the next name.
    :param max_failed_fraction: the largest share of rows, 0 to 1, that may be quarantined (``error_column``,
        ``isolate_failures``) and with which the task still succeeds. Above it the task fails; the other files' output
        and their entries in the ledger stay. A single file is never too many, unless this is 0.
    :param max_cost: the most that the run may be expected to cost, all shards together, in the currency of the price.
        Above it the task fails before anything starts. Needs a sample, ``credits_per_hour`` and ``price_per_credit``.
    :param credits_per_hour: of one node of the compute pool, from Snowflake's Service Consumption Table. The result
        then says what the job has cost, beside what was expected.
    :param price_per_credit: what one credit costs you.
    :param currency: of that price.
    """

    template_fields: Sequence[str] = (
        "manifest",
        "plan",
        "sample",
        "require_sample",
        "approval",
        "require_approval",
        "output_location",
        "save_mode",
        "on_rerun",
        "max_failed_fraction",
        "max_cost",
        "credits_per_hour",
        "price_per_credit",
        "currency",
        *JobTask.template_fields,
    )
    readers = {  # noqa: RUF012 (Airflow's classes declare such)
        **JobTask.readers,
        "require_sample": flag(default=True),
        "require_approval": flag(default=True),
        "max_failed_fraction": defaulting(share, DEFAULT_MAX_FAILED_FRACTION),
    }
    ui_color = "#d9f2e3"

    def __init__(
        self,
        *,
        manifest: Any,
        plan: Any,
        sample: Any = None,
        require_sample: bool | str = True,
        approval: Any = None,
        require_approval: bool | str = True,
        output_location: str | None = None,
        save_mode: str = "error",
        on_rerun: str = "adopt",
        max_failed_fraction: float | str = DEFAULT_MAX_FAILED_FRACTION,
        max_cost: float | str | None = None,
        credits_per_hour: float | str | None = None,
        price_per_credit: float | str | None = None,
        currency: str = "USD",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.manifest = manifest
        self.plan = plan
        self.sample = sample
        self.approval = approval
        # After rendering, an XCom that is missing looks like an argument that was not given.
        self._has_sample, self._has_approval = sample is not None, approval is not None
        self.require_sample: Any = require_sample
        self.require_approval: Any = require_approval
        self.output_location = output_location
        self.save_mode = save_mode
        self.on_rerun = on_rerun
        self.max_failed_fraction: Any = max_failed_fraction
        self.max_cost = max_cost
        self.credits_per_hour = credits_per_hour
        self.price_per_credit = price_per_credit
        self.currency = currency

    @notes_failure
    def execute(self, context: Context) -> dict[str, Any]:
        """Find or submit the job, wait for it, and verify its output.

        :return: a :class:`~.core.batch_result.BatchResult` in its XCom form.
        :raises InvalidInputError: an argument or an upstream value that cannot work, and a projection above
            ``max_cost``. Nothing is started then.
        :raises AirflowSkipException: after a rejection.
        :raises LedgerError: the ledger is locked, or was changed by somebody else.
        :raises NotAuthorizedError: a privilege that is missing.
        :raises JobNotVisibleError: a job of this name that the role may not see.
        :raises SubmissionFailedError: Snowflake refused the job.
        :raises TaskEndedError: the task was killed or marked when it was about to submit a job.
        :raises JobFailedError: the job did not end as DONE; its subclasses are ModelRaisedError, FilesMissingError and
            TooManyQuarantinedError.
        :raises JobTimeoutError: the job was not finished in time.
        :raises PollingFailedError: the job's status could not be read in several attempts in a row.
        :raises IncompleteOutputError: the job's output is incomplete.
        :raises OutputCheckError: fewer predictions are right than ``min_accuracy`` or ``max_word_error_rate`` ask for.
        """
        from airflow_provider_mediabatch.batch.ledger_results import empty_result, result_from_ledger
        from airflow_provider_mediabatch.batch.left_out_files import without_quarantined
        from airflow_provider_mediabatch.client.connection import connected

        manifest, plan = self._inputs()
        if manifest.is_empty:
            self.log.info("The manifest is empty. There is nothing to run")
            return empty_result(manifest, plan).to_xcom()
        truth = self._truth()
        with connected(self.snowflake_conn_id) as connection:
            if truth is not None:
                truth.find(connection, manifest, plan, self._find_error_column(plan))
            manifest = without_quarantined(connection, manifest, self._report(), plan.job_schema)
            if manifest.left_out:
                self.log.info("%d files that the sample has quarantined are left out", manifest.left_out)
            if manifest.is_empty:
                self.log.info("The sample quarantined every file of this manifest. There is nothing to run")
                return empty_result(manifest, plan).to_xcom()
            request = self._request(context, manifest, plan, connection.database, connection.schema)
            recorded = result_from_ledger(connection, request) if self.on_rerun == "adopt" else None
            if recorded is not None:
                what = f"job {recorded.job}. Its output is adopted" if recorded.job else "earlier jobs. Nothing is run"
                self.log.info("The ledger has these files as done by %s", what)
                return self._return(context, request, recorded, connection)
            first = self._task_state(context).first_generation(request) if self.on_rerun == "rerun" else 0
            run = self._batch_run(context, request, self._job_wait(context))
            return self._return(context, request, run.run(connection, first_generation=first), connection)

    @notes_failure
    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the job's deferral."""
        from airflow_provider_mediabatch.batch.batch_run import resumed

        event, state = resumed(event, "outcome")
        request, wait = self._rebuild_request(context, state), self._job_wait(context, state)
        return self._return(context, request, self._batch_run(context, request, wait).resume(event))

    @notes_failure
    def execute_round_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the deferral of an isolation round."""
        from airflow_provider_mediabatch.batch.batch_run import resumed

        event, state = resumed(event, "events")
        request, wait = self._rebuild_request(context, state), self._job_wait(context, state)
        return self._return(context, request, self._isolation(context, request, wait).resume(event))

    def _batch_run(self, context: Context, request: JobRequest, wait: JobWait) -> BatchRun[BatchResult]:
        from airflow_provider_mediabatch.batch.batch_run import BatchRun
        from airflow_provider_mediabatch.batch.ledger_results import verify_and_record

        return BatchRun(
            request=request,
            wait=wait,
            task=self._task_state(context),
            finish=partial(verify_and_record, request, sampled=self._sampled()),
            defer=partial(self._defer_job, context, request, wait, request.to_state()),
            on_found=partial(self._push_links, context, request),
            before_submit=partial(self._before_submit, request),
            isolate=self._isolation(context, request, wait).run if request.keeps_failure else None,
        )

    def _isolation(self, context: Context, request: JobRequest, wait: JobWait) -> FailureIsolation[BatchResult]:
        from airflow_provider_mediabatch.batch.failure_isolation import FailureIsolation, record_isolated
        from airflow_provider_mediabatch.batch.ledger_results import model_has_worked

        return FailureIsolation(
            request=request,
            wait=wait,
            task=self._task_state(context),
            max_jobs=self.max_isolation_jobs,
            before_submit=self._check_owned(request),
            on_running=partial(self._push_waiting, context),
            model_works=partial(model_has_worked, request, sampled=self._sampled()),
            finish=partial(record_isolated, request, sampled=self._sampled()),
            defer=partial(self._defer_round, context, wait, request.to_state()),
        )

    @property
    def requires_sample(self) -> bool:
        """Whether a sample was given that must be there."""
        return self._has_sample and self.require_sample is not False

    @property
    def requires_approval(self) -> bool:
        """Whether an approval was given that must be there."""
        return self._has_approval and self.require_approval is not False

    def _report(self) -> SampleReport | None:
        return None if self.sample is None else parse_sample(self.sample)

    def _sampled(self) -> int:
        """How many files the model has processed in the sample."""
        report = self._report()
        return report.good_rows if report is not None else 0

    def _before_submit(self, request: JobRequest, connection: SnowflakeConnection, job: str) -> None:
        """Not asked of a job that is there already: its cost cannot be avoided any more."""
        from airflow_provider_mediabatch.batch.job_outcomes import check_manifest_exists
        from airflow_provider_mediabatch.operators.cost_limit import check_max_cost

        check_manifest_exists(connection, request.manifest)
        check_max_cost(self.max_cost, request.cost, request.manifest, self._report())
        self._check_owned(request)(connection, job)

    def _check_owned(self, request: JobRequest) -> Callable[..., None]:
        from airflow_provider_mediabatch.batch.ledger_results import check_owned

        approved = self.approval is not None and is_approved(self.approval)
        return partial(check_owned, request, approved=approved)

    def _return(
        self,
        context: Context,
        request: JobRequest,
        result: BatchResult,
        connection: SnowflakeConnection | None = None,
    ) -> dict[str, Any]:
        """The task's value, or its failure when too many files are quarantined or too few predictions are right.

        :param connection: the task's, if it is open.
        """
        from airflow_provider_mediabatch.batch.failure_limit import apply_failure_limit
        from airflow_provider_mediabatch.batch.truth import require_truth

        jobs, fraction = self.max_isolation_jobs, self.max_failed_fraction
        if result.job:
            self.log.info("Job %s: %d rows for %d files in %s", result.job, result.rows, result.files, result.location)
        result = self._measured(request, result, connection)
        try:
            apply_failure_limit(result, max_failed_fraction=fraction, max_jobs=jobs, log=self.log)
            require_truth(result)
        except (TooManyQuarantinedError, OutputCheckError):
            # A failed task has no return value, and the review page is to show what the other files gave.
            context["ti"].xcom_push(key=FAILED_RESULT_KEY, value=result.to_xcom())
            raise
        return self.set_lineage_result(result.to_xcom())

    def _measured(
        self, request: JobRequest, result: BatchResult, connection: SnowflakeConnection | None
    ) -> BatchResult:
        """The result beside the expected labels, where there are some."""
        from airflow_provider_mediabatch.batch.truth import truth_checks
        from airflow_provider_mediabatch.client.connection import still_connected

        checks = self._truth()
        if checks is None or not result.rows:
            return result
        with still_connected(self.snowflake_conn_id, connection) as opened:
            truth = checks.measure(opened, request, result.location)
        for check in truth_checks(truth):
            self.log.info("%s: %s", check.name, check.detail)
        return replace(result, truth=truth)

    def _inputs(self) -> tuple[Manifest, InferencePlan]:
        """Manifest and plan, bound to each other and to the sample by their digests."""
        manifests, plan = parse_manifests(self.manifest), parse_plan(self.plan)
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
        check_sample(self.sample, plan, is_required=self.requires_sample)
        check_approval(self.approval, self._report(), is_required=self.requires_approval)
        self._check_isolation(plan)
        self._find_error_column(plan)
        return manifest, plan

    def _rebuild_request(self, context: Context, state: Mapping[str, Any]) -> JobRequest:
        """The request of :meth:`execute`, out of the deferral: upstream tasks may have been cleared since."""
        manifest, plan = Manifest.from_xcom(state["manifest"]), InferencePlan.from_xcom(state["plan"])
        return self._request(
            context, manifest, plan, None, None, output_location=state["output_location"], cost=state["cost"]
        )

    def _request(
        self,
        context: Context,
        manifest: Manifest,
        plan: InferencePlan,
        database: str | None,
        schema: str | None,
        *,
        output_location: str | None = None,
        cost: Mapping[str, Any] | None = None,
    ) -> JobRequest:
        from airflow_provider_mediabatch.batch.submission import JobRequest
        from airflow_provider_mediabatch.operators.cost_limit import cost_plan

        location = output_location or self.output_location or plan.output_location
        try:
            output = StagePath.parse(location, database=database, schema=schema).folder
        except ValueError as error:
            raise InvalidInputError(f"output_location: {error}") from None
        if manifest.path.is_within(output):
            raise InvalidInputError(f"The manifest {manifest.location} is inside output_location {output.full}")
        fingerprint = digest(manifest.digest, plan.digest, output.full, self.save_mode)
        return JobRequest(
            stem=self._job_stem(context, fingerprint),
            fingerprint=fingerprint,
            manifest=manifest,
            plan=plan,
            output_location=output.full,
            save_mode=self.save_mode,
            keeps_failure=self.isolate_failures,
            error_column=self._find_error_column(plan),
            cost=cost_plan(self, manifest, plan, self._report(), cost),
        )
