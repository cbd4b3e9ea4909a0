"""The ledger's two tables: their columns, and how they are made.

The ledger's table is part of the provider's interface: users may query it, and may add columns of their own. One row is
one file for one function of one model version. PRIMARY KEY is not declared, because standard tables do not enforce it.
A key stays single because every claim updates the one row of the lock table first, and UPDATE, MERGE and DELETE wait
for each other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.connection import table_columns
from airflow_provider_mediabatch.core import sql_types
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger.ledger_session import LedgerSession

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

log = logging.getLogger(__name__)

COLUMNS: Mapping[str, str] = {
    "FILE_PATH": "VARCHAR",
    "CONTENT_ID": "VARCHAR",
    "CONTENT_ID_KIND": "VARCHAR",
    "FILE_SIZE": "NUMBER(38, 0)",
    "LAST_MODIFIED": "TIMESTAMP_NTZ",
    "MODEL_NAME": "VARCHAR",
    "MODEL_VERSION": "VARCHAR",
    "MODEL_VERSION_CREATED_ON": "TIMESTAMP_NTZ",
    "FUNCTION_NAME": "VARCHAR",
    "STATE": "VARCHAR",
    "CLAIM_ID": "VARCHAR",
    "SHARD": "NUMBER(38, 0)",
    "GENERATION": "NUMBER(38, 0)",
    "DAG_ID": "VARCHAR",
    "RUN_ID": "VARCHAR",
    "JOB_NAME": "VARCHAR",
    "JOB_ROLE": "VARCHAR",
    "OUTPUT_LOCATION": "VARCHAR",
    "WORK_DIGEST": "VARCHAR",
    "ERROR_COLUMN": "VARCHAR",
    "ERROR": "VARCHAR",
    "JOB_SECONDS": "FLOAT",
    "JOB_COST": "FLOAT",
    "PROJECTED_SECONDS": "FLOAT",
    "PROJECTED_COST": "FLOAT",
    "CURRENCY": "VARCHAR",
    "CLAIMED_AT": "TIMESTAMP_NTZ",
    "UPDATED_AT": "TIMESTAMP_NTZ",
    "DONE_AT": "TIMESTAMP_NTZ",
    "EARLIER_JOB": "VARIANT",
}
"""The ledger's columns.

``STATE`` is ``claimed`` (a run works on it), ``done`` (its job ended with ``_SUCCESS`` and was verified),
``quarantined`` (the model cannot read it; ``ERROR`` says why; taken again when it changes or is released) or
``released`` (free). ``CONTENT_ID`` is that of :mod:`~airflow_provider_mediabatch.core.content_id`, and
``CONTENT_ID_KIND`` says whether it goes by ``md5``, ``etag`` or ``last_modified``. ``MODEL_VERSION_CREATED_ON`` tells
versions apart that had one name after each other. ``WORK_DIGEST`` stands for what the job does
with a file (:attr:`.JobRequest.work_digest`). ``ERROR_COLUMN`` is the output in which the job's model says why a
row failed. ``JOB_SECONDS``, ``JOB_COST`` and what the sample let one expect of both are those of the whole job, in each
row of a file that it has done. ``GENERATION`` counts reprocessing. ``EARLIER_JOB`` keeps what the row said of the
job that has done a file, from the claim of a reprocessing until that is done. Times are UTC.
"""
_ADDED = frozenset({"EARLIER_JOB"})
"""Columns that a ledger of an earlier release gets by itself."""


def create_tables_sql(table: str, lock: str) -> list[str]:
    """Both tables, if they are not there; CTAS makes the lock table together with its one row."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    return [
        f"CREATE TABLE IF NOT EXISTS {table} ({columns})",
        f"CREATE TABLE IF NOT EXISTS {lock} AS SELECT 'claim'::VARCHAR AS NAME, NULL::VARCHAR AS CLAIM_ID, "
        f"SYSDATE()::TIMESTAMP_NTZ AS CLAIMED_AT",
    ]


def ensure(connection: SnowflakeConnection, session: LedgerSession, table: str, lock: str) -> None:
    """Create both tables where they are missing, and add the columns that an earlier release did not have.

    :param table: the ledger as SQL.
    :param lock: its lock table as SQL.
    :raises InvalidInputError: when a table of this name has another shape. Nothing is written then.
    """
    found = table_columns(connection, table)
    if found is not None:
        found = _with_added_columns(connection, session, table, found)
        _check_shape(table, found)
    for statement, name in zip(create_tables_sql(table, lock), (table, lock), strict=True):
        if (found if name == table else table_columns(connection, lock)) is None:
            _create(connection, session, statement, name)


def _with_added_columns(
    connection: SnowflakeConnection, session: LedgerSession, table: str, found: dict[str, str]
) -> dict[str, str]:
    """The table's columns, after those that only this release has were added. A table of another shape stays as it is.

    :param found: the columns that it has.
    """
    from snowflake.connector.errors import ProgrammingError

    missing = [name for name in COLUMNS if name not in found]
    if not missing or not _ADDED.issuperset(missing):
        return found
    _check_shape(table, {**COLUMNS, **found})
    try:
        for name in missing:
            session.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {COLUMNS[name]}")
    except ProgrammingError as error:
        # ALTER TABLE needs OWNERSHIP. Without it the table's owner adds the columns, and the check below names them.
        log.warning("%s could not be extended: %s", table, error)
    return table_columns(connection, table) or found


def _check_shape(table: str, found: Mapping[str, str]) -> None:
    missing = [name for name in COLUMNS if name not in found]
    wrong = [
        f"{name} is {found[name]}, not {kind}"
        for name, kind in COLUMNS.items()
        if name in found and sql_types.family(found[name]) != sql_types.family(kind)
    ]
    if missing or wrong:
        problem = "; ".join(([f"it lacks {', '.join(missing)}"] if missing else []) + wrong)
        raise InvalidInputError(
            f"{table} is not a ledger of this release: {problem}. Nothing was written to it. "
            "Name another table with ledger=, or add the columns"
        )


def _create(connection: SnowflakeConnection, session: LedgerSession, statement: str, name: str) -> None:
    """Create a table. Another run may have created it a moment before, which is as good."""
    from snowflake.connector.errors import ProgrammingError

    try:
        session.execute(statement)
    except ProgrammingError:
        if table_columns(connection, name) is None:
            raise
