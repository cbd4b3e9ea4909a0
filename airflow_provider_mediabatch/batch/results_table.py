"""Load what jobs wrote into a table, on the server, so that loading twice leaves the same rows as loading once.

One transaction for all results: for each, the rows of the same files (and of the same job) are deleted, then the staged
rows inserted. A row of a job that has done the file since, by the ledger, stays in place of the staged one: an old
result that is loaded again never replaces what was reprocessed. The DELETE takes the table's lock, so two loads of one
table run one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.result_columns import BOOKKEEPING_COLUMNS, PATH, TableColumn
from airflow_provider_mediabatch.client import errors, stages
from airflow_provider_mediabatch.client.connection import (
    execute,
    execute_locking,
    qualified_name,
    table_columns,
    transaction,
)
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.exceptions import IncompleteOutputError, InvalidInputError, TableLockedError
from airflow_provider_mediabatch.hooks.session_parameters import LOCK_TIMEOUT

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.batch_result import BatchResult


def table_name(connection: SnowflakeConnection, table: str) -> str:
    """A table's qualified name as SQL, filled from the connection.

    :raises InvalidInputError: when it is none, or cannot be filled.
    """
    return sql.qualified(*qualified_name(connection, table, argument="table", kind="table"))


def check_complete(connection: SnowflakeConnection, staged: StagedParquet, result: BatchResult) -> None:
    """A result that is to be loaded must be whole: ``_SUCCESS``, and as many rows as were verified.

    :raises IncompleteOutputError: otherwise; partial output is never loaded.
    """
    found = stages.output_folder(connection, result.location)
    rows = staged.count(result.location) if found.success and found.files else 0
    if found.success and rows == result.rows:
        return
    what = f"{rows:,} of {result.rows:,} rows" if found.success else "no _SUCCESS"
    raise IncompleteOutputError(
        f"the output of job {result.job} in {result.location} is not whole ({what}): nothing was loaded",
        running="The job has ended and incurs no more cost.",
        retry="A retry will check the same output again. Clear the task of the full batch to write it again.",
    )


@contextmanager
def explain_lock(table: str) -> Iterator[None]:
    """Turn the error of a statement that was given no lock on the results table into one that says what it means.

    :param table: the qualified name as SQL.
    :raises TableLockedError: for that error; others pass.
    """
    from snowflake.connector.errors import DatabaseError

    try:
        yield
    except DatabaseError as error:
        if errors.errno(error) != errors.LOCK_NOT_GRANTED:
            raise
        raise TableLockedError(
            f"A statement was given no lock on {table}: another session held it for more than {LOCK_TIMEOUT} s, or "
            "more than 20 statements waited for it. That session may load the same table, or a statement of somebody "
            "else may change it. SHOW LOCKS IN ACCOUNT names its transaction, and SELECT SYSTEM$ABORT_TRANSACTION(…) "
            f"ends it. Nothing was loaded ({errors.error_text(error)})",
            running="The batch's jobs have ended and incur no more cost.",
            retry="A retry loads the same output again, all or none, and starts no job.",
        ) from error


def prepare_table(
    connection: SnowflakeConnection, table: str, columns: Mapping[str, TableColumn], *, schema_change: str
) -> dict[str, str]:
    """Create the table, or bring it to what is to be loaded.

    :param schema_change: ``evolve`` adds columns that are missing; ``refuse`` makes them an error. A column whose type
        changed is always refused, and so is one with fewer decimal places than the output, which would be rounded.
    :return: the table's columns, name to type.
    :raises InvalidInputError: with the columns and the ALTER to run.
    """
    wanted = {name: _widest(column.kind) for name, column in columns.items()} | {
        name: kind for name, kind in BOOKKEEPING_COLUMNS.items() if name not in columns
    }
    existing = table_columns(connection, table)
    if existing is None:
        text = ", ".join(f"{sql.quoted(name)} {kind}" for name, kind in wanted.items())
        execute(connection, f"CREATE TABLE IF NOT EXISTS {table} ({text})")
        existing = table_columns(connection, table) or {}
    changed = [
        f"{name} is {existing[name]} in the table and {kind} in the output"
        for name, kind in wanted.items()
        if name in existing and not _takes(existing[name], kind)
    ]
    if changed:
        raise InvalidInputError(f"{table} does not take this output: {'; '.join(changed)}. Load it into another table")
    for name, kind in wanted.items():
        wider = _widened(existing.get(name, kind), kind)
        if wider is not None:
            execute(connection, f"ALTER TABLE {table} ALTER COLUMN {sql.quoted(name)} SET DATA TYPE {wider}")
    missing = {name: kind for name, kind in wanted.items() if name not in existing}
    if not missing:
        return existing
    adding = ", ".join(f"{sql.quoted(name)} {kind}" for name, kind in missing.items())
    if schema_change == "refuse":
        raise InvalidInputError(
            f"{table} lacks columns of this output: {', '.join(missing)}. Run ALTER TABLE {table} ADD COLUMN {adding}, "
            "or set schema_change='evolve'"
        )
    for name, kind in missing.items():
        # Another loader may add the same column at the same time.
        execute(connection, f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {sql.quoted(name)} {kind}")
    return {**missing, **existing}


def load_rows(
    connection: SnowflakeConnection,
    staged: StagedParquet,
    table: str,
    results: Sequence[tuple[BatchResult, Mapping[str, TableColumn], str | None]],
    *,
    kinds: Mapping[str, str],
    dag_id: str,
    run_id: str,
    also: Callable[[], object] | None = None,
) -> int:
    """Replace the results' rows in the table, all or none.

    :param results: each with its columns, and a SELECT of the files that other jobs have done since
        (:meth:`.ClaimedRows.done_by_others_sql`), or None.
    :param kinds: the table's columns, name to type: a VARIANT takes no other value without a cast.
    :param also: sends further statements of the same transaction.
    :return: rows loaded, without those whose place a later job's row has.
    """
    loaded = superseded = 0
    with transaction(connection):
        for result, columns, done_by_others in results:
            facts = {
                "MB_MODEL": sql.literal(result.model),
                "MB_MODEL_VERSION": sql.literal(result.model_version),
                "MB_FUNCTION": sql.literal(result.function),
                "MB_JOB": sql.literal(result.job),
                "MB_DAG_ID": sql.literal(dag_id),
                "MB_RUN_ID": sql.literal(run_id),
                "MB_LOADED_AT": "SYSDATE()",
            }
            subject = " AND ".join(
                f"T.{name} = {facts[name]}" for name in ("MB_MODEL", "MB_MODEL_VERSION", "MB_FUNCTION")
            )
            source = staged.source(result.location)
            keys = f"{columns[PATH].expression} AS P, {columns[CONTENT_ID].expression} AS C"
            files, replaced = f"SELECT DISTINCT {keys} FROM {source}", subject
            if done_by_others is not None:
                files = (
                    f"SELECT K.P, K.C, D.JOB FROM ({files}) K LEFT JOIN ({done_by_others}) D "
                    "ON D.PATH = K.P AND D.CONTENT = K.C"
                )
                replaced += " AND NOT EQUAL_NULL(T.MB_JOB, S.JOB)"
            for statement in (
                f"DELETE FROM {table} T WHERE T.MB_JOB = {facts['MB_JOB']}",
                f"DELETE FROM {table} T USING ({files}) S "
                f"WHERE T.{PATH} = S.P AND EQUAL_NULL(T.{CONTENT_ID}, S.C) AND {replaced}",
            ):
                execute_locking(connection, statement, seconds=LOCK_TIMEOUT)
            fitted = {
                name: column.as_kind("VARIANT") if sql_types.family(kinds[name]) == "VARIANT" else column
                for name, column in columns.items()
            }
            expressions = {name: column.expression for name, column in fitted.items()} | facts
            names = ", ".join(sql.quoted(name) for name in expressions)
            loaded += execute(
                connection, f"INSERT INTO {table} ({names}) SELECT {', '.join(expressions.values())} FROM {source}"
            )
            if done_by_others is not None:
                superseded += execute_locking(
                    connection, _superseded_sql(table, facts["MB_JOB"], subject), seconds=LOCK_TIMEOUT
                )
        expected = sum(result.rows for result, *_ in results)
        if loaded != expected:
            raise IncompleteOutputError(
                f"{loaded:,} of {expected:,} rows were read from the jobs' output: nothing was loaded",
                running="The jobs have ended and incur no more cost.",
                retry="A retry will read the output again.",
            )
        if also is not None:
            also()
    return loaded - superseded


def _superseded_sql(table: str, job: str, subject: str) -> str:
    """Delete a job's rows of files of which another job's row was left in the table.

    :param job: as SQL.
    :param subject: the condition that a row T is of this function of this model version.
    """
    others = f"SELECT DISTINCT T.{PATH} AS P, T.{CONTENT_ID} AS C FROM {table} T WHERE T.MB_JOB <> {job} AND {subject}"
    return (
        f"DELETE FROM {table} T USING ({others}) S "
        f"WHERE T.MB_JOB = {job} AND T.{PATH} = S.P AND EQUAL_NULL(T.{CONTENT_ID}, S.C)"
    )


def _widest(kind: str) -> str:
    """A column's type in the table: numbers with all 38 digits.

    Parquet is written with the smallest precision that holds the values at hand, which says nothing of later ones.
    """
    precision, scale = sql_types.digits(kind)
    return f"NUMBER(38,{scale})" if precision else kind


def _takes(existing: str, wanted: str) -> bool:
    """Whether a column takes values of a type as they are.

    VARIANT takes all, and FLOAT takes numbers. A number takes those with no more decimal places.
    """
    have, want = sql_types.family(existing), sql_types.family(wanted)
    if have == "VARIANT" or (have, want) == ("FLOAT", "NUMBER"):
        return True
    return have == want and sql_types.digits(existing)[1] >= sql_types.digits(wanted)[1]


def _widened(existing: str, wanted: str) -> str | None:
    """The type of a number column that has fewer digits than wanted, with all of them: its scale cannot be changed."""
    (have, scale), (want, _) = sql_types.digits(existing), sql_types.digits(wanted)
    return f"NUMBER({want},{scale})" if have and want and have < want else None
