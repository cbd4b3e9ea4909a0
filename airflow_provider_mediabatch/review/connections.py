"""Snowflake connections of the review page: one for each Airflow connection, kept open, used by one request at a time.

The page reads with the credentials of the task's own Airflow connection, inside the API server. A connection of the
connector is not made for several threads at once, and a login takes longer than a page, so each is shared behind a
lock.
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


class BusyError(Exception):
    """Other readers' statements have not finished in time."""


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: SnowflakeConnection | None = None
        self.used = 0.0


class Connections:
    """The open connections of this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._shared: dict[str, _Shared] = {}

    def run(self, conn_id: str, work: Callable[[SnowflakeConnection], T]) -> T:
        """Do ``work`` with the connection's own session, logging in when needed.

        A session that has expired or whose server has gone is opened anew, once; ``work`` must only read.

        :param conn_id: an Airflow connection of type ``snowflake``.
        :raises BusyError: nobody let go of the connection within 60 seconds.
        """
        from snowflake.connector.errors import DatabaseError, InterfaceError, OperationalError, ProgrammingError

        with self._guard:
            shared = self._shared.setdefault(conn_id, _Shared())
        if not shared.lock.acquire(timeout=STATEMENT_SECONDS):
            raise BusyError(conn_id)
        try:
            fresh = self._open(conn_id, shared)
            assert shared.connection is not None
            try:
                return work(shared.connection)
            except (DatabaseError, InterfaceError, OperationalError) as error:
                # A statement's own error is an answer; a lost server or a session's end (3901xx to 3903xx) may be its
                # age.
                ended = not isinstance(error, ProgrammingError) or 390100 <= (error.errno or 0) < 390400
                if fresh or not ended:
                    raise
                self._close(shared)
                self._open(conn_id, shared)
                return work(shared.connection)
        finally:
            shared.used = time.monotonic()
            shared.lock.release()

    def _open(self, conn_id: str, shared: _Shared) -> bool:
        if shared.connection is not None and time.monotonic() - shared.used > IDLE_SECONDS:
            self._close(shared)
        if shared.connection is not None:
            return False
        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        hook = MediaBatchHook(
            snowflake_conn_id=conn_id,
            session_parameters={"QUERY_TAG": "mediabatch review", "STATEMENT_TIMEOUT_IN_SECONDS": STATEMENT_SECONDS},
        )
        shared.connection = hook.get_conn()
        return True

    @staticmethod
    def _close(shared: _Shared) -> None:
        connection, shared.connection = shared.connection, None
        if connection is not None:
            # The session is being given up: whether the server hears of it does not matter.
            with suppress(Exception):
                connection.close()
