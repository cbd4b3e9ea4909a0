"""Statements from arrival to result: run on threads, awaited without one, cancelled, and recorded in the history."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from airflow_provider_mediabatch.local.dispatch import several
from airflow_provider_mediabatch.local.dispatch.execute import execute
from airflow_provider_mediabatch.local.errors import SnowflakeError, cancelled, not_supported, timed_out
from airflow_provider_mediabatch.local.session.context import Context
from airflow_provider_mediabatch.local.session.query import Query, RunningQueries
from airflow_provider_mediabatch.local.session.session import Session, Sessions
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Pending, Result
from airflow_provider_mediabatch.local.statements.staged_bindings import staged_bindings
from airflow_provider_mediabatch.local.stores.stores import Stores

log = logging.getLogger(__name__)

_THREADS = 256
_POLLING_THREADS = 4
# Seconds between two polls of what a statement waits for: a fiftieth of the time it has waited, within these bounds.
# A constant 0.1 s would double the time of a warm job with one file; a constant 0.01 s costs CPU for hours.
_FIRST_POLL, _LAST_POLL = 0.01, 0.1
# How long a statement is known by its request, for clients that send it again, and how long its rows are at hand.
_REQUEST_SECONDS = 600.0
_ROWS_SECONDS = 30.0


class Queries:
    """All statements of an engine."""

    def __init__(self, stores: Stores, sessions: Sessions) -> None:
        self.stores = stores
        self.history = stores.history
        self.sessions = sessions
        self.running = RunningQueries()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="statement")
        # A loop of its own polls the statements that wait, on a few threads for all of them.
        self._polling = ThreadPoolExecutor(_POLLING_THREADS, thread_name_prefix="polling")
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="waiting", daemon=True).start()

    def start(
        self,
        session: Session,
        sql: str,
        *,
        request_id: str | None = None,
        bindings: Mapping[int, object] | None = None,
        bind_stage: str | None = None,
        parameters: Mapping[str, object] | None = None,
        describe_only: bool = False,
        asynchronous: bool = False,
        fault: SnowflakeError | None = None,
        fault_after: bool = False,
    ) -> Query:
        """Begin a statement, or find the one that this request began before.

        :param bind_stage: where the client uploaded the arrays that are bound, instead of ``bindings``.
        :param fault: the error that a fault plan has for it, instead of being executed.
        :param fault_after: it is executed, and fails with that error nevertheless.

        A client sends the same request id again after a lost reply; executing it twice would, say, insert twice.

        :returns: the query, possibly not yet done.
        """
        context = Context(
            self.stores,
            self.running,
            session,
            str(uuid.uuid4()),
            bindings or {},
            describe_only=describe_only,
            parameters=parameters or {},
            bind_stage=bind_stage,
        )
        query = Query(context.query_id, context, sql, asynchronous, request_id, fault=fault, fault_after=fault_after)
        query.future.set_running_or_notify_cancel()
        if (known := self.running.add(query)) is not query:
            return known
        self.sessions.statement_began(session)
        self._loop.call_soon_threadsafe(self._limit, query)
        self._pool.submit(self._run, query)
        return query

    def recover(self, waiting: Mapping[str, Pending]) -> None:
        """Settle the statements that ran when the engine died: those in ``waiting`` go on, the others have failed.

        :param waiting: for statements whose work survives in a process of its own, how to wait for its end again.
        """
        interrupted = self.history.interrupted
        for query_id in interrupted & waiting.keys():
            row = self.history.row(query_id)
            assert row is not None
            session = self.sessions.detached(str(row["user"]), str(row["role"]))
            self.sessions.statement_began(session)
            context = Context(self.stores, self.running, session, query_id)
            query = Query(query_id, context, str(row["sql"]), asynchronous=True)
            query.future.set_running_or_notify_cancel()
            self.running.add(query)
            asyncio.run_coroutine_threadsafe(self._wait(query, waiting[query_id]), self._loop)
        lost = SnowflakeError(603, "57P01", "Processing aborted: the local engine was stopped while this statement ran")
        self.history.fail(interrupted - waiting.keys(), lost)

    def close(self) -> None:
        """End what runs; statements that have not ended are failed."""
        unfinished = self.running.running()
        for query in unfinished:
            query.cancel()
        for pool in (self._pool, self._polling):
            pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + 2
        for query in unfinished:
            query.done.wait(max(0.0, deadline - time.monotonic()))
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, query: Query) -> None:
        outcome: Result | FileTransfer | Pending | SnowflakeError
        try:
            self._record(query)
            outcome = query.fault if query.fault and not query.fault_after else self._execute(query)
        except SnowflakeError as error:
            outcome = error
        except Exception as error:
            outcome = self._unexpected(query, error)
        if isinstance(outcome, Pending):
            asyncio.run_coroutine_threadsafe(self._wait(query, outcome), self._loop)
        else:
            self._finish(query, outcome)

    def _execute(self, query: Query) -> Result | FileTransfer | Pending:
        """Run a request's only statement, or its several ones to their ends, up to the first that fails."""
        if query.context.bind_stage:
            query.context.bindings = staged_bindings(query.context, query.context.bind_stage)
        statements = several.statements(query.context, query.sql)
        if len(statements) == 1:
            return execute(query.context, query.sql, query)
        if query.context.describe_only:
            raise not_supported("describing several statements")
        for statement in statements:
            self._part(query, statement)
        return several.result()

    def _part(self, query: Query, statement: several.Statement) -> None:
        context = replace(
            query.context, query_id=str(uuid.uuid4()), bindings=statement.bindings, failure=None, at_end=[]
        )
        part = Query(context.query_id, context, statement.sql)
        part.future.set_running_or_notify_cancel()
        self.running.add(part)
        self.sessions.statement_began(context.session)
        self._record(part)
        outcome: Result | FileTransfer | Pending | SnowflakeError | None
        try:
            outcome = execute(context, part.sql, query)
            while isinstance(outcome, Pending):
                if context.cancelled.wait(_LAST_POLL):
                    if outcome.cancel is not None:
                        outcome.cancel()
                    raise cancelled()
                outcome = outcome.poll() or outcome
            if isinstance(outcome, FileTransfer):
                raise SnowflakeError(2, "0A000", "PUT and GET are not supported in a request of several statements.")
        except SnowflakeError as error:
            outcome = error
        except Exception as error:
            outcome = self._unexpected(part, error)
        self._finish(part, outcome)
        query.parts.append(part)
        if part.error is not None:
            raise part.error

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
                    await asyncio.sleep(min(max(_FIRST_POLL, waited / 50), _LAST_POLL))
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
        self.history.begin(
            query.id,
            query.sql,
            session_id=session.id,
            user=session.user,
            role=session.role,
            database=session.database,
            schema=session.schema,
            tag=str(tag),
            asynchronous=query.asynchronous,
            started=query.started,
        )

    def _finish(self, query: Query, outcome: Result | FileTransfer | SnowflakeError) -> None:
        rows = None
        outcome = query.fault or outcome
        if query.timed_out and isinstance(outcome, SnowflakeError) and outcome.code == 604:
            outcome = timed_out(query.timeout)
        if isinstance(outcome, Result):
            rows = outcome.table.num_rows
            try:
                # RESULT_SCAN may come with the very next statement, so the rows are kept before the end is announced.
                self.history.results.put(query.id, outcome, durable=query.asynchronous)
            except Exception:  # for example a full disk: what the statement did is done
                log.exception("the result of statement %s could not be kept", query.id)
        if isinstance(outcome, SnowflakeError):
            query.error = outcome
        else:
            query.result = outcome
        error = query.error
        try:
            self.history.end(query.id, error, rows)
        finally:
            seconds = time.time() - query.started
            log.info("%s %.3fs %s %s", query.id, seconds, f"{error.code:06d}" if error else "ok", query.sql[:300])
            query.context.session.last_query_id = query.id
            query.done.set()
            query.future.set_result(None)
            self.sessions.statement_ended(query.context.session)
            self._loop.call_soon_threadsafe(self._later, query)

    def _limit(self, query: Query) -> None:
        query.timer = self._loop.call_later(query.timeout, query.time_out)

    def _later(self, query: Query) -> None:
        if query.timer is not None:
            query.timer.cancel()
        self._loop.call_later(_ROWS_SECONDS, self._release, query)
        self._loop.call_later(_REQUEST_SECONDS, self.running.forget, query)

    def _release(self, query: Query) -> None:
        """The reply is sent: a repeated request finds the rows where RESULT_SCAN does."""
        if isinstance(query.result, Result):
            query.result = None
