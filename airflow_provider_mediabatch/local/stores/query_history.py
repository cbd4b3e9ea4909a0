"""Every statement that was sent, how it ended, and its rows for a while.

A statement's end can be read from another connection and after a restart: Airflow's triggerer asks for a query by its
id long after the worker that sent it is gone. RESULT_SCAN reads the rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.local.catalog import Catalog, unless_full
from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.statement_result import Result
from airflow_provider_mediabatch.local.stores.result_store import ResultStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queries (
    id TEXT PRIMARY KEY, session_id INTEGER, user TEXT, role TEXT, database TEXT, schema TEXT, sql TEXT, tag TEXT,
    asynchronous INTEGER, status TEXT, error_code INTEGER, sqlstate TEXT, error TEXT, row_count INTEGER,
    started REAL, ended REAL
);
CREATE INDEX IF NOT EXISTS queries_started ON queries (started);
"""
RUNNING, SUCCESS, FAILED = "RUNNING", "SUCCESS", "FAILED_WITH_ERROR"
_KEPT_SECONDS = 7 * 86400.0
_KEPT_ROWS = 200_000
_PRUNE_EVERY = 5000
_SQL_CHARACTERS = 100_000


class QueryHistory:
    """The statements of an engine and their results.

    :param catalog: holds one row for each statement.
    :param results: the folder for results that are kept on disk.
    :ivar interrupted: ids of the statements that ran when the engine ended last; :meth:`fail` settles them.
    """

    def __init__(self, catalog: Catalog, results: Path) -> None:
        self.catalog = catalog
        self.results = ResultStore(results)
        self._recorded = 0
        connection = catalog.connect()
        connection.executescript(_SCHEMA)
        rows = connection.execute("SELECT id FROM queries WHERE status = ?", (RUNNING,))
        self.interrupted = frozenset(str(row["id"]) for row in rows)

    def begin(self, query_id: str, sql: str, **values: Any) -> None:
        """Record a statement that starts now.

        :param values: the other columns: ``session_id``, ``user``, ``role``, ``database``, ``schema``, ``tag``,
            ``asynchronous``, ``started``.
        """
        row = {"id": query_id, "sql": sql[:_SQL_CHARACTERS], "status": RUNNING, **values}
        # The end of an asynchronous statement is read from here, so without room for it there is none.
        with nullcontext() if values.get("asynchronous") else unless_full(f"statement {query_id}"):
            self.catalog.connect().execute(
                f"INSERT INTO queries ({', '.join(row)}) VALUES ({', '.join(':' + name for name in row)})", row
            )
        self._recorded += 1
        if self._recorded % _PRUNE_EVERY == 1:
            self._prune()

    def end(self, query_id: str, error: SnowflakeError | None, row_count: int | None) -> None:
        """Record a statement's end."""
        failed = (error.code, error.sqlstate, error.message) if error else (None, None, None)
        with unless_full(f"the end of statement {query_id}"):
            self.catalog.connect().execute(
                "UPDATE queries SET status = ?, error_code = ?, sqlstate = ?, error = ?, row_count = ?, ended = ?"
                " WHERE id = ?",
                (FAILED if error else SUCCESS, *failed, row_count, time.time(), query_id),
            )

    def fail(self, query_ids: Iterable[str], error: SnowflakeError) -> None:
        """Record one failure for several statements."""
        self.catalog.connect().executemany(
            "UPDATE queries SET status = ?, error_code = ?, sqlstate = ?, error = ?, ended = ? WHERE id = ?",
            [(FAILED, error.code, error.sqlstate, error.message, time.time(), query_id) for query_id in query_ids],
        )

    def row(self, query_id: str) -> Mapping[str, Any] | None:
        """The statement's row, whichever session sent it; None when there is no such statement."""
        row = self.catalog.connect().execute("SELECT * FROM queries WHERE id = ?", (query_id,)).fetchone()
        return dict(row) if row else None

    def nth(self, session_id: int, position: int, *, before: str) -> str | None:
        """The id of one of a session's statements; None when there is none at that place.

        Source: Snowflake's reference, page "LAST_QUERY_ID", section "Usage notes".

        :param position: 1 is the session's first statement, -1 the one that was sent last.
        :param before: the statement that asks, which does not count.
        """
        if not position:
            return None
        order, offset = ("ASC", position - 1) if position > 0 else ("DESC", -position - 1)
        found = (
            self.catalog.connect()
            .execute(
                f"SELECT id FROM queries WHERE session_id = ? AND id <> ? ORDER BY rowid {order} LIMIT 1 OFFSET ?",
                (session_id, before, offset),
            )
            .fetchone()
        )
        return str(found["id"]) if found else None

    def result(self, query_id: str) -> Result:
        """A finished statement's rows, for RESULT_SCAN and for clients that fetch by query id.

        :raises SnowflakeError: 000709 for an unknown statement; the statement's own error when it failed; 000710 while
            it runs; 000707 when its rows are not kept any more.
        """
        row = self.row(query_id)
        if row is None:
            raise SnowflakeError(709, "02000", f"Statement {query_id} not found")
        if row["status"] == RUNNING:
            raise SnowflakeError(710, "02000", f"Statement {query_id} has not finished")
        if row["status"] == FAILED:
            raise SnowflakeError(int(row["error_code"]), str(row["sqlstate"]), str(row["error"]))
        result = self.results.get(query_id)
        if result is None:
            raise SnowflakeError(707, "02000", f"The result of statement {query_id} is no longer available")
        return result

    def _prune(self) -> None:
        """Forget old statements: a poll a second is half a million a week."""
        connection = self.catalog.connect()
        connection.execute("DELETE FROM queries WHERE started < ?", (time.time() - _KEPT_SECONDS,))
        newest = "SELECT started FROM queries ORDER BY started DESC LIMIT 1 OFFSET ?"
        connection.execute(f"DELETE FROM queries WHERE started < ({newest})", (_KEPT_ROWS,))
