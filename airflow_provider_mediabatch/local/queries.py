"""Statements from arrival to result: run, watched from other sessions, cancelled, remembered.

Every statement has a row in the catalogue, so its end can be read from another connection and after a restart:
Airflow's triggerer asks for a query by its id long after the worker that sent it is gone. Results are kept for a
while, because RESULT_SCAN reads them; those of asynchronous statements are kept on disk and outlive the process too.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.context import Context
from airflow_provider_mediabatch.local.dispatch import execute
from airflow_provider_mediabatch.local.errors import SnowflakeError, cancelled
from airflow_provider_mediabatch.local.result_store import ResultStore
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Pending, Result

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.engine import Engine
    from airflow_provider_mediabatch.local.session import Session

log = logging.getLogger(__name__)

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
_THREADS = 256
_POLLING_THREADS = 4
# Seconds between two looks at what a statement waits for: a fiftieth of the time it has waited, within these bounds.
_FIRST_LOOK, _LAST_LOOK = 0.01, 0.1
# How long a statement is known by its request, for clients that send it again, and how long its rows are at hand.
_REQUEST_SECONDS = 600.0
_ROWS_SECONDS = 30.0


@dataclass(eq=False)
class Query:
    """One statement.

    :param id: the query id that the client is given, a UUID.
    :param context: what its handler sees.
    :param sql: its text.
    :param asynchronous: sent with ``asyncExec``: nobody waits for the reply.
    :param fault: the error of a fault plan to fail with, instead of being executed.
    :param fault_after: fail with it after having been executed.
    :param done: set at the end; by then either ``result`` or ``error`` is there.
    """

    id: str
    context: Context
    sql: str
    asynchronous: bool = False
    request_id: str | None = None
    started: float = field(default_factory=time.time)
    result: Result | FileTransfer | None = None
    error: SnowflakeError | None = None
    done: threading.Event = field(default_factory=threading.Event)
    fault: SnowflakeError | None = None
    fault_after: bool = False
    future: Future[None] = field(default_factory=Future)

    def cancel(self) -> None:
        """Ask the statement to end. It fails with 000604 unless it was over before it noticed."""
        self.context.cancelled.set()
        session = self.context.session
        if session.current is self:
            session.interrupt()

    async def wait(self, seconds: float) -> bool:
        """Wait for the end without holding a thread; False when it has not come in that time."""
        if not self.done.is_set():
            await asyncio.wait([asyncio.wrap_future(self.future)], timeout=seconds)
        return self.done.is_set()


class Queries:
    """All statements of an engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.results = ResultStore(engine.state_dir / "results")
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="statement")
        self._alive: dict[str, Query] = {}
        self._requests: dict[tuple[int, str], Query] = {}
        self._lock = threading.Lock()
        # A loop of its own polls the statements that wait, on a few threads for all of them.
        self._polling = ThreadPoolExecutor(_POLLING_THREADS, thread_name_prefix="polling")
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="waiting", daemon=True).start()
        catalog = engine.catalog.connect()
        catalog.executescript(_SCHEMA)
        self._recorded = 0
        self._interrupted = {
            row["id"] for row in catalog.execute("SELECT id FROM queries WHERE status = ?", (RUNNING,))
        }

    def start(
        self,
        session: Session,
        sql: str,
        *,
        request_id: str | None = None,
        bindings: Mapping[int, object] | None = None,
        parameters: Mapping[str, object] | None = None,
        describe_only: bool = False,
        asynchronous: bool = False,
        fault: SnowflakeError | None = None,
        fault_after: bool = False,
    ) -> Query:
        """Begin a statement, or find the one that this request began before.

        :param fault: the error that a fault plan has for it, instead of being executed.
        :param fault_after: it is executed, and fails with that error all the same.

        A client sends the same request id again after a lost reply; executing it twice would, say, insert twice.

        :returns: the query, possibly not yet done.
        """
        with self._lock:
            if request_id and (known := self._requests.get((session.id, request_id))):
                return known
            query_id = str(uuid.uuid4())
            context = Context(
                self.engine,
                session,
                query_id,
                bindings or {},
                describe_only=describe_only,
                parameters=parameters or {},
            )
            query = Query(query_id, context, sql, asynchronous, request_id, fault=fault, fault_after=fault_after)
            query.future.set_running_or_notify_cancel()
            self._alive[query_id] = query
            if request_id:
                self._requests[session.id, request_id] = query
            self.engine.sessions.statement_began(session)
        self._pool.submit(self._run, query)
        return query

    def find(self, query_id: str) -> Query | None:
        """A statement that runs, or one that ended a short while ago."""
        return self._alive.get(query_id)

    def running(self, session: Session) -> list[Query]:
        """The session's statements that have not ended."""
        with self._lock:
            return [q for q in self._alive.values() if q.context.session is session and not q.done.is_set()]

    def by_request(self, session: Session, request_id: str) -> Query | None:
        """The statement that a request of this session began."""
        return self._requests.get((session.id, request_id))

    def status(self, query_id: str) -> dict[str, object] | None:
        """The catalogue's row of a statement, from whichever session; None when there is no such statement."""
        row = self.engine.catalog.connect().execute("SELECT * FROM queries WHERE id = ?", (query_id,)).fetchone()
        return dict(row) if row else None

    def result(self, query_id: str) -> Result:
        """A finished statement's rows, for RESULT_SCAN and for clients that fetch by query id.

        :raises SnowflakeError: 000709 for an unknown statement; the statement's own error when it failed; 000710 while
            it runs; 000707 when its rows are not kept any more.
        """
        row = self.status(query_id)
        if row is None:
            raise SnowflakeError(709, "02000", f"Statement {query_id} not found")
        if row["status"] == RUNNING:
            raise SnowflakeError(710, "02000", f"Statement {query_id} has not finished")
        if row["status"] == FAILED:
            raise SnowflakeError(int(str(row["error_code"])), str(row["sqlstate"]), str(row["error"]))
        result = self.results.get(query_id)
        if result is None:
            raise SnowflakeError(707, "02000", f"The result of statement {query_id} is no longer available")
        return result

    def recover(self, waiting: Mapping[str, Pending]) -> None:
        """Settle the statements that ran when the engine died: those in ``waiting`` go on, the others have failed.

        :param waiting: for statements whose work survives in a process of its own, how to wait for its end again.
        """
        for query_id, pending in waiting.items():
            if query_id not in self._interrupted:
                continue
            self._interrupted.discard(query_id)
            row = self.status(query_id)
            assert row is not None
            session = self.engine.sessions.detached(str(row["user"]), str(row["role"]))
            self.engine.sessions.statement_began(session)
            query = Query(query_id, Context(self.engine, session, query_id), str(row["sql"]), asynchronous=True)
            query.future.set_running_or_notify_cancel()
            self._alive[query_id] = query
            asyncio.run_coroutine_threadsafe(self._wait(query, pending), self._loop)
        lost = SnowflakeError(603, "57P01", "Processing aborted: the local engine was stopped while this statement ran")
        self._settle(self._interrupted, lost)
        self._interrupted = set()

    def close(self) -> None:
        """End what runs; statements that have not ended are failed."""
        with self._lock:
            unfinished = [query for query in self._alive.values() if not query.done.is_set()]
        for query in unfinished:
            query.cancel()
        for pool in (self._pool, self._polling):
            pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + 2
        for query in unfinished:
            query.done.wait(max(0.0, deadline - time.monotonic()))
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _settle(self, query_ids: Iterable[str], error: SnowflakeError) -> None:
        self.engine.catalog.connect().executemany(
            "UPDATE queries SET status = ?, error_code = ?, sqlstate = ?, error = ?, ended = ? WHERE id = ?",
            [(FAILED, error.code, error.sqlstate, error.message, time.time(), query_id) for query_id in query_ids],
        )

    def _run(self, query: Query) -> None:
        outcome: Result | FileTransfer | Pending | SnowflakeError
        try:
            self._record(query)
            outcome = query.fault if query.fault and not query.fault_after else execute(query.context, query.sql, query)
        except SnowflakeError as error:
            outcome = error
        except Exception as error:
            outcome = self._unexpected(query, error)
        if isinstance(outcome, Pending):
            asyncio.run_coroutine_threadsafe(self._wait(query, outcome), self._loop)
        else:
            self._finish(query, outcome)

    async def _wait(self, query: Query, pending: Pending) -> None:
        outcome: Result | SnowflakeError | None = None
        began = time.monotonic()
        while outcome is None:
            try:
                if query.context.cancelled.is_set():
                    if pending.cancel is not None:
                        await self._loop.run_in_executor(self._pool, pending.cancel)
                    raise cancelled()
                outcome = await self._loop.run_in_executor(self._polling, pending.poll)
                if outcome is None:
                    waited = time.monotonic() - began
                    await asyncio.sleep(min(max(_FIRST_LOOK, waited / 50), _LAST_LOOK))
            except SnowflakeError as error:
                outcome = error
            except RuntimeError as error:
                if self._loop.is_running() and "shutdown" in str(error):  # the engine is stopping
                    return
                outcome = self._unexpected(query, error)
            except Exception as error:
                outcome = self._unexpected(query, error)
        await self._loop.run_in_executor(self._pool, self._finish, query, outcome)

    def _unexpected(self, query: Query, error: Exception) -> SnowflakeError:
        if query.context.cancelled.is_set():
            return cancelled()
        log.exception("statement %s failed unexpectedly: %s", query.id, query.sql[:2000])
        return SnowflakeError(
            603, "XX000", f"Processing aborted by an error of the local engine (its log has more): {error!r}"
        )

    def _record(self, query: Query) -> None:
        session = query.context.session
        tag = query.context.parameters.get("QUERY_TAG") or session.parameters.get("QUERY_TAG") or ""
        self.engine.catalog.connect().execute(
            "INSERT INTO queries"
            " (id, session_id, user, role, database, schema, sql, tag, asynchronous, status, started)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                query.id,
                session.id,
                session.user,
                session.role,
                session.database,
                session.schema,
                query.sql[:_SQL_CHARACTERS],
                str(tag),
                query.asynchronous,
                RUNNING,
                query.started,
            ),
        )

        self._recorded += 1
        if self._recorded % _PRUNE_EVERY == 1:
            self._prune()

    def _prune(self) -> None:
        """Forget old statements: a poll a second is half a million a week."""
        catalog = self.engine.catalog.connect()
        catalog.execute("DELETE FROM queries WHERE started < ?", (time.time() - _KEPT_SECONDS,))
        newest = "SELECT started FROM queries ORDER BY started DESC LIMIT 1 OFFSET ?"
        catalog.execute(f"DELETE FROM queries WHERE started < ({newest})", (_KEPT_ROWS,))

    def _finish(self, query: Query, outcome: Result | FileTransfer | SnowflakeError) -> None:
        rows = None
        outcome = query.fault or outcome
        if isinstance(outcome, Result):
            rows = outcome.table.num_rows
            try:
                # RESULT_SCAN may come with the very next statement, so the rows are kept before the end is announced.
                self.results.put(query.id, outcome, durable=query.asynchronous)
            except Exception:  # a full disk, say: what the statement did is done all the same
                log.exception("the result of statement %s could not be kept", query.id)
        if isinstance(outcome, SnowflakeError):
            query.error = outcome
        else:
            query.result = outcome
        error = query.error
        try:
            self.engine.catalog.connect().execute(
                "UPDATE queries SET status = ?, error_code = ?, sqlstate = ?, error = ?, row_count = ?, ended = ?"
                " WHERE id = ?",
                (
                    FAILED if error else SUCCESS,
                    error and error.code,
                    error and error.sqlstate,
                    error and error.message,
                    rows,
                    time.time(),
                    query.id,
                ),
            )
        finally:
            seconds = time.time() - query.started
            log.info("%s %.3fs %s %s", query.id, seconds, f"{error.code:06d}" if error else "ok", query.sql[:300])
            query.context.session.last_query_id = query.id
            query.done.set()
            query.future.set_result(None)
            self.engine.sessions.statement_ended(query.context.session)
            self._loop.call_soon_threadsafe(self._later, query)

    def _later(self, query: Query) -> None:
        self._loop.call_later(_ROWS_SECONDS, self._release, query)
        self._loop.call_later(_REQUEST_SECONDS, self._forget, query)

    def _release(self, query: Query) -> None:
        """The reply is sent: a repeated request finds the rows where RESULT_SCAN does."""
        if isinstance(query.result, Result):
            query.result = None

    def _forget(self, query: Query) -> None:
        """From now on the statement is only in the catalogue."""
        with self._lock:
            self._alive.pop(query.id, None)
            if query.request_id:
                self._requests.pop((query.context.session.id, query.request_id), None)
