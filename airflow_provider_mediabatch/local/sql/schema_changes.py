"""DDL as a transaction of its own, and the statement that makes a table."""

from __future__ import annotations

import contextlib
import random
import time
import uuid
from collections.abc import Callable

import duckdb

from airflow_provider_mediabatch.core.sql import quoted
from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.sql import streams, transactions, types
from airflow_provider_mediabatch.local.stores.tables.table import Table
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

_RETRIES = 50


def change(ctx: Context, build: Callable[[], list[str]], tables: list[Table]) -> int:
    """Run DDL as a transaction of its own; an open transaction is committed first, as in Snowflake, or waits for it.

    :param build: checks names and returns DuckDB's statements; called again when another session's DDL came in between.
    :param tables: those that change.
    :returns: how many rows were inserted.
    """
    transaction = transactions.of(ctx.session)
    waits = ctx.keeps_transaction
    if waits:
        transaction.step_aside()
    else:
        transaction.commit(keep=True)
    connection = ctx.session.duckdb
    for attempt in range(_RETRIES):
        try:
            # build() checks in the snapshot that the statements change, so that IF NOT EXISTS is atomic.
            with streams.of(ctx.session).consuming(ctx, commits=True):
                connection.execute("BEGIN TRANSACTION")
                inserted = 0
                for statement in build():
                    if waits:
                        transaction.check_beside(statement, {table.physical for table in tables})
                    executed = connection.execute(statement)
                    if statement.startswith("INSERT"):
                        inserted = int((executed.fetchone() or [0])[0])
                connection.execute("COMMIT")
            break
        except (duckdb.Error, SnowflakeError) as error:
            with contextlib.suppress(duckdb.Error):  # a failed COMMIT has rolled back already
                connection.execute("ROLLBACK")
            # CatalogException: another session made or dropped the object after build() had checked.
            retried = isinstance(error, duckdb.TransactionException | duckdb.CatalogException)
            if not retried or attempt == _RETRIES - 1:
                raise
            time.sleep(random.uniform(0, 0.01 * (attempt + 1)))
    ctx.stores.storage.committed({table.physical for table in tables})
    transaction.after_read()
    return inserted


def definition(table: Table) -> str:
    """The DuckDB statements that make the table, and a sequence for each column with AUTOINCREMENT.

    A declared length is a CHECK, because DuckDB ignores it; PRIMARY KEY and UNIQUE are left out, because Snowflake
    does not enforce them.
    """
    columns, sequences = [], ""
    temporary = "TEMPORARY " if table.temporary else ""
    for column in table.columns:
        kind = types.parse(column.type)
        text = f"{quoted(column.name)} {types.storage(kind)}"
        if not column.nullable:
            text += " NOT NULL"
        length = types.parameters(kind)
        if column.type.startswith("VARCHAR") and length[0] < types.MAX_TEXT:
            text += f" CHECK (length({quoted(column.name)}) <= {length[0]})"
        if column.default is not None:
            text += f" DEFAULT ({column.default})"
        if column.identity is not None:
            start, step = column.identity
            sequence = f"{quoted(table.physical[0])}.{quoted(f'mb_sequence_{uuid.uuid4().hex}')}"
            sequences += f"CREATE {temporary}SEQUENCE {sequence} START {start} INCREMENT {step}; "
            text += f" DEFAULT nextval({text_literal(sequence)})"
        columns.append(text)
    return f"{sequences}CREATE {temporary}TABLE {table.sql} ({', '.join(columns)})"
