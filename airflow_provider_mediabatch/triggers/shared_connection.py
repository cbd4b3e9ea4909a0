"""One login and one statement an interval, however many jobs a triggerer waits for.

Each Snowflake connection id has one open connection in the triggerer process, shared by all triggers, and each job
schema has one cache of job statuses. The first trigger that needs newer statuses fetches them, in a thread, and the
others wait for it. The connection closes when its last user leaves and is opened again when the session has expired.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import NETWORK_TIMEOUT

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

T = TypeVar("T")

THREADS = 4
"""Calls of one connection at the same time, however many triggers it has."""


class SharedConnection:
    """An open connection that many triggers use, each call in a thread.

    The threads are its own: while Snowflake does not answer, they wait, and the event loop's few threads serve the
    triggers of other connections and providers.

    :param snowflake_conn_id: Airflow connection.
    """

    def __init__(self, snowflake_conn_id: str) -> None:
        self.users = 0
        self._conn_id = snowflake_conn_id
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mediabatch")
        self._connection: SnowflakeConnection | None = None
        self._opening = threading.Lock()
        self._refused: tuple[float, Exception] | None = None
        self._closed = False
        self._status_caches: dict[str, JobStatusCache] = {}

    async def call(self, function: Callable[[SnowflakeConnection], T]) -> T:
        """Run ``function(connection)`` in a thread; log in again once if the session has ended."""
        run, context = asyncio.get_running_loop().run_in_executor, copy_context()
        return await run(self._threads, context.run, self._call, function)

    def job_statuses(self, schema: str) -> JobStatusCache:
        """The statuses of a schema's jobs, shared by all triggers."""
        if schema not in self._status_caches:
            self._status_caches[schema] = JobStatusCache(self, schema)
        return self._status_caches[schema]

    async def close(self) -> None:
        """Close the connection, in a thread; a call that is under way in another one opens it no more."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.to_thread(connection.close)
        self._threads.shutdown(wait=False)

    def _call(self, function: Callable[[SnowflakeConnection], T]) -> T:
        connection = self._open()
        try:
            return function(connection)
        except Exception as error:
            if self._closed or not errors.session_ended(error):
                raise
            self._forget(connection)
        return function(self._open())

    def _open(self) -> SnowflakeConnection:
        asked = time.monotonic()
        with self._opening:
            if self._refused is not None and self._refused[0] > asked:
                raise self._refused[1]  # the login that this call has waited for
            if self._connection is None or self._connection.is_closed():
                try:
                    opened = self._log_in()
                except Exception as error:
                    self._refused = time.monotonic(), error
                    raise
                if self._closed:
                    opened.close()
                    raise ConnectionError("every trigger of this connection has ended")
                self._connection = opened
            return self._connection

    def _log_in(self) -> SnowflakeConnection:
        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        # Without a limit the connector would retry without end inside one poll.
        return MediaBatchHook(snowflake_conn_id=self._conn_id, network_timeout=NETWORK_TIMEOUT).get_conn()

    def _forget(self, connection: SnowflakeConnection) -> None:
        with self._opening:
            if self._connection is connection:
                self._connection = None
        try:
            connection.close(retry=False)
        except Exception:
            return  # the session had ended: there is nothing left to close


class JobStatusCache:
    """Statuses of all our jobs in one schema, fetched at most once an interval.

    :param connection: the shared connection.
    :param schema: ``DB.SCHEMA`` as SQL.
    """

    def __init__(self, connection: SharedConnection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._statuses: dict[str, str] = {}
        self._fetched = 0.0
        self._fetching = asyncio.Lock()

    async def status(self, job: str, max_age: float) -> str | None:
        """The job's status, no older than ``max_age`` seconds; None when the job is not listed."""
        from airflow_provider_mediabatch.client import jobs

        async with self._fetching:
            if time.monotonic() - self._fetched > max_age:
                self._statuses = await self._connection.call(lambda open_: jobs.statuses(open_, self._schema))
                self._fetched = time.monotonic()
            return self._statuses.get(job)


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedConnection]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_connection(snowflake_conn_id: str) -> AsyncIterator[SharedConnection]:
    """The process's connection of this id, for the time of the block; the last one out closes it."""
    connections = _shared.setdefault(asyncio.get_running_loop(), {})
    shared = connections.setdefault(snowflake_conn_id, SharedConnection(snowflake_conn_id))
    shared.users += 1
    try:
        yield shared
    finally:
        shared.users -= 1
        if shared.users == 0:
            connections.pop(snowflake_conn_id, None)
            await shared.close()
