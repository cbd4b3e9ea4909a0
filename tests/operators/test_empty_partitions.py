"""A method on partitions that finds nothing in one of them."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from operators.job_requests import make_request

from airflow_provider_mediabatch.batch.job_outcomes import verify_output
from airflow_provider_mediabatch.batch.submission import Attempt
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
