"""Claims and jobs: one that runs keeps its files, whatever became of its run; one of whole partitions has no ledger."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from operators.job_requests import make_request, until

from airflow_provider_mediabatch.batch import submission
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import ValidationFailedError
from airflow_provider_mediabatch.files.stage_listing import list_stages
from airflow_provider_mediabatch.files.stage_source import StageSource
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.ledger import Ledger
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator


def test_a_running_job_keeps_its_files(media: Any, connection: Any, conn_id: str) -> None:
    ledger = Ledger(connection, f"MEDIA.PUBLIC.LJ_{uuid.uuid4().hex}")
    path = resolve_stage_path(connection, f"{media.files}f00", "stage_path")

    def claim(run_id: str) -> Any:
        listed = list_stages(
            connection, [StageSource("IMG", path)], directory=False, manifest_location=path / "m", keep_unmatched=True
        )
        return ledger.claim(
            listed.relation,
            owner=ClaimOwner("dag", "list", run_id, -1, lambda dag_id, other: True),
            subject=LedgerSubject(media.model, "V1", "predict"),
            take_over_after=timedelta(0),
        )

    claimed = claim("one")
    request = make_request(media, connection, mode="endless")
    manifest = replace(request.manifest, row_count=1, ledger=claimed.ledger, claim_id=claimed.claim_id)
    job = request.job(0)
    ledger.check_owned(manifest, job, request.plan)
    submission.submit(connection, conn_id, request, 0)
    until(connection, job, "RUNNING")
    assert claim("two").skipped == {"claimed": 1}
    jobs.cancel(connection, job)
    until(connection, job, "CANCELLED")
    taken = claim("three")
    assert not taken.skipped
    assert ledger.ownership(replace(manifest, claim_id=taken.claim_id)).open == 1


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
