"""The sample's own manifest, and its claim, over tries that meet or follow each other: on the engine with real jobs."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from operators.job_requests import Instance, make_request

from airflow_provider_mediabatch.batch.submission import JobRequest
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.exceptions import InvalidInputError, JobFailedError, SampleFailedError
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.stage_listing import list_stages
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, resolve_subject
from airflow_provider_mediabatch.ledger.ledger import Ledger
from airflow_provider_mediabatch.local import faults
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator


def sample_of(request: JobRequest, conn_id: str, run_id: str, **arguments: Any) -> tuple[SampleBatchOperator, Any]:
    """SampleBatch over a request, and the context of its first try."""
    operator = SampleBatchOperator(
        task_id="sample",
        manifest=request.manifest.to_xcom(),
        plan=request.plan.to_xcom(),
        poll_interval=0.2,
        deferrable=False,
        snowflake_conn_id=conn_id,
        **arguments,
    )
    ti = Instance.model_construct(
        dag_id="sampling",
        task_id="sample",
        run_id=run_id,
        map_index=-1,
        try_number=1,
        max_tries=0,
        start_date=datetime.now(UTC),
        task=operator,
    )
    return operator, {"ti": ti}


def test_a_wrong_column_in_checks_is_found_before_a_job_is_paid(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection, files=5)
    before = rows(connection, "SHOW JOB SERVICES IN SCHEMA MEDIA.PUBLIC")
    checks = ['"size" > 0', "NO_SUCH_COLUMN = 1", "img LIKE '@%'"]
    operator, context = sample_of(request, conn_id, uuid.uuid4().hex, sample_size=3, checks=checks)
    with pytest.raises(InvalidInputError) as raised:
        operator.execute(context)
    assert "checks='NO_SUCH_COLUMN = 1' names a column that the output will not have" in str(raised.value)
    assert "the output's columns are: size, head" in str(raised.value)
    assert "Nothing was started" in str(raised.value)
    assert len(rows(connection, "SHOW JOB SERVICES IN SCHEMA MEDIA.PUBLIC")) == len(before)


def test_what_is_no_sql_in_checks_is_found_before_a_job_is_paid(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection, files=5)
    operator, context = sample_of(request, conn_id, uuid.uuid4().hex, checks=['"size" > 0', 'LENGTH("head") >'])
    with pytest.raises(InvalidInputError, match=r"checks='LENGTH\(\"head\"\) >' is not SQL: .*syntax error"):
        operator.execute(context)


@pytest.mark.parametrize(
    "check", ['"size" > 0 AND LENGTH("head") > 0', "IMG LIKE '@%'", "-- none\nTRUE", "TRUE -- at the end"]
)
def test_columns_of_the_output_may_be_checked(media: Any, connection: Any, conn_id: str, check: str) -> None:
    request = make_request(media, connection, files=5)
    operator, context = sample_of(request, conn_id, uuid.uuid4().hex, sample_size=3, checks=[check])
    assert operator.execute(context)["passed"]


def test_tries_at_the_same_time_draw_the_sample_apart(media: Any, connection: Any, conn_id: str) -> None:
    """A worker that is thought dead, or the COPY that it has sent, meets the next try."""
    request = make_request(media, connection, files=5)
    run_id = uuid.uuid4().hex
    tries = [sample_of(request, conn_id, run_id, sample_size=3) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda made: made[0].execute(made[1]), tries))
    assert [report["rows"] for report in reports] == [3, 3, 3, 3]
    assert len({report["job"] for report in reports}) == 1
    assert len({report["manifest"] for report in reports}) == 4


def test_a_check_of_an_unknown_column_names_the_columns(media: Any, connection: Any, conn_id: str) -> None:
    """The model's outputs were logged in lower case, so SQL needs quotes."""
    request = make_request(media, connection, files=1)
    operator, context = sample_of(request, conn_id, uuid.uuid4().hex, checks=["SIZE > 0", '"size" > 0'])
    with pytest.raises(SampleFailedError) as raised:
        operator.execute(context)
    (line,) = [line for line in str(raised.value).splitlines() if line.startswith("- ")]
    assert line.startswith("- SIZE > 0: Snowflake cannot evaluate it: ")
    assert "invalid identifier 'SIZE'. The columns of the output are " in line
    assert {'"size"', "IMG"} <= set(line.rpartition("The columns of the output are ")[2].split(", "))


def test_a_failed_sample_keeps_its_claim_while_tries_are_left(
    media: Any, connection: Any, conn_id: str, request: pytest.FixtureRequest
) -> None:
    """The job fails for a reason that can pass. What the model raises ends the task at once: test_bad_files.py."""
    rule = {"job": "^MB_SAMPLE", "action": "job_failed"}
    faults.install(media.engine.state_dir, json.dumps({"rules": [rule]}))
    request.addfinalizer(lambda: faults.install(media.engine.state_dir, None))
    table = f"MEDIA.PUBLIC.SB_{uuid.uuid4().hex}".upper()
    path = resolve_stage_path(connection, f"{media.files}f00", "stage_path")
    listed = list_stages(connection, [StageSource("IMG", path)], directory=False, keep_unmatched=True)
    claim = Ledger(connection, table).claim(
        listed.relation,
        owner=ClaimOwner("sampling", "list", "one", -1, lambda dag_id, other: True),
        subject=resolve_subject(connection, media.model, "V1", None)[1],
    )
    made = make_request(media, connection, files=1)
    manifest = replace(made.manifest, ledger=claim.ledger, claim_id=claim.claim_id)
    operator, context = sample_of(replace(made, manifest=manifest), conn_id, uuid.uuid4().hex, retries=2)

    def state_after(try_number: int) -> str:
        context["ti"].try_number = try_number
        with pytest.raises(JobFailedError, match="ended as FAILED"):
            operator.execute(context)
        (row,) = rows(connection, f"SELECT STATE FROM {table}")
        return str(row["STATE"])

    context["ti"].max_tries = 5  # The task was cleared after its third try.
    assert state_after(4) == "claimed"
    assert state_after(6) == "released"
