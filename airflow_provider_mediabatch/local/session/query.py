"""Statements that run, or ended a short while ago."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Result

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.session.session import Session


@dataclass(eq=False)
class Query:
    """One statement.

    :param id: the query id that the client is given, a UUID.
    :param context: what its handler sees.
    :param sql: its text.
    :param asynchronous: sent with ``asyncExec``: nobody waits for the reply.
    :param fault: the error of a fault plan to fail with, instead of being executed.
    :param fault_after: fail with it after having been executed.
    :param timed_out: cancelled because it ran longer than STATEMENT_TIMEOUT_IN_SECONDS.
    :param timer: cancels it then.
    :param parts: the statements of a request of several that were executed.
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
    timed_out: bool = False
    timer: asyncio.TimerHandle | None = None
    parts: list[Query] = field(default_factory=list)

    @property
    def timeout(self) -> float:
        """Seconds after which the statement is cancelled; 0 means Snowflake's largest, 7 days."""
        name = "STATEMENT_TIMEOUT_IN_SECONDS"
        given = self.context.parameters.get(name, self.context.session.parameters.get(name))
        return float(str(given or 0)) or 604800.0

    def cancel(self) -> None:
        """Ask the statement to end. It fails with 000604 unless it was over before it noticed."""
        self.context.cancelled.set()
        session = self.context.session
        if session.current is self:
            session.interrupt()

    def time_out(self) -> None:
        """Ask the statement to end because its time is over. It fails with 000630."""
        self.timed_out = True
        self.cancel()

    async def wait(self, seconds: float) -> bool:
        """Wait for the end without holding a thread; False when it has not come in that time."""
        if not self.done.is_set():
            await asyncio.wait([asyncio.wrap_future(self.future)], timeout=seconds)
        return self.done.is_set()


class RunningQueries:
    """The statements at hand, by query id and by the request that sent them."""

    def __init__(self) -> None:
        self._by_id: dict[str, Query] = {}
        self._by_request: dict[tuple[int, str], Query] = {}
        self._lock = threading.Lock()

    def add(self, query: Query) -> Query:
        """Take a statement in, unless its request is known.

        :returns: the query, or the one that the same request began before.
        """
        with self._lock:
            if query.request_id:
                key = (query.context.session.id, query.request_id)
                if (known := self._by_request.get(key)) is not None:
                    return known
                self._by_request[key] = query
            self._by_id[query.id] = query
            return query

    def find(self, query_id: str) -> Query | None:
        """The statement with this id, or None."""
        return self._by_id.get(query_id)

    def by_request(self, session: Session, request_id: str) -> Query | None:
        """The statement that a request of this session began, or None."""
        return self._by_request.get((session.id, request_id))

    def running(self, session: Session | None = None) -> list[Query]:
        """The statements that have not ended, of one session or of all."""
        with self._lock:
            queries = [query for query in self._by_id.values() if not query.done.is_set()]
        return [query for query in queries if session in (None, query.context.session)]

    def forget(self, query: Query) -> None:
        """Give a statement up that ended; from now on it is only in the history."""
        with self._lock:
            self._by_id.pop(query.id, None)
            if query.request_id:
                self._by_request.pop((query.context.session.id, query.request_id), None)
