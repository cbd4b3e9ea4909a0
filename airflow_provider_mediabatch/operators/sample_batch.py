"""SampleBatchOperator: the same job on a few files first, and a verdict that the full run is bound to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_mediabatch.core.coercion import duration, whole_number
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError, SampleFailedError
from airflow_provider_mediabatch.files.arguments import defaulting, share
from airflow_provider_mediabatch.operators.job_task import JobTask, notes_failure
from airflow_provider_mediabatch.operators.upstream import parse_manifests, parse_plan

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_mediabatch.batch.batch_run import BatchRun
    from airflow_provider_mediabatch.batch.comparison import VersionComparison
    from airflow_provider_mediabatch.batch.failure_isolation import FailureIsolation
    from airflow_provider_mediabatch.batch.sample_checks import SampleChecks
    from airflow_provider_mediabatch.batch.sample_outcome import SampleOutcome
    from airflow_provider_mediabatch.batch.submission import JobRequest
    from airflow_provider_mediabatch.batch.wait_for_job import JobWait
    from airflow_provider_mediabatch.operators.remembered import SampleMemory

TEST_FOLDER = "MB_SAMPLE"
DEFAULT_SAMPLE, MAX_SAMPLE = 3, 1000
SAMPLE_WHEN = ("always", "changed")


def _sample_size(name: str, value: object) -> int:
    return whole_number(name, value, 1, MAX_SAMPLE) or DEFAULT_SAMPLE


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
    :param sampling: ``first`` by path, ``spread`` (at even distances by path), ``random``, or ``edges`` (smallest,
        largest, the rest random). The same rows again on a retry.
    :param output_location: a test location; None: folder ``MB_SAMPLE`` below the plan's.
    :param when: ``always`` starts a job in every run. ``changed`` starts one when no sample of this task has passed yet
        with the same model version (and the time it was logged), function, parameters, specifications and settings of
        this task, and the same ``extra_columns=`` and ``join=`` of the listing; otherwise the task returns that report,
        which names its run, and starts no job. What a ``query=`` selects counts as files do: it does not start one. The
        Airflow variable ``mediabatch_sample_…`` keeps it.
    :param max_age: with ``changed``, how old such a report may be, in seconds or as a timedelta; None: it does not
        expire.
    :param compare_with: another version of the model, with whose results of the sampled files the new ones are
        compared: its name, or ``previous`` for the one that had the files last. The report has what changed.
    :param results_table: where its results are: the table that LoadResultsOperator fills; None: in the output folders
        that the ledger names.
    :param min_agreement: the least share of compared files, 0 to 1, that have the same result in both versions.
    :param checks: SQL predicates over the output's columns that must be true for each row, like ``LENGTH(TEXT) > 0``.
        A column that is not there is found before the job starts.
    :param max_null_fraction: how much of an output column may be NULL; 1.0 lets all of it be.
    """

    template_fields: Sequence[str] = (
        "manifest",
        "plan",
        "sample_size",
        "sampling",
        "output_location",
        "checks",
        "max_null_fraction",
        "compare_with",
        "results_table",
        "min_agreement",
        "when",
        "max_age",
        *JobTask.template_fields,
    )
    readers = {  # noqa: RUF012 (Airflow's classes declare such)
        **JobTask.readers,
        "sample_size": _sample_size,
        "max_null_fraction": defaulting(share, 0.0),
        "max_age": duration,
    }
    ui_color = "#fff3d6"

    def __init__(
        self,
        *,
        manifest: Any,
        plan: Any,
        sample_size: int | str = DEFAULT_SAMPLE,
        sampling: str = "first",
        output_location: str | None = None,
        checks: Sequence[str] = (),
        max_null_fraction: float | str = 0.0,
        compare_with: str | None = None,
        results_table: str | None = None,
        min_agreement: float | str | None = None,
        when: Literal["always", "changed"] | str = "always",
        max_age: float | timedelta | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.manifest = manifest
        self.plan = plan
        self.sample_size: Any = sample_size
        self.sampling = sampling
        self.output_location = output_location
        self.checks = checks
        self.max_null_fraction: Any = max_null_fraction
        self.compare_with = compare_with
        self.results_table = results_table
        self.min_agreement = min_agreement
        self.when = when
        self.max_age: Any = max_age
        self._run_files = 0
        self._expressions: list[str] = []

    @notes_failure
    def execute(self, context: Context) -> dict[str, Any]:
        """Draw the sample, run its job, and check its output.

        :return: a :class:`~.core.sample_report.SampleReport` in its XCom form.
        :raises SampleFailedError: the output did not pass the checks.
        :raises InvalidInputError: an argument or an upstream value that cannot work. Nothing is started then.
        :raises NotAuthorizedError: a privilege that is missing.
        :raises JobNotVisibleError: a job of this name that the role may not see.
        :raises SubmissionFailedError: Snowflake refused the job.
        :raises TaskEndedError: the task was killed or marked when it was about to submit a job.
        :raises JobFailedError: the job did not end as DONE; its subclasses are ModelRaisedError, FilesMissingError and
            TooManyQuarantinedError.
        :raises JobTimeoutError: the job was not finished in time.
        :raises PollingFailedError: the job's status could not be read in several attempts in a row.
        :raises IncompleteOutputError: the job's output is incomplete.
        """
        from airflow_provider_mediabatch.batch.sample_manifest import draw_sample, sample_manifest_base
        from airflow_provider_mediabatch.batch.sample_outcome import empty_report
        from airflow_provider_mediabatch.client.connection import connected

        manifests, plan = self._inputs()
        if all(manifest.is_empty for manifest in manifests):
            self.log.info("The manifest is empty. There is nothing to try")
            return empty_report(plan).to_xcom()
        self._run_files = sum(item.row_count for item in manifests)
        self._expressions = sorted({item.extra_digest for item in manifests})
        earlier = self._memory(context, plan).recall(self.max_age) if self.when == "changed" else None
        if earlier is not None:
            return self._return(context, replace(earlier, run_files=self._run_files))
        with connected(self.snowflake_conn_id) as connection:
            for asked in (self._truth(), self._comparison()):
                if asked is not None:
                    asked.find(connection, manifests[0], plan, self._find_error_column(plan))
            with self._releasing(context):
                self._checks().find(connection, manifests[0], plan)
            output = self._output(plan, connection.database, connection.schema).full
            base = sample_manifest_base(manifests)
            # Not the place of the manifest, which is another one for each listing of the same files.
            fingerprint = digest("sample", plan.manifest_digest, plan.digest, self.sample_size, self.sampling, output)
            stem = self._job_stem(context, fingerprint)
            # Each try has a folder of its own, because the COPY of a try that was killed may still run.
            target = f"{base}{stem}/{uuid4().hex}/"
            manifest = draw_sample(
                connection, manifests, plan, sampling=self.sampling, size=self.sample_size, target=target
            )
            request = self._request(stem, fingerprint, manifest, plan, output)
            with self._releasing(context):
                run = self._batch_run(context, request, self._job_wait(context))
                return self._finish(context, plan, run.run(connection))

    @notes_failure
    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the job's deferral."""
        from airflow_provider_mediabatch.batch.batch_run import resumed

        with self._releasing(context):
            event, state = resumed(event, "outcome")
            request, wait = self._rebuild_request(state), self._job_wait(context, state)
            return self._finish(context, request.plan, self._batch_run(context, request, wait).resume(event))

    @notes_failure
    def execute_round_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the deferral of an isolation round."""
        from airflow_provider_mediabatch.batch.batch_run import resumed

        with self._releasing(context):
            event, state = resumed(event, "events")
            request, wait = self._rebuild_request(state), self._job_wait(context, state)
            return self._finish(context, request.plan, self._isolation(context, request, wait).resume(event))

    def _state(self, request: JobRequest) -> dict[str, Any]:
        return {**request.to_state(), "run_files": self._run_files, "expressions": self._expressions}

    def _rebuild_request(self, state: Mapping[str, Any]) -> JobRequest:
        """The request of :meth:`execute`, out of the deferral: upstream tasks may have been cleared since."""
        manifest, plan = Manifest.from_xcom(state["manifest"]), InferencePlan.from_xcom(state["plan"])
        self._run_files, self._expressions = int(state["run_files"]), list(state.get("expressions", ()))
        return self._request(state["stem"], state["fingerprint"], manifest, plan, state["output_location"])

    def _request(self, stem: str, fingerprint: str, manifest: Manifest, plan: InferencePlan, output: str) -> JobRequest:
        from airflow_provider_mediabatch.batch.submission import JobRequest

        return JobRequest(
            stem=stem,
            fingerprint=fingerprint,
            manifest=manifest,
            plan=plan,
            output_location=output,
            save_mode="overwrite",
            keeps_failure=self.isolate_failures,
            error_column=self._find_error_column(plan),
        )

    def _outcome(self, request: JobRequest) -> SampleOutcome:
        from airflow_provider_mediabatch.batch.sample_outcome import SampleOutcome

        return SampleOutcome(request, self._checks(), self._truth(), self._comparison())

    def _checks(self) -> SampleChecks:
        from airflow_provider_mediabatch.batch.sample_checks import SampleChecks

        return SampleChecks(self._predicates(), self.max_null_fraction)

    def _comparison(self) -> VersionComparison | None:
        """The version that the output is compared with."""
        from airflow_provider_mediabatch.operators.measure_arguments import comparison_of

        return comparison_of(self.compare_with, self.results_table, self.min_agreement)

    def _batch_run(self, context: Context, request: JobRequest, wait: JobWait) -> BatchRun[SampleReport]:
        from airflow_provider_mediabatch.batch.batch_run import BatchRun

        return BatchRun(
            request=request,
            wait=wait,
            task=self._task_state(context),
            finish=self._outcome(request).of_job,
            defer=partial(self._defer_job, context, request, wait, self._state(request)),
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
            max_jobs=self.max_isolation_jobs,
            # The ledger knows the jobs of the full batch only: a sample's output is not what a file is done by.
            before_submit=lambda *_: None,
            on_running=partial(self._push_waiting, context),
            model_works=partial(model_has_worked, request, sampled=0),
            finish=self._outcome(request).of_isolation,
            defer=partial(self._defer_round, context, wait, self._state(request)),
        )

    def _finish(self, context: Context, plan: InferencePlan, report: SampleReport) -> dict[str, Any]:
        """Return the report of this run's own job, and remember it for later runs once it has passed."""
        report = replace(report, run_files=self._run_files)
        value = self._return(context, report)
        if self.when == "changed" and report.good_rows:
            self._memory(context, plan).remember(report)
        return value

    def _memory(self, context: Context, plan: InferencePlan) -> SampleMemory:
        from airflow_provider_mediabatch.operators.remembered import SampleMemory

        truth = (self.labels, self.min_accuracy, self.max_word_error_rate)
        comparison = (self.compare_with, self.min_agreement, self.results_table)
        checked = (self._predicates(), self.max_null_fraction, self.error_column)
        settings = (self.sample_size, self.sampling, *checked, *truth, *comparison, *filter(None, self._expressions))
        return SampleMemory(context, plan, *map(str, settings))

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
                retry="The task is not retried. A cleared task checks the same output again. Correct the model, the "
                "plan or the checks first.",
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

    def _inputs(self) -> tuple[Sequence[Manifest], InferencePlan]:
        from airflow_provider_mediabatch.core.manifest import combined_digest

        manifests, plan = parse_manifests(self.manifest), parse_plan(self.plan)
        if self.when not in SAMPLE_WHEN:
            raise InvalidInputError(f"when={self.when!r}: use {' or '.join(map(repr, SAMPLE_WHEN))}")
        self._check_isolation(plan)
        self._find_error_column(plan)
        if plan.manifest_digest and combined_digest(manifests) != plan.manifest_digest:
            raise InvalidInputError(
                "This manifest is not the one that was validated (their digests differ): give validation and sample "
                "the same listing, or clear the validation"
            )
        return manifests, plan

    def _output(self, plan: InferencePlan, database: str | None, schema: str | None) -> StagePath:
        if self.output_location is None:
            return (StagePath.parse(plan.output_location) / TEST_FOLDER).folder
        try:
            return StagePath.parse(self.output_location, database=database, schema=schema).folder
        except ValueError as error:
            raise InvalidInputError(f"output_location: {error}") from None

    def _predicates(self) -> Sequence[str]:
        return [self.checks] if isinstance(self.checks, str) else list(self.checks or ())
