"""Job names, and names that were meant.

A job's name is the lock that keeps a piece of work from running, and being paid for, twice: the server keeps it unique.
The name follows from what the work is, so a retry on another worker derives the same one. It is an unquoted identifier
in an unquoted schema, because ``EXECUTE INFERENCE JOB SERVICE … NAME`` takes no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from airflow_provider_mediabatch.core.xcom import digest

PREFIX = "MB_"
"""All our jobs begin with it, so that one ``SHOW JOB SERVICES LIKE 'MB\\_%'`` sees them all."""

MAX_GENERATIONS = 100

_TASK_CHARACTERS = 40
_TASK_DIGITS = 12
_PLAIN_NAME = re.compile(r"[A-Z0-9_]+\Z")
_PLAIN_SCHEMA = re.compile(r"[A-Z_][A-Z0-9_$]*\.[A-Z_][A-Z0-9_$]*\Z")


def task_prefix(*, dag_id: str, task_id: str, run_id: str, map_index: int) -> str:
    """What the names of all jobs of a task instance begin with: ``MB_<task>_<12 hex digits>``."""
    task = re.sub(r"[^A-Z0-9]+", "_", task_id.upper()).strip("_")[:_TASK_CHARACTERS].strip("_") or "TASK"
    return f"{PREFIX}{task}_{digest(dag_id, task_id, run_id, map_index)[:_TASK_DIGITS].upper()}"


def stem(*, dag_id: str, task_id: str, run_id: str, map_index: int, fingerprint: str) -> str:
    """The name of a piece of work, without its generation: ``MB_<task>_<32 hex digits>``.

    The first 12 digits stand for the task instance (:func:`task_prefix`), the other 20 for its inputs.

    :param fingerprint: digest of the inputs (manifest and plan), so that changed inputs never meet the old job.
    """
    prefix = task_prefix(dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=map_index)
    return prefix + digest(dag_id, task_id, run_id, map_index, fingerprint)[: 32 - _TASK_DIGITS].upper()


def belongs_to(name: str, *, dag_id: str, task_id: str, run_id: str, map_index: int) -> bool:
    """Whether a job, or an output folder, is named after a task instance.

    :param name: a job's name, ``DB.SCHEMA.NAME`` or the last part alone, or the name of an output folder. It may come
        from anywhere. True means that it is a plain identifier too.
    """
    schema, _, last = name.rpartition(".")
    prefix = task_prefix(dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=map_index)
    plain = not schema or bool(_PLAIN_SCHEMA.match(schema))
    return plain and last.startswith(prefix) and bool(_PLAIN_NAME.match(last))


def job_name(schema: str, work: str, generation: int) -> str:
    """Qualified name of a job: ``DB.SCHEMA.MB_<task>_<hex>_<generation>``.

    :param schema: ``DB.SCHEMA`` as SQL.
    :param work: what :func:`stem` gave.
    :param generation: 0 for the first job, one more after each that failed.
    :raises ValueError: when database or schema would need quotes.
    """
    check_schema(schema)
    return f"{schema}.{work}_{generation}"


def check_schema(schema: str) -> None:
    """Raise ValueError unless ``schema`` is ``DB.SCHEMA`` in plain upper-case identifiers."""
    if not _PLAIN_SCHEMA.match(schema):
        raise ValueError(
            f"{schema} cannot hold jobs: Snowflake takes only unquoted identifiers (A-Z, 0-9, _ and $) for the "
            "database and schema of a batch inference job. Set job_schema to one that needs no quotes"
        )


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, whatever its case; None when none is near."""
    from difflib import get_close_matches  # only an error's text needs it

    by_upper = {item.upper(): item for item in known}
    found = get_close_matches(name.upper(), by_upper, n=1)
    return by_upper[found[0]] if found else None


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """``; did you mean X?`` for the closest known name, else what is there, else nothing."""
    meant = closest(name, known)
    if meant is not None:
        return f"; did you mean {meant}?"
    return f"; there is: {', '.join(sorted(known)[:10])}" if known else ""
