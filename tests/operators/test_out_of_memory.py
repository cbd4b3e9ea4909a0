"""A job that uses up its memory, as in a container: the kernel ends its process, and the errors say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from memory_limit import limited_jobs
from operators.bad_files import Files

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.exceptions import JobFailedError

LIMIT = 400 * 2**20
KILLED = "worker 0 was killed by signal 9 (SIGKILL), OOMKilled due to resource usage"
ADVICE = (
    "(out of memory: raise memory_requests in resources_spec= of ValidateSignatureOperator, or lower max_batch_rows or "
    "num_workers in its inference_spec=)"
)


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str) -> Iterator[Files]:
    """Six files, of which one makes the model use more memory than there is."""
    files = Files(media, connection, conn_id)
    files.write(6)
    (files.folder / "f003.bin").write_text("HUNGRY")
    with limited_jobs(media.engine.status.pid, LIMIT):
        yield files


def test_the_kernel_ends_a_job_that_uses_up_its_memory(files: Files, connection: Any) -> None:
    manifest = files.list_files("one")
    plan = files.plan("one", manifest, mode="dying")
    with pytest.raises(JobFailedError) as caught:
        files.full("one", manifest, plan)
    text = str(caught.value)
    assert f"The model's process died: {KILLED}, exit code 137 (SIGKILL) {ADVICE}." in text
    assert "/f003.bin" in text
    assert "With isolate_failures=True the file of which a process dies is found and left out." in text
    assert "The job has ended and incurs no more cost." in text
    (job,) = {row["JOB_NAME"] for row in rows(connection, f"SELECT JOB_NAME FROM {files.ledger}")}
    assert jobs.logs(connection, job).endswith(KILLED)
    (container,) = rows(connection, f"SHOW SERVICE CONTAINERS IN SERVICE {job}")
    found = {name.lower(): value for name, value in container.items()}
    assert (found["status"], found["message"], found["last_exit_code"]) == ("FAILED", KILLED, 137)

    result = BatchResult.from_xcom(files.full("one", manifest, plan, isolate_failures=True))
    assert (result.rows, result.files) == (5, 6)
    ((path, error),) = [(item["path"][-8:], item["error"]) for item in result.quarantined]
    assert path == "f003.bin"
    assert error.startswith(f"The model's process died: {KILLED}, exit code 137 (SIGKILL) {ADVICE}")
    assert files.states() == dict.fromkeys((0, 1, 2, 4, 5), "done") | {3: "quarantined"}
