"""Job names, and names that were meant.

A job's name is the lock that keeps one request from running, and being paid for, twice, because Snowflake keeps names
unique. The name follows from what the job is for, so a retry on another worker derives the same one. It is an unquoted
identifier in an unquoted schema, because ``EXECUTE INFERENCE JOB SERVICE … NAME`` takes no other. It has at most 63
characters, because a service's name becomes a DNS label (RFC 1035, section 2.3.4: 63 octets or less).

Layout, with the largest number of characters of each part::

    a batch's or a sample's job, 58 in all:  MB_<task: 24>_<task key: 10><inputs: 16>_<generation: 3>
    a job of an isolation round, 63 in all:  MB_<task: 24>_<task key: 10>_R<round: 2>_<rows: 16>_<generation: 3>

Task key, inputs and rows are digests in base 32 (A to Z and 2 to 7, 5 bits a character): of the task instance, of what
it runs, and of the failed job and its rows. The first two parts are the same for all jobs of a task instance, so one
``SHOW JOB SERVICES LIKE 'MB_FULL_ABCDEFGHIJ%'`` shows them all.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence

from airflow_provider_mediabatch.core.xcom import digest

PREFIX = "MB_"
"""All our jobs begin with it, so that one ``SHOW JOB SERVICES LIKE 'MB\\_%'`` sees them all."""

WRITTEN_FILES = (
    "(.*/)?MB_([0-9a-f]{16}|[A-Za-z0-9_]+_([0-9a-f]{12}"
    "|([A-Z2-7]{26}|[A-Z2-7]{10}_R[0-9]{1,2}_[A-Z2-7]{16})_[0-9]{1,3}(_I[0-9]+)?))/(.*/)?([^/]*[.]parquet|_SUCCESS)"
)
"""A regular expression, for Python and for Snowflake, of the whole name of a file that a run has written on a stage.

Its folder has the name of a listing (:func:`listing_folder`), of staged rows (:func:`.fresh_folder`), or of a job. The
folder of an isolation's jobs has the failed job's name and ``_I<most jobs>``.
"""

MAX_LENGTH = 63
MAX_GENERATION = 999

_TASK_LENGTH = 24
_TASK_KEY_LENGTH = 10
_INPUTS_LENGTH = 16
_ROWS_LENGTH = 16
_MAX_ROUND = 99
_PLAIN_NAME = re.compile(r"[A-Z0-9_]+\Z")
_PLAIN_SCHEMA = re.compile(r"[A-Z_][A-Z0-9_$]*\.[A-Z_][A-Z0-9_$]*\Z")


def task_prefix(*, dag_id: str, task_id: str, run_id: str, map_index: int) -> str:
    """What the names of all jobs of a task instance begin with: ``MB_<task>_<task key>``."""
    task = re.sub(r"[^A-Z0-9]+", "_", task_id.upper()).strip("_")[:_TASK_LENGTH].strip("_") or "TASK"
    return f"{PREFIX}{task}_{_key(_TASK_KEY_LENGTH, dag_id, task_id, run_id, map_index)}"


def job_stem(*, dag_id: str, task_id: str, run_id: str, map_index: int, fingerprint: str) -> str:
    """The name of a task instance's job, without its generation: ``MB_<task>_<task key><inputs>``.

    :param fingerprint: digest of the inputs (manifest and plan), so that changed inputs never meet the old job.
    """
    prefix = task_prefix(dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=map_index)
    return prefix + _key(_INPUTS_LENGTH, dag_id, task_id, run_id, map_index, fingerprint)


def range_stem(failed_job: str, *, max_jobs: int, round_number: int, low: int, high: int) -> str:
    """The name of an isolation's job, without its generation: ``MB_<task>_<task key>_R<round>_<rows>``.

    :param failed_job: the unqualified name of the job whose rows are run again, generation included.
    :param max_jobs: most jobs of one round, on which the cutting depends.
    :param round_number: from 1.
    :param low: the first row.
    :param high: the row after the last.
    :raises ValueError: for a round above 99, which no number of rows that Snowflake holds leads to.
    """
    if not 1 <= round_number <= _MAX_ROUND:
        raise ValueError(f"round {round_number} of an isolation: there are 1 to {_MAX_ROUND}")
    rows = _key(_ROWS_LENGTH, failed_job, max_jobs, round_number, low, high)
    return f"{range_prefix(failed_job)}{round_number}_{rows}"


def range_prefix(failed_job: str) -> str:
    """What the names of all jobs of a task instance's isolations begin with: ``MB_<task>_<task key>_R``.

    :param failed_job: the unqualified name of a job of the task instance that failed.
    """
    task, key, _ = failed_job.rsplit("_", 2)
    return f"{task}_{key[:_TASK_KEY_LENGTH]}_R"


def is_same_task(job: str, other: str) -> bool:
    """Whether two jobs are of tasks of the same name, as those of a task's runs and map indexes are.

    :param job: its name, qualified or not.
    :param other: that of the other job.
    """
    return job.rpartition(".")[2].rsplit("_", 2)[0] == other.rpartition(".")[2].rsplit("_", 2)[0]


def belongs_to(name: str, *, dag_id: str, task_id: str, run_id: str, map_index: int) -> bool:
    """Whether a job, or an output folder, is named after a task instance.

    :param name: a job's name, ``DB.SCHEMA.NAME`` or the last part alone, or the name of an output folder. It may come
        from anywhere. True means that it is a plain identifier too.
    """
    schema, _, last = name.rpartition(".")
    prefix = task_prefix(dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=map_index)
    plain = not schema or bool(_PLAIN_SCHEMA.match(schema))
    return plain and last.startswith(prefix) and bool(_PLAIN_NAME.match(last))


def listing_folder(*, dag_id: str, task_id: str, run_id: str, map_index: int) -> str:
    """The name of the folder that a task instance writes its manifests below: ``MB_<digest>``.

    Like a job's name it proves where a manifest belongs, whatever an XCom says.
    """
    return f"{PREFIX}{digest(dag_id, task_id, run_id, map_index)[:16]}"


def job_name(schema: str, stem: str, generation: int) -> str:
    """Qualified name of a job: ``DB.SCHEMA.<stem>_<generation>``.

    :param schema: ``DB.SCHEMA`` as SQL.
    :param stem: what :func:`job_stem` or :func:`range_stem` gave.
    :param generation: 0 for the first job, one more after each that failed, at most 999.
    :raises ValueError: when database or schema would need quotes, or for another generation.
    """
    check_schema(schema)
    if not 0 <= generation <= MAX_GENERATION:
        raise ValueError(f"generation {generation} of {stem}: there are 0 to {MAX_GENERATION}")
    return f"{schema}.{stem}_{generation}"


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


def _key(length: int, *parts: object) -> str:
    """The first characters, 5 bits each, of the parts' digest in base 32."""
    return base64.b32encode(bytes.fromhex(digest(*parts)))[:length].decode()
