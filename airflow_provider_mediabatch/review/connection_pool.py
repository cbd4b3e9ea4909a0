"""The review page's Snowflake connections, one for each Airflow connection.

The page reads with the credentials of the task's own Airflow connection, inside the API server. A login takes longer
than a page, so each connection stays open. The connector does not support several threads on one connection, so one
request at a time uses it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

T = TypeVar("T")

IDLE_SECONDS = 900
STATEMENT_SECONDS = 60


class ConnectionUnknownError(Exception):
    """Airflow does not know which connection a task used."""


class ConnectionBusyError(Exception):
    """The statements of other readers did not finish in time."""


class _PooledConnection:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: SnowflakeConnection | None = None
        self.used = 0.0


class ConnectionPool:
    """The open connections of this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._by_conn_id: dict[str, _PooledConnection] = {}

    def run(self, conn_id: str | None, work: Callable[[SnowflakeConnection], T]) -> T:
        """Call ``work`` with the open connection, after a login where none is open.

        When the session has expired or its server is gone, the pool logs in again and repeats ``work`` once, so
        ``work`` must only read.

        :param conn_id: an Airflow connection of type ``snowflake``. None is refused.
        :param work: what to do. It must only read.
        :return: what ``work`` returned.
        :raises ConnectionUnknownError: ``conn_id`` is None.
        :raises ConnectionBusyError: other readers used the connection for 60 seconds.
        """
        from snowflake.connector.errors import DatabaseError, InterfaceError, OperationalError, ProgrammingError

        if conn_id is None:
            raise ConnectionUnknownError("Airflow does not know any more which connection this task used")
        with self._guard:
            pooled = self._by_conn_id.setdefault(conn_id, _PooledConnection())
        if not pooled.lock.acquire(timeout=STATEMENT_SECONDS):
            raise ConnectionBusyError(conn_id)
        try:
            fresh = self._open(conn_id, pooled)
            assert pooled.connection is not None
            try:
                return work(pooled.connection)
            except (DatabaseError, InterfaceError, OperationalError) as error:
                # An error of the statement itself is an answer. A lost server or an expired session (3901xx to
                # 3903xx) may be due to the connection's age.
                ended = not isinstance(error, ProgrammingError) or 390100 <= (error.errno or 0) < 390400
                if fresh or not ended:
                    raise
                self._close(pooled)
                self._open(conn_id, pooled)
                return work(pooled.connection)
        finally:
            pooled.used = time.monotonic()
            pooled.lock.release()

    def _open(self, conn_id: str, pooled: _PooledConnection) -> bool:
        if pooled.connection is not None and time.monotonic() - pooled.used > IDLE_SECONDS:
            self._close(pooled)
        if pooled.connection is not None:
            return False
        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        hook = MediaBatchHook(
            snowflake_conn_id=conn_id,
            session_parameters={"QUERY_TAG": "mediabatch review", "STATEMENT_TIMEOUT_IN_SECONDS": STATEMENT_SECONDS},
        )
        pooled.connection = hook.get_conn()
        return True

    @staticmethod
    def _close(pooled: _PooledConnection) -> None:
        connection, pooled.connection = pooled.connection, None
        if connection is not None:
            # The session is no longer used, so it does not matter whether the server receives this.
            with suppress(Exception):
                connection.close()
