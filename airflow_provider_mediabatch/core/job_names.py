"""Job names, and names that were meant.

A job's name is the lock that keeps a piece of work from running, and being paid for, twice: the server keeps it unique.
The name follows from what the work is, so a retry on another worker derives the same one. It is an unquoted identifier
in an unquoted schema, because ``EXECUTE INFERENCE JOB SERVICE … NAME`` takes no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from airflow_provider_mediabatch.core.xcom import digest

PREFIX = "MB_"
"""All our jobs begin with it, so that one ``SHOW JOB SERVICES LIKE 'MB\\_%'`` sees them all."""

MAX_GENERATIONS = 100

_TASK_CHARACTERS = 40
_PLAIN_SCHEMA = re.compile(r"[A-Z_][A-Z0-9_$]*\.[A-Z_][A-Z0-9_$]*\Z")


def stem(*, dag_id: str, task_id: str, run_id: str, map_index: int, fingerprint: str) -> str:
    """The name of a piece of work, without its generation: ``MB_<task>_<32 hex digits>``.

    :param fingerprint: digest of the inputs (manifest and plan), so that changed inputs never meet the old job.
    """
    task = re.sub(r"[^A-Z0-9]+", "_", task_id.upper()).strip("_")[:_TASK_CHARACTERS].strip("_") or "TASK"
    return f"{PREFIX}{task}_{digest(dag_id, task_id, run_id, map_index, fingerprint)[:32].upper()}"


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
