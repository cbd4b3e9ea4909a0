"""Which failures are the model's own, by the end of a job's log."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.batch.job_log import (
    LOG_FOLLOWS,
    failure_note,
    memory_error,
    model_exception,
    process_end,
)
from airflow_provider_mediabatch.exceptions import ModelRaisedError

RAISED = """2026-11-25T07:27:30Z worker 0: model loaded
Traceback (most recent call last):
  File "model.py", line 3, in predict
{}
2026-11-25T07:27:31Z job ended
"""


@pytest.mark.parametrize("line", ["OSError: image file is truncated", "PIL.UnidentifiedImageError: cannot identify"])
def test_an_exception_about_a_file(line: str) -> None:
    assert model_exception(RAISED.format(line)) == line


@pytest.mark.parametrize(
    "line",
    [
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool",
        "torch.OutOfMemoryError: CUDA out of memory",
        "urllib.error.HTTPError: HTTP Error 503",
        "FileNotFoundError: [Errno 2] No such file or directory: 'part_0_0.parquet'",
    ],
)
def test_an_exception_that_can_pass_says_nothing_of_the_files(line: str) -> None:
    assert model_exception(RAISED.format(line)) is None


@pytest.mark.parametrize("log", ["", "worker 0 was killed by signal 9 (SIGKILL)", "ValueError: in no traceback"])
def test_a_log_without_a_traceback(log: str) -> None:
    assert model_exception(log) is None


@pytest.mark.parametrize(
    ("ends", "begins"),
    [
        ("worker 0 was killed by signal 11 (SIGSEGV)", "The model's process died: worker 0 was killed by signal 11"),
        (
            "exit code 137 (SIGKILL)",
            "The model's process died: exit code 137 (SIGKILL) (likely out of memory: raise memory_requests in "
            "resources_spec= of ValidateSignatureOperator, or lower max_batch_rows or num_workers in its "
            "inference_spec=)",
        ),
        (
            "Container was OOMKilled due to resource usage",
            "The model's process died: Container was OOMKilled due to resource usage (out of memory: raise",
        ),
        (
            "worker 0 was killed by signal 9 (SIGKILL), OOMKilled due to resource usage, exit code 137 (SIGKILL)",
            "The model's process died: worker 0 was killed by signal 9 (SIGKILL), OOMKilled due to resource usage, "
            "exit code 137 (SIGKILL) (out of memory: raise memory_requests in resources_spec=",
        ),
        ("exit code 150 (SIGTTOU)", "The model's process died: exit code 150 (SIGTTOU)"),
        ("exit code 1", None),
        ("ValueError: no (SIGNAL) found", None),
        ("", None),
    ],
)
def test_how_a_process_died(ends: str, begins: str | None) -> None:
    found = process_end(ends)
    assert found is None if begins is None else str(found).startswith(begins)


@pytest.mark.parametrize(
    ("line", "is_memory"),
    [
        ("MemoryError", True),
        ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array", True),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("RuntimeError: [ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc", True),
        ("ValueError: no memory of it", False),
    ],
)
def test_what_to_do_when_memory_was_refused(line: str, is_memory: bool) -> None:
    found = memory_error(RAISED.format(line))
    assert (found is not None) is is_memory
    if is_memory:
        assert found is not None
        assert found.startswith(f"The model raised {line} (out of memory: raise memory_requests in resources_spec=")
    assert memory_error("") is None


def test_the_note_of_a_failure_has_the_exception_and_not_the_log() -> None:
    error = ModelRaisedError(f"Job J ended.{LOG_FOLLOWS}{RAISED.format('ValueError: no')}", running="It has ended.")
    note = failure_note(error)
    assert (note.what, note.cause, note.running) == ("Job J ended.", "ValueError: no", "It has ended.")
    assert "isolate_failures" in note.retry
    assert failure_note(KeyError("x\ny")).what.startswith("KeyError: ")
