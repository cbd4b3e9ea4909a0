"""The one way in which the ledger's statements are run: with a limited wait for locks, retries, and errors in words.

Snowflake locks a table for UPDATE, MERGE and DELETE. It aborts a statement with 000625 when the wait exceeds
LOCK_TIMEOUT, and at once when more than 20 statements wait for the same lock. With up to 1,024 shards on one ledger,
the latter is nobody's mistake and passes by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import connection as client
from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.exceptions import LedgerError
from airflow_provider_mediabatch.hooks.session_parameters import LOCK_TIMEOUT

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from snowflake.connector import SnowflakeConnection

DUPLICATE_ROW = 100090
"""A MERGE met several rows for one of its keys."""


class LedgerSession:
    """Statements on one ledger through one open connection.

    :param connection: of the provider's hook, whose login sets LOCK_TIMEOUT. An ALTER SESSION might end a transaction,
        as statements that are not DML do ("Transactions", section "Explicit transactions").
    :param table: the ledger as SQL.
    """

    def __init__(self, connection: SnowflakeConnection, table: str) -> None:
        self._connection = connection
        self._table = table

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Rows of a SELECT, which waits for no lock."""
        return client.rows(self._connection, statement)

    def execute(self, statement: str) -> int:
        """Run a statement that takes a lock, again while too many others wait for it.

        :return: rows changed.
        """
        return client.execute_locking(self._connection, statement, seconds=LOCK_TIMEOUT)

    def transaction(self) -> AbstractContextManager[None]:
        """BEGIN, the caller's statements, COMMIT; a ROLLBACK after any failure."""
        return client.transaction(self._connection)

    @contextmanager
    def explained(self, *, running: str, retry: str) -> Iterator[None]:
        """Turn errors of the ledger's tables in the block into a :class:`LedgerError`.

        :param running: whether anything still runs and incurs cost, as it is known where the block stands.
        :param retry: what a retry does once the ledger is in order.
        :raises LedgerError: for a lock, a missing or read-only table, doubled rows; other errors pass.
        """
        from snowflake.connector.errors import DatabaseError

        try:
            yield
        except DatabaseError as error:
            what = self._problem(error)
            if what is None:
                raise
            raise LedgerError(what, running=running, retry=retry) from error

    def _problem(self, error: Exception) -> str | None:
        table = self._table
        number = errors.errno(error)
        if number == errors.LOCK_NOT_GRANTED:
            return (
                f"A statement waited {LOCK_TIMEOUT} s for a lock on {table} or its lock table. Either other runs write "
                "to the ledger without a pause, or a session holds the lock. SHOW LOCKS names it, and the statement "
                "SELECT SYSTEM$ABORT_TRANSACTION(…) ends it"
            )
        if errors.is_missing(error):
            grant = f"GRANT SELECT, INSERT, UPDATE ON TABLE {table} TO ROLE …"
            return (
                f"{errors.not_visible(f'The ledger {table}, or its lock table,', grant=grant)}. If it was dropped, "
                f"UNDROP TABLE {table} restores it"
            )
        if number == errors.INSUFFICIENT_PRIVILEGES:
            return (
                f"This role may not write to the ledger: GRANT SELECT, INSERT, UPDATE ON TABLE {table} TO ROLE …, and "
                f"the same on its lock table"
            )
        return doubled_rows(table) if number == DUPLICATE_ROW else None


def doubled_rows(table: str) -> str:
    """The sentence for a ledger with several rows of one key."""
    key = "FILE_PATH, CONTENT_ID, MODEL_NAME, MODEL_VERSION, MODEL_VERSION_CREATED_ON, FUNCTION_NAME"
    return (
        f"{table} has more than one row for a file and model version, as after a restore into it. This finds them: "
        f"SELECT {key}, COUNT(*) AS N FROM {table} GROUP BY {key} HAVING COUNT(*) > 1. Delete all rows of each but one"
    )
