"""Claims and jobs: one that runs keeps its files, whatever became of its run; one of whole partitions has no ledger."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from operators.job_requests import make_request, make_role, until

from airflow_provider_mediabatch.batch import submission
from airflow_provider_mediabatch.batch.isolation_jobs import IsolationJobs
from airflow_provider_mediabatch.batch.isolation_rounds import RowRange
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import ValidationFailedError
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.stage_listing import list_stages
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, resolve_subject
from airflow_provider_mediabatch.ledger.ledger import Ledger
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator


@dataclass
class Claims:
    """Listed files, one without a ``prefix`` of more, a ledger, and a job that a run submitted that is over."""

    media: Any
    connection: Any
    table: str
    conn_id: str
    prefix: str = "f00"

    def claim(self, run_id: str, connection: Any = None) -> Any:
        """Claim as a run's listing does; all other runs are over."""
        connection = connection or self.connection
        path = resolve_stage_path(connection, f"{self.media.files}{self.prefix}", "stage_path")
        listed = list_stages(connection, [StageSource("IMG", path)], directory=False, keep_unmatched=True)
        return Ledger(connection, self.table).claim(
            listed.relation,
            owner=ClaimOwner("dag", "list", run_id, -1, lambda dag_id, other: True),
            subject=resolve_subject(self.connection, self.media.model, "V1", None)[1],
            take_over_after=timedelta(0),
        )

    def submit(self, run_id: str, **params: Any) -> str:
        """Claim, note the job, and submit it: what a run does that is lost afterwards."""
        return self.submit_request(run_id, make_request(self.media, self.connection, **params))

    def submit_request(self, run_id: str, request: submission.JobRequest) -> str:
        """The same for any work on the claimed files."""
        claimed = self.claim(run_id)
        manifest = replace(request.manifest, row_count=claimed.rows, ledger=claimed.ledger, claim_id=claimed.claim_id)
        job = request.job(0)
        ClaimedRows(self.connection, manifest).check_owned(job, request.plan, location=request.location(job))
        submission.submit(self.connection, self.conn_id, request, 0)
        return job

    def row(self) -> dict[str, Any]:
        (row,) = rows(self.connection, f"SELECT * FROM {self.table}")
        return row


@pytest.fixture
def claims(media: Any, connection: Any, conn_id: str) -> Claims:
    return Claims(media, connection, f"MEDIA.PUBLIC.LJ_{uuid.uuid4().hex}".upper(), conn_id)


def test_a_running_job_keeps_its_files(claims: Claims) -> None:
    job = claims.submit("one", mode="endless")
    until(claims.connection, job, "RUNNING")
    assert claims.claim("two").skipped == {"claimed": 1}
    jobs.cancel(claims.connection, job)
    until(claims.connection, job, "CANCELLED")
    taken = claims.claim("three")
    assert not taken.skipped
    row = claims.row()
    assert (row["STATE"], row["CLAIM_ID"], row["RUN_ID"]) == ("claimed", taken.claim_id, "three")


def test_a_finished_job_that_was_not_recorded_is_adopted_and_not_run_again(claims: Claims) -> None:
    job = claims.submit("one")
    until(claims.connection, job, "DONE")
    taken = claims.claim("two")
    assert (taken.skipped, taken.adopted) == ({"done": 1}, 1)
    assert rows(claims.connection, f"SELECT IMG FROM ({taken.relation.query})") == []
    row = claims.row()
    assert (row["STATE"], row["JOB_NAME"], row["RUN_ID"]) == ("done", job, "one")
    assert row["OUTPUT_LOCATION"].endswith(f"/{job.rpartition('.')[2]}/")
    again = claims.claim("two")
    assert again.adopted == 1, "a cleared run loads it too"
    assert rows(claims.connection, f"SELECT IMG FROM ({again.relation.query})") == []
    assert claims.claim("three").skipped == {"done": 1}


def test_the_finished_job_of_a_partitioned_method_has_done_all_of_its_files(claims: Claims) -> None:
    """Its method may return nothing of a file. ``_SUCCESS`` says that it has seen them all."""
    ten = replace(claims, prefix="f0")
    request = make_request(claims.media, claims.connection, files=10)
    plan = replace(
        request.plan,
        model="MEDIA.PUBLIC.OP_FIRST_MODEL",
        function="first",
        method_type="TABLE_FUNCTION",
        partitioned=True,
        inputs={"IMG": "STRING"},
        outputs={"IMG": "STRING"},
        column_handling={},
    )
    job = ten.submit_request("one", replace(request, plan=plan))
    until(claims.connection, job, "DONE", "FAILED")
    taken = ten.claim("two")
    assert (taken.rows, taken.skipped, taken.adopted) == (0, {"done": 10}, 10)


def test_a_job_of_an_isolation_round_keeps_the_files_of_the_job_that_failed(claims: Claims) -> None:
    """A worker that is lost in a round leaves jobs of parts behind; the ledger has the name of the whole job."""
    job = claims.submit("one", mode="fail")
    until(claims.connection, job, "FAILED")
    whole = make_request(claims.media, claims.connection, mode="endless")
    whole = replace(whole, stem=job.rpartition(".")[2].removesuffix("_0"))
    part = IsolationJobs(whole, job, 8).range_request(RowRange(1, 0, 1))
    submission.submit(claims.connection, claims.conn_id, replace(part, manifest=whole.manifest), 0)
    until(claims.connection, part.job(0), "RUNNING")
    assert claims.claim("two").skipped == {"claimed": 1}
    jobs.cancel(claims.connection, part.job(0))
    until(claims.connection, part.job(0), "CANCELLED")
    other = make_request(claims.media, claims.connection, mode="endless")
    submission.submit(claims.connection, claims.conn_id, other, 0)
    until(claims.connection, other.job(0), "RUNNING")
    assert not claims.claim("three").skipped, "a job of other files keeps nothing"
    jobs.cancel(claims.connection, other.job(0))


def test_a_job_that_this_role_cannot_see_keeps_its_files(claims: Claims) -> None:
    job = claims.submit("one", mode="endless")
    until(claims.connection, job, "RUNNING")
    tables = [f"ALL ON TABLE {table}" for table in (claims.table, f"{claims.table}_LOCK")]
    role = make_role(claims.connection, "READ ON STAGE OP_FILES", *tables)
    with claims.media.engine.connect(role=role) as other:
        assert jobs.describe(other, job) is None
        assert claims.claim("two", other).skipped == {"claimed": 1}
        jobs.cancel(claims.connection, job)
        until(claims.connection, job, "CANCELLED")
        assert claims.claim("three", other).skipped == {"claimed": 1}, "nor does this role see that it has ended"
        claims.connection.cursor().execute(f"UPDATE {claims.table} SET UPDATED_AT = DATEADD(day, -31, SYSDATE())")
        assert claims.claim("four", other).skipped == {"claimed": 1}, "its output may be whole"
        claims.connection.cursor().execute(f"GRANT READ ON STAGE OP_WORK TO ROLE {role}")
        assert not claims.claim("five", other).skipped, "Snowflake keeps no job so long"
    assert claims.row()["RUN_ID"] == "five"


def test_a_partitioned_method_that_does_not_return_the_path_has_no_ledger(
    media: Any, connection: Any, conn_id: str
) -> None:
    table = f"MEDIA.PUBLIC.LP_{uuid.uuid4().hex}"
    Ledger(connection, table).ensure()
    manifest = Manifest(
        f"{media.work}nowhere/", {"PATH": "VARCHAR", "AMOUNT": "FLOAT", "GRP": "VARCHAR"}, ("PATH",), 1, 1, 1, "d",
        model="MEDIA.PUBLIC.OP_GROUP_MODEL", model_version="V1", function="summarise", ledger=table, claim_id="MB_X",
    )  # fmt: skip
    operator = ValidateSignatureOperator(
        task_id="validate",
        manifest=manifest.to_xcom(),
        model_name="MEDIA.PUBLIC.OP_GROUP_MODEL",
        compute_pool=media.pool,
        output_location=f"{media.work}out/",
        partition_column="GRP",
        snowflake_conn_id=conn_id,
    )
    ti = RuntimeTaskInstance.model_construct(
        dag_id="dag", task_id="validate", run_id="run", map_index=-1, try_number=1, task=operator
    )
    context: Any = {"ti": ti}
    with pytest.raises(ValidationFailedError) as caught:
        operator.execute(context)
    assert "its output does not say which file a row is of (no output PATH)" in str(caught.value)
    assert "or list with ledger=None" in str(caught.value)
