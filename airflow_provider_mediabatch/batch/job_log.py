"""What the log of a failed job says: whether the model raised, and what; and what a person reads of it. Pure."""

from __future__ import annotations

import re

from airflow_provider_mediabatch.core.task_notes import TaskFailure
from airflow_provider_mediabatch.exceptions import MediaBatchError

TRACEBACK = "Traceback (most recent call last)"
LOG_FOLLOWS = "\nThe end of its log:\n"
"""What stands between an error's text and the end of the job's log."""
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Timeout))\b")
_PASSING = re.compile(
    r"Connect|Timeout|Memory|Network|Unavailable|HTTP|URLError|SSL|Interrupt|FileNotFound|FileExists|Permission|BrokenPipe"
)


_SIGNAL = re.compile(r"(?:killed by signal|exit code) \d+ \((SIG[A-Z0-9]+)\)")
_OOM = re.compile(r"OOM-?\s?killed", re.IGNORECASE)
"""Snowflake's event is "Container was OOMKilled due to resource usage" (documentation of platform events)."""
_MEMORY = re.compile(r"Memory(Error|Exception)\b|out of memory|unable to allocate|bad_?alloc", re.IGNORECASE)
_OUT_OF_MEMORY = (
    "out of memory: raise memory_requests in resources_spec= of ValidateSignatureOperator, or lower max_batch_rows or "
    "num_workers in its inference_spec="
)
_NATIVE = "native code, such as that of a codec, crashed"
_CAUSES = {
    "SIGKILL": f"likely {_OUT_OF_MEMORY}",
    "SIGSEGV": _NATIVE,
    "SIGBUS": _NATIVE,
    "SIGABRT": _NATIVE,
    "SIGFPE": _NATIVE,
    "SIGILL": _NATIVE,
}


def process_end(ends: str) -> str | None:
    """What is said of a job whose process a signal ended; None where no container ended so.

    Such a process leaves no exception. What the log ends with has nothing to do with it.

    :param ends: what :func:`~airflow_provider_mediabatch.client.containers.describe_ends` says.
    """
    found = _SIGNAL.search(ends)
    used_up = _OOM.search(ends) is not None
    if found is None and not used_up:
        return None
    cause = _OUT_OF_MEMORY if used_up else _CAUSES.get(found[1] if found else "")
    return f"The model's process died: {ends}" + (f" ({cause})" if cause else "")


def memory_error(log: str) -> str | None:
    """What is said of a job whose model's code was refused memory; None where its log ends with another exception.

    :param log: the end of the job's log.
    """
    lines = [line.rstrip() for line in log.splitlines()]
    found = last_exception(lines)
    if found is None or not _MEMORY.search(lines[found]):
        return None
    return f"The model raised {lines[found]} ({_OUT_OF_MEMORY})"


def last_exception(lines: list[str]) -> int | None:
    """The line of a log that names the exception it ended with; None when there is none."""
    return next((number for number in reversed(range(len(lines))) if _EXCEPTION.match(lines[number])), None)


def model_exception(log: str) -> str | None:
    """The exception of the model's own code that ended a job: the same files end the next job in the same way.

    None when the log has no traceback (the container was killed, or never started), or when the exception is of a
    kind that can pass: a connection, a time-out, memory, a file that the container could not read or write.

    :param log: the end of the job's log.
    """
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    if not any(TRACEBACK in line for line in lines):
        return None
    found = last_exception(lines)
    if found is None:
        return None
    match = _EXCEPTION.match(lines[found])
    return None if match is None or _PASSING.search(match[1]) else lines[found]


def failure_note(error: Exception) -> TaskFailure:
    """What a person reads of an error first. The log itself is left out, because fewer people may read logs.

    :param error: of a try of a task.
    """
    if not isinstance(error, MediaBatchError):
        text = str(error).strip()
        return TaskFailure(f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__)
    what, _, log = error.what.partition(LOG_FOLLOWS)
    lines = [line.rstrip() for line in log.splitlines()]
    found = last_exception(lines)
    return TaskFailure(what, "" if found is None else lines[found], error.running, error.retry)
