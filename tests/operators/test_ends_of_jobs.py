"""Ends of jobs: a partition without rows, and what Snowflake says of containers."""

from __future__ import annotations

import io
import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from operators.job_requests import make_request, until

from airflow_provider_mediabatch.batch.job_outcomes import outcome_error, verify_output
from airflow_provider_mediabatch.batch.submission import Attempt, find, submit
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.containers import JobEnd
from airflow_provider_mediabatch.exceptions import IncompleteOutputError, JobFailedError, ModelRaisedError

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


@pytest.mark.parametrize(("files", "says"), [(("f00", "f00"), "f01.bin is missing"), (("f00",), "wrote 1 rows")])
def test_output_of_other_rows_is_checked_again_until_it_is_removed(
    media: Media, connection: Any, conn_id: str, files: tuple[str, ...], says: str
) -> None:
    request = make_request(media, connection)
    attempt = submit(connection, conn_id, request, 0)
    until(connection, attempt.job, "DONE")
    location = request.location(attempt.job)
    rows(connection, f"REMOVE {location} PATTERN = '.*[.]parquet'")
    select = " UNION ALL ".join(f"SELECT '{media.files}{name}.bin' AS IMG" for name in files)
    rows(connection, f"COPY INTO {location} FROM ({select}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    with pytest.raises(IncompleteOutputError, match=says) as caught:
        verify_output(connection, request, attempt)
    adopted = find(connection, request)
    assert isinstance(adopted, Attempt), "a retry finds the same job"
    (remove,) = re.findall(r"REMOVE \S+(?=:)", str(caught.value))
    rows(connection, remove)
    assert find(connection, request) == 1


def test_the_end_of_a_container_is_asked_for(media: Media, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection, mode="fail")
    job = submit(connection, conn_id, request, 0).job
    until(connection, job, "FAILED")
    end = JobEnd(connection, job, 1)
    assert end.ends == "ValueError: cannot read this picture, exit code 1"
    assert "ValueError: cannot read this picture" in end.log
    gone = JobEnd(connection, "MEDIA.PUBLIC.NO_SUCH_JOB", 2)
    assert (gone.ends, gone.log) == ("", "")


@pytest.mark.parametrize(
    ("bad", "mode", "error", "says"),
    [
        ("POISON", "picky", ModelRaisedError, ["ValueError: cannot read this picture: POISON"]),
        (
            "CRASH",
            "dying",
            JobFailedError,
            [
                "The model's process died: instance 9: worker 9 was killed by signal 11 (SIGSEGV), exit code 139 "
                "(SIGSEGV) (native code",
                "[instance 9]\n",
            ],
        ),
        (
            "MEMORY",
            "dying",
            JobFailedError,
            ["exit code 137 (SIGKILL) (likely out of memory: raise memory_requests in resources_spec="],
        ),
    ],
)
def test_of_many_instances_the_log_of_the_failing_one_is_shown(
    media: Media, connection: Any, conn_id: str, bad: str, mode: str, error: type[Exception], says: list[str]
) -> None:
    """Ten instances with a row each, of which the last one's is bad."""
    request = make_request(media, connection, mode=mode)
    name = f"ENDS_{uuid.uuid4().hex[:8]}".upper()
    with media.engine.session() as session:
        session.sql(f"CREATE STAGE {name}").collect()
        for number in range(10):
            text = bad if number == 9 else f"file {number}"
            session.file.put_stream(io.BytesIO(text.encode()), f"@{name}/f{number}.bin", auto_compress=False)
    values = " UNION ALL ".join(f"SELECT '@MEDIA.PUBLIC.{name}/f{number}.bin' AS IMG" for number in range(10))
    location = f"{media.work}ends/{name}/"
    rows(connection, f"COPY INTO {location} FROM ({values}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    manifest = replace(request.manifest, location=location, file_count=10, row_count=10, digest=name)
    plan = replace(request.plan, replicas=10)
    request = replace(request, stem=f"MB_T_{name}", fingerprint=name, manifest=manifest, plan=plan)
    attempt = submit(connection, conn_id, request, 0)
    until(connection, attempt.job, "FAILED")
    found = outcome_error(
        connection, {"outcome": "failed", "status": "FAILED"}, attempt, cancel_on_timeout=False, request=request
    )
    assert type(found) is error
    for text in says:
        assert text in str(found)
    assert "[instance 0]" not in str(found)
