"""SampleBatchOperator: the same job on a few files first, and a verdict that the full run is bound to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_mediabatch.client import stages
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import PREVIEW_ROWS, Check, SampleReport, clip
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError, SampleFailedError
from airflow_provider_mediabatch.files.sampling import sample_select, shards_for
from airflow_provider_mediabatch.operators.batch_job import BatchJobOperator, manifests_of, plan_of

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import Attempt, JobRequest
    from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan

TEST_FOLDER = "MB_SAMPLE"
MAX_SAMPLE = 1000


class SampleBatchOperator(BatchJobOperator):
    """Run a few rows of the manifest through a real job, look at the result, and return a
    :class:`~.core.sample_report.SampleReport`.

    The sample has a manifest, a job name and an output folder of its own. A check that fails fails the task, with the
    rows that broke it, before the full run has cost anything.

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
            self.log.info("The manifest is empty: there is nothing to try")
            return self._nothing(plan).to_xcom()
        with connected(self.snowflake_conn_id) as connection:
            output = self._output(plan, connection.database, connection.schema)
            fingerprint = digest(
                "sample",
                plan.manifest_digest,
                plan.digest,
                size,
                self.sampling,
                output.full,
                self._test_manifest_base(manifests),
            )
            name = self.stem(context, fingerprint)
            manifest = self._draw(connection, manifests, plan, size, self._test_manifest_base(manifests) + f"{name}/")
            work = JobRequest(name, fingerprint, manifest, plan, output.full, "overwrite")
            state = {"manifest": manifest.to_xcom(), "output_location": output.full, "work": [name, fingerprint]}
            return self.run_work(context, connection, work, state=state)

    def work_again(self, context: Context, state: Mapping[str, Any]) -> JobRequest:
        """The sample's manifest travels with the deferral: it is not drawn again."""
        from airflow_provider_mediabatch.batch.submission import JobRequest

        name, fingerprint = state["work"]
        manifest = Manifest.from_xcom(state["manifest"])
        return JobRequest(name, fingerprint, manifest, plan_of(self.plan), state["output_location"], "overwrite")

    def finish(
        self, context: Context, connection: SnowflakeConnection, work: JobRequest, attempt: Attempt
    ) -> dict[str, Any]:
        """Check the output; the report, or :class:`SampleFailedError` with what broke."""
        from airflow_provider_mediabatch.batch.job_outcomes import verify_output
        from airflow_provider_mediabatch.client import jobs
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet

        location = work.location(attempt.job)
        rows = verify_output(connection, work, attempt)
        staged = StagedParquet(connection, work.plan.job_schema)
        found = staged.columns(location) if rows else {}
        checks = [
            Check("job is DONE with _SUCCESS", True, attempt.job),
            Check("row count", rows > 0, f"{rows} rows out, {work.manifest.row_count} in"),
            *self._check_columns(work.plan, found),
        ]
        relation = staged.relation(location, found)
        if found:
            checks += self._check_nulls(staged, relation, [name for name in work.plan.outputs if name in found], rows)
            checks += [self._check_predicate(staged, relation, predicate) for predicate in self._predicates()]
        preview = clip(staged.rows(f"SELECT * FROM {relation} LIMIT {PREVIEW_ROWS}")) if found else ()
        # The job's own time, which an image build and the polls are not part of.
        seconds = jobs.seconds(connection, attempt.job)
        if seconds is None and not attempt.adopted:
            seconds = time.time() - attempt.started
        report = SampleReport(
            passed=all(check.passed for check in checks),
            job=attempt.job,
            location=location,
            manifest=work.manifest.location,
            plan_digest=work.plan.digest,
            manifest_digest=work.plan.manifest_digest,
            checks=tuple(checks),
            preview=preview,
            rows=rows,
            seconds_per_file=None if seconds is None else round(seconds / max(1, work.manifest.row_count), 3),
        )
        for check in checks:
            self.log.info("%s %s: %s", "passed" if check.passed else "FAILED", check.name, check.detail)
        if not report.passed:
            context["ti"].xcom_push(key=FAILED_RESULT_KEY, value=report.to_xcom())
            broken = "\n".join(f"- {check.name}: {check.detail}" for check in checks if not check.passed)
            raise SampleFailedError(
                f"The sample's output in {location} did not pass:\n{broken}",
                running="The sample's job has ended and bills no more; the full run was not started.",
                retry="A retry will check the same output again: correct the model, the plan or the checks first.",
            )
        return self.reported(report.to_xcom())

    def run_work(
        self, context: Context, connection: SnowflakeConnection, work: JobRequest, **kwargs: Any
    ) -> dict[str, Any]:
        """As for every job; a sample that fails for good gives the run's files back."""
        with self._releasing(context):
            return super().run_work(context, connection, work, **kwargs)

    def resume(self, context: Context, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As for every job; a sample that fails for good gives the run's files back."""
        with self._releasing(context):
            return super().resume(context, event)

    @contextmanager
    def _releasing(self, context: Context) -> Iterator[None]:
        """Release the claim when the failure is the task's last: there will be no full run of these files now.

        Should the sample be cleared and pass after all, the full run takes the files back if nobody else has.
        """
        try:
            yield
        except MediaBatchError as error:
            ti = context["ti"]
            tries_left = (self.retries or 0) - (ti.try_number - 1)
            if isinstance(error, AirflowFailException) or tries_left <= 0:
                from airflow_provider_mediabatch.ledger.ledger import release_claims

                reason = f"sample failed: {error.what}"
                release_claims(self.snowflake_conn_id, manifests_of(self.manifest), reason, self.log)
            raise

    def _inputs(self) -> tuple[Sequence[Manifest], InferencePlan, int]:
        from airflow_provider_mediabatch.core.manifest import combined_digest

        manifests, plan = manifests_of(self.manifest), plan_of(self.plan)
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
        """Write the sample's manifest, on the server; the folder of an earlier try is taken as it is."""
        from airflow_provider_mediabatch.batch.job_outcomes import check_manifest_exists
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet

        chosen = shards_for(manifests, size)
        staged = StagedParquet(connection, plan.job_schema)
        if not stages.output_folder(connection, target).files:
            check_manifest_exists(connection, chosen[0])
            try:
                select = sample_select(
                    chosen, [staged.source(manifest.location) for manifest in chosen], self.sampling, size
                )
            except ValueError as error:
                raise InvalidInputError(str(error)) from None
            staged.copy_rows(select, target)
        rows = staged.count(target)
        if not rows:
            raise InvalidInputError(
                f"The manifest {chosen[0].location} has no rows; clear the task that listed the files"
            )
        return replace(
            manifests[0],
            location=target,
            row_count=rows,
            file_count=rows * max(1, len(manifests[0].file_columns)),
            digest=digest(plan.manifest_digest, size, self.sampling)[:32],
            shard=0,
            shards=1,
            ledger=None,
            claim_id=None,
        )

    def _check_columns(self, plan: InferencePlan, found: Mapping[str, str]) -> list[Check]:
        upper = {name.upper() for name in found}
        missing = [name for name in plan.outputs if name not in found and name.upper() not in upper]
        detail = f"missing: {', '.join(missing)}; there is: {', '.join(found)}" if missing else ", ".join(plan.outputs)
        return [Check("output columns of the signature", not missing, detail)]

    def _check_nulls(self, staged: StagedParquet, relation: str, columns: Sequence[str], rows: int) -> list[Check]:
        if not columns:
            return []
        counts = ", ".join(f"COUNT({sql.quoted(name)}) AS N{number}" for number, name in enumerate(columns))
        row = staged.rows(f"SELECT {counts} FROM {relation}")[0]
        nulls = {name: rows - int(row[f"N{number}"]) for number, name in enumerate(columns)}
        broken = {name: count for name, count in nulls.items() if count > self.max_null_fraction * rows}
        detail = ", ".join(f"{name}: {count} of {rows} rows are NULL" for name, count in broken.items()) or "none"
        return [Check("NULL values", not broken, detail)]

    def _check_predicate(self, staged: StagedParquet, relation: str, predicate: str) -> Check:
        from snowflake.connector.errors import ProgrammingError

        from airflow_provider_mediabatch.client.staged_parquet import broken_rows

        try:
            rows = staged.rows(broken_rows(predicate, relation))
        except ProgrammingError as error:
            return Check(predicate, False, f"Snowflake cannot evaluate it: {error.msg}")
        if not rows:
            return Check(predicate, True, "true for every row")
        shown = [{key: value for key, value in row.items() if key != "MB_BROKEN"} for row in rows]
        return Check(predicate, False, f"not true for {rows[0]['MB_BROKEN']} rows, for example {list(clip(shown))}")

    def _predicates(self) -> Sequence[str]:
        return [self.checks] if isinstance(self.checks, str) else list(self.checks or ())

    def _nothing(self, plan: InferencePlan) -> SampleReport:
        check = Check("row count", True, "the manifest is empty")
        return SampleReport(True, "", "", "", plan.digest, plan.manifest_digest, (check,), (), 0)
