"""Ends of jobs: a partition without rows, and what Snowflake says of a container."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from operators.job_requests import make_request, until

from airflow_provider_mediabatch.batch.job_outcomes import verify_output
from airflow_provider_mediabatch.batch.submission import Attempt, submit
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows

if TYPE_CHECKING:
    from operators.conftest import Media


def test_a_partition_without_rows_is_a_warning(media: Media, connection: Any, caplog: pytest.LogCaptureFixture) -> None:
    request = make_request(media, connection)
    plan = replace(request.plan, partitioned=True, method_type="TABLE_FUNCTION", partition_column="IMG")
    request = replace(request, plan=plan)
    attempt = Attempt(request.job(0), 0, phase=None, started=0.0)
    location = request.location(attempt.job)
    select = f"SELECT '{media.files}f00.bin' AS IMG, COLUMN1 AS N FROM VALUES (1), (2)"
    rows(connection, f"COPY INTO {location} FROM ({select}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    with media.engine.session() as session:
        session.file.put_stream(io.BytesIO(b""), f"{location}_SUCCESS", auto_compress=False)
    assert verify_output(connection, request, attempt) == 2
    assert "no rows for 1 of the manifest's partitions (IMG)" in caplog.text


def test_the_end_of_a_container_is_asked_for(media: Media, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection, mode="fail")
    job = submit(connection, conn_id, request, 0).job
    until(connection, job, "FAILED")
    assert "cannot read this picture" in jobs.container_ends(connection, job)
    assert jobs.container_ends(connection, "MEDIA.PUBLIC.NO_SUCH_JOB") == ""
