"""The review page's Snowflake connections, one for each Airflow connection.

The page reads with the credentials of the task's own Airflow connection, inside the API server. A login takes longer
than a page, so each connection stays open. The connector does not support several threads on one connection, so one
request at a time uses it. All waiting has short limits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

T = TypeVar("T")

IDLE_SECONDS = 900
STATEMENT_SECONDS = 15
"""After which Snowflake cancels a statement."""
SOCKET_SECONDS = 16
"""After which the connector gives up an answer that does not come."""
WAIT_SECONDS = 8.0
"""How long a request waits for the requests before it."""
WORK_SECONDS = 20.0
"""After which a request sends no further statement. Its reader has been asked to try again, and others wait."""
PAUSE_SECONDS = 10.0
"""After an answer that did not come, how long requests are refused at once."""


class ConnectionUnknownError(Exception):
    """Airflow does not know which connection a task used."""


class ConnectionBusyError(Exception):
    """The statements of other readers did not finish in time, or Snowflake does not answer now."""


class _TimedConnection:
    """An open connection that takes no further statement once the time of the request that uses it is over."""

    def __init__(self, connection: SnowflakeConnection) -> None:
        self.opened = connection
        self.until = 0.0

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """As the connection's own."""
        if time.monotonic() > self.until:
            raise ConnectionBusyError("Snowflake answers slowly, and the time for this page is over. Try again")
        return self.opened.cursor(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.opened, name)


class _PooledConnection:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: _TimedConnection | None = None
        self.used = 0.0
        self.paused_until = 0.0


class ConnectionPool:
    """The open connections of this process.

    :param seconds: how long a request may send statements.
    """

    def __init__(self, *, seconds: float = WORK_SECONDS) -> None:
        self._seconds = seconds
        self._guard = threading.Lock()
        self._by_conn_id: dict[str, _PooledConnection] = {}

    def run(self, conn_id: str | None, work: Callable[[SnowflakeConnection], T]) -> T:
        """Call ``work`` with the open connection, after a login where none is open.

        When the session has expired or its server is gone, the pool logs in again and repeats ``work`` once.

        :param conn_id: an Airflow connection of type ``snowflake``. None is refused.
        :param work: what to do. Doing it twice must do no harm.
        :return: what ``work`` returned.
        :raises ConnectionUnknownError: ``conn_id`` is None.
        :raises ConnectionBusyError: other readers use the connection, Snowflake did not answer a moment ago, or it is
            so slow that the time of the request is over.
        """
        if conn_id is None:
            raise ConnectionUnknownError("Airflow does not know any more which connection this task used")
        with self._guard:
            pooled = self._by_conn_id.setdefault(conn_id, _PooledConnection())
        if time.monotonic() < pooled.paused_until or not pooled.lock.acquire(timeout=WAIT_SECONDS):
            raise ConnectionBusyError("Snowflake does not answer, or other readers are waiting for it. Try again")
        try:
            if time.monotonic() < pooled.paused_until:
                raise ConnectionBusyError("Snowflake does not answer. Try again")
            return self._run(conn_id, pooled, work)
        finally:
            pooled.used = time.monotonic()
            pooled.lock.release()

    def _run(self, conn_id: str, pooled: _PooledConnection, work: Callable[[SnowflakeConnection], T]) -> T:
        from snowflake.connector.errors import DatabaseError, InterfaceError, OperationalError, ProgrammingError

        begun, fresh = time.monotonic(), True
        try:
            fresh = self._open(conn_id, pooled)
            return self._timed(pooled, begun, work)
        except (DatabaseError, InterfaceError, OperationalError) as error:
            # An error of the statement itself is an answer. A lost server or an expired session (3901xx to 3903xx) may
            # be due to the connection's age.
            ended = not isinstance(error, ProgrammingError) or 390100 <= (error.errno or 0) < 390400
            if not ended:
                raise
            self._close(pooled)
            if time.monotonic() - begun >= STATEMENT_SECONDS:
                pooled.paused_until = time.monotonic() + PAUSE_SECONDS
                raise
            if fresh:
                raise
        self._open(conn_id, pooled)
        return self._timed(pooled, begun, work)

    def _timed(self, pooled: _PooledConnection, begun: float, work: Callable[[SnowflakeConnection], T]) -> T:
        assert pooled.connection is not None
        pooled.connection.until = begun + self._seconds
        return work(cast("SnowflakeConnection", pooled.connection))

    def _open(self, conn_id: str, pooled: _PooledConnection) -> bool:
        """Log in where there is no open connection; whether that was so."""
        if pooled.connection is not None and time.monotonic() - pooled.used > IDLE_SECONDS:
            self._close(pooled)
        if pooled.connection is not None:
            return False
        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        hook = MediaBatchHook(
            snowflake_conn_id=conn_id,
            network_timeout=SOCKET_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            session_parameters={"QUERY_TAG": "mediabatch review", "STATEMENT_TIMEOUT_IN_SECONDS": STATEMENT_SECONDS},
        )
        pooled.connection = _TimedConnection(hook.get_conn())
        return True

    @staticmethod
    def _close(pooled: _PooledConnection) -> None:
        connection, pooled.connection = pooled.connection, None
        if connection is not None:
            # The server may be what does not answer, and the session is no longer used: nobody waits for its end.
            closing = (connection.opened,)
            threading.Thread(target=_close_quietly, args=closing, name="mediabatch-close", daemon=True).start()


def _close_quietly(connection: SnowflakeConnection) -> None:
    with suppress(Exception):
        connection.close()
