"""What a sample's job showed, as a report: its output checked, its first rows, and the files that are quarantined."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch import row_errors
from airflow_provider_mediabatch.batch.comparison import VersionComparison, comparison_check
from airflow_provider_mediabatch.batch.failure_isolation import quarantine
from airflow_provider_mediabatch.batch.isolation_rounds import done_ranges
from airflow_provider_mediabatch.batch.job_outcomes import verify_output
from airflow_provider_mediabatch.batch.ledger_results import model_has_worked
from airflow_provider_mediabatch.batch.sample_checks import SampleChecks, good_relation
from airflow_provider_mediabatch.batch.truth import TruthChecks, truth_checks
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core import chat, sql
from airflow_provider_mediabatch.core.sample_report import PREVIEW_ROWS, Check, SampleReport, clip
from airflow_provider_mediabatch.files.manifest_files import fresh_folder

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.isolation_jobs import IsolationJobs
    from airflow_provider_mediabatch.batch.isolation_rounds import FinishedRange
    from airflow_provider_mediabatch.batch.row_errors import RowErrors
    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.core.comparison import Comparison
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.truth import Truth

_QUARANTINED = "quarantined files"
_PROVED = ". This model version has processed files before, so the full batch follows without them"


@dataclass(frozen=True)
class SampleOutcome:
    """Describes the ends of a sample's job.

    :param request: the sample.
    :param checks: what its output is checked for.
    :param truth: the labels that its predictions are compared with.
    :param comparison: the version that they are compared with.
    """

    request: JobRequest
    checks: SampleChecks
    truth: TruthChecks | None = None
    comparison: VersionComparison | None = None

    def of_job(self, connection: SnowflakeConnection, attempt: Attempt) -> SampleReport:
        """The report of a job that is DONE."""
        request = self.request
        rows = verify_output(connection, request, attempt)
        location = request.location(attempt.job)
        return self._describe(connection, attempt, location, rows, request.manifest.row_count)

    def of_isolation(
        self,
        connection: SnowflakeConnection,
        isolation: IsolationJobs,
        failed: Attempt,
        finished: Sequence[FinishedRange],
    ) -> SampleReport:
        """The report of a job whose model raised: the files that fail are quarantined, the others described."""
        request, sampled = self.request, self.request.manifest.row_count
        rows = isolation.complete_output(connection, finished)
        if rows and self._model_is_at_fault(connection, isolation.location, rows):
            # The parts that raise prove nothing then, and no file is blamed.
            timed = replace(failed, adopted=True)
            return self._describe(connection, timed, isolation.location, rows, sampled)
        quarantined = quarantine(request, connection, isolation, failed, finished)
        detail = f"{sampled - rows} of {sampled} sampled files cannot be processed and are quarantined"
        place = isolation.stage_quarantined(connection, finished)
        if done := done_ranges(finished):
            # One part's time stands for all: how long the parts took together says nothing of the full batch.
            timed = replace(failed, job=isolation.job_of(done[0]), adopted=True)
            report = self._describe(
                connection, timed, isolation.location, rows, done[0].row_range.rows, quarantined_location=place
            )
        else:
            report = replace(empty_report(request.plan), checks=())
            detail += _PROVED
        return replace(
            report,
            job=failed.job,
            location=isolation.location,
            manifest=request.manifest.location,
            checks=(*report.checks, Check(_QUARANTINED, True, detail)),
            quarantined=(*quarantined, *report.quarantined),
            more_quarantined=sampled - rows - len(quarantined) + report.more_quarantined,
            quarantined_location=place or report.quarantined_location,
        )

    def _describe(
        self,
        connection: SnowflakeConnection,
        attempt: Attempt,
        location: str,
        rows: int,
        files: int,
        *,
        quarantined_location: str = "",
    ) -> SampleReport:
        """Check the output, and describe it with the first rows.

        :param attempt: the job that gives the time for each file.
        :param location: of the output.
        :param files: how many files that job ran.
        :param quarantined_location: where files of this sample are staged that were quarantined already.
        """
        request = self.request
        staged = StagedParquet(connection, request.plan.job_schema)
        errors = row_errors.read_row_errors(connection, request, location) if rows else row_errors.RowErrors()
        found = staged.columns(location, request.manifest.columns) if rows else {}
        checks = self.checks.run(staged, request, attempt.job, location, found, rows - errors.count)
        truth = self.truth.measure(connection, request, location) if self.truth is not None and found else None
        checks += truth_checks(truth) if truth is not None else []
        comparison = self.comparison.measure(connection, request, location) if self.comparison and found else None
        checks += [comparison_check(comparison)] if comparison is not None else []
        if errors.count:
            fault = errors.count == rows and not model_has_worked(request, connection, sampled=0)
            checks.append(_failed_rows_check(errors, rows, model_is_at_fault=fault))
            if fault:
                errors = replace(errors, files=())
            else:
                quarantined_location = self._quarantine(connection, attempt.job, location, errors, quarantined_location)
        shown = _shown_first(truth, comparison, request.manifest.file_columns)
        relation = good_relation(staged, request, location, found)
        preview = staged.rows(f"SELECT * FROM {relation} {shown}LIMIT {PREVIEW_ROWS}") if found else []
        if chat.has_answers(request.plan.outputs):
            preview = chat.with_answers(preview)
        # The job's own time, which does not include an image build and the polls.
        seconds, start = jobs.seconds(connection, attempt.job), None
        if not attempt.adopted:
            waited = time.time() - attempt.started
            seconds, start = (waited, None) if seconds is None else (seconds, round(max(0.0, waited - seconds), 3))
        return SampleReport(
            passed=all(check.passed for check in checks),
            job=attempt.job,
            location=location,
            manifest=request.manifest.location,
            plan_digest=request.plan.digest,
            manifest_digest=request.plan.manifest_digest,
            tested_digest=request.plan.tested_digest,
            checks=tuple(checks),
            preview=clip(preview),
            rows=rows,
            seconds_per_file=None if seconds is None else round(seconds / max(1, files), 3),
            start_seconds=start,
            quarantined=tuple(errors.files),
            more_quarantined=errors.count - len(errors.files) if quarantined_location else 0,
            quarantined_location=quarantined_location,
            failed_rows=errors.count,
            truth=truth,
            comparison=comparison,
        )

    def _model_is_at_fault(self, connection: SnowflakeConnection, location: str, rows: int) -> bool:
        """Whether the model says of every row that it failed, and is not known to have processed any file."""
        errors = row_errors.read_row_errors(connection, self.request, location)
        return errors.count == rows and not model_has_worked(self.request, connection, sampled=0)

    def _quarantine(
        self, connection: SnowflakeConnection, job: str, location: str, errors: RowErrors, place: str
    ) -> str:
        """Quarantine the files of which the model says that they failed, and stage them for the full batch.

        :param place: where files of this sample are staged already, or "".
        :return: where all of them are staged.
        """
        request = self.request
        row_errors.quarantine_failed_rows(connection, request, job, location, errors)
        staged = StagedParquet(connection, request.plan.job_schema)
        place = place or fresh_folder(request.manifest, "quarantined")
        staged.copy_rows(
            f"SELECT FILE_PATH, ERROR FROM ({row_errors.failed_files_sql(staged, request, location)})", place
        )
        return place


def _shown_first(truth: Truth | None, comparison: Comparison | None, file_columns: Sequence[str]) -> str:
    """An ORDER BY that brings wrong and changed predictions to a person's eyes first; "" where none is known."""
    wrong = [str(item["path"]) for item in truth.wrong] if truth is not None else []
    changed = [str(item["path"]) for item in comparison.changed] if comparison is not None else []
    paths = list(dict.fromkeys([*wrong, *changed]))[:PREVIEW_ROWS]
    if not paths:
        return ""
    ranks = " ".join(f"WHEN {sql.literal(path)} THEN {rank}" for rank, path in enumerate(paths))
    return f"ORDER BY CASE {sql.quoted(file_columns[0])} {ranks} ELSE {len(paths)} END "


def _failed_rows_check(errors: RowErrors, rows: int, *, model_is_at_fault: bool) -> Check:
    """What the report says of the rows that failed.

    :param model_is_at_fault: every row failed, and the model is not known to have processed any file.
    """
    detail = f"{errors.count} of {rows} sampled files cannot be processed"
    if model_is_at_fault:
        return Check(_QUARANTINED, False, f"{detail}. So the model counts as the cause:\n{errors.examples}")
    proved = _PROVED if errors.count == rows else ""
    return Check(_QUARANTINED, True, f"{detail} and are quarantined{proved}")


def empty_report(plan: InferencePlan) -> SampleReport:
    """The report of an empty manifest: no job, nothing to check."""
    check = Check("row count", True, "the manifest is empty")
    return SampleReport(True, "", "", "", plan.digest, plan.manifest_digest, (check,), (), 0)
