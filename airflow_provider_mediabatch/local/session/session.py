"""A client's session: who it is, where it stands, what is its own."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.local.defaults import ROLE
from airflow_provider_mediabatch.local.stores.tables.table import SessionTables

if TYPE_CHECKING:
    import duckdb

    from airflow_provider_mediabatch.local.session.query import Query
    from airflow_provider_mediabatch.local.stores.stores import Stores
    from airflow_provider_mediabatch.local.stores.tables.table import Table

DEFAULT_PARAMETERS: dict[str, Any] = {
    "AUTOCOMMIT": True,
    "TIMEZONE": "UTC",
    "LOCK_TIMEOUT": 43200,
    "QUERY_TAG": "",
    "STATEMENT_TIMEOUT_IN_SECONDS": 172800,
    "MULTI_STATEMENT_COUNT": 1,
    # From this number of values on, clients upload array binds as files. Source: the connector's test_bindings.py.
    "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 65280,
    "CLIENT_SESSION_KEEP_ALIVE": False,
    "CLIENT_PREFETCH_THREADS": 4,
    "CLIENT_TELEMETRY_ENABLED": False,
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "ARROW",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
    "TIMESTAMP_LTZ_OUTPUT_FORMAT": "",
    "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
    "BINARY_OUTPUT_FORMAT": "HEX",
}


@dataclass(eq=False)
class Session:
    """One login.

    :param stores: what all sessions share.
    :param user: resolved user name.
    :param role: resolved current role.
    :param secondary_roles: whether all roles of the user count besides the current one (USE SECONDARY ROLES ALL).
    :param database: resolved current database, or None.
    :param schema: resolved current schema, or None.
    :param warehouse: resolved current warehouse, or None.
    :param parameters: session parameters by upper-case name (ALTER SESSION SET).
    :param variables: session variables by upper-case name (SET).
    :param temporary_tables: the session's own tables by (database, schema, name).
    :param temporary: other things that vanish with the session, by keys that their users choose.
    :param on_close: called in this order when the session ends.
    :param active: statements that were accepted and have not ended.
    :param idle_since: when the last statement ended, on the monotonic clock.
    :param lock: held while a statement uses the session; statements of one session run one after the other.
    """

    stores: Stores
    user: str
    role: str
    secondary_roles: bool = False
    database: str | None = None
    schema: str | None = None
    warehouse: str | None = None
    parameters: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_PARAMETERS))
    variables: dict[str, Any] = field(default_factory=dict)
    temporary_tables: dict[tuple[str, str, str], Table] = field(default_factory=dict)
    temporary: dict[Any, Any] = field(default_factory=dict)
    on_close: list[Callable[[], None]] = field(default_factory=list)
    id: int = field(default_factory=lambda: secrets.randbits(47))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    master_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    lock: threading.RLock = field(default_factory=threading.RLock)
    last_used: float = field(default_factory=time.monotonic)
    last_query_id: str | None = None
    current: Query | None = None
    active: int = 0
    idle_since: float = field(default_factory=time.monotonic)
    closed: bool = False
    _duckdb: duckdb.DuckDBPyConnection | None = None

    @property
    def acting_role(self) -> str:
        """The role whose privileges count: with secondary roles that of the engine's user who may do everything."""
        return ROLE if self.secondary_roles else self.role

    @property
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """The session's own DuckDB connection, opened at its first use: most pollers never need one."""
        if self._duckdb is None:
            self._duckdb = self.stores.storage.connect()
        return self._duckdb

    @property
    def tables(self) -> SessionTables:
        """The tables and views that this session sees."""
        return SessionTables(self.duckdb, self.temporary_tables)

    def interrupt(self) -> None:
        """Stop what DuckDB is doing for this session, if anything."""
        if self._duckdb is not None:
            self._duckdb.interrupt()

    def close_connection(self) -> None:
        """Roll back what is open and give the DuckDB connection up. Called when no statement runs any more."""
        if self._duckdb is not None:
            self._duckdb.close()
            self._duckdb = None


_IDLE_SECONDS = 4 * 3600.0


class Sessions:
    """The sessions that are logged in, by their tokens."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self._by_token: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, user: str, role: str) -> Session:
        """A new session. Idle ones of clients that vanished without a word are closed on the way."""
        session = Session(self.stores, user, role)
        with self._lock:
            oldest = time.monotonic() - _IDLE_SECONDS
            idle = [s for s in set(self._by_token.values()) if s.last_used < oldest and not s.active]
            self._by_token[session.token] = self._by_token[session.master_token] = session
        for forgotten in idle:
            self.close(forgotten)
        return session

    def detached(self, user: str, role: str) -> Session:
        """A session that no client holds, for work that goes on after a restart."""
        session = Session(self.stores, user, role)
        session.closed = True
        return session

    def get(self, token: str, *, master: bool = False) -> Session | None:
        """The session of a token, or None when it is unknown (closed, or of an engine that ran before this one)."""
        session = self._by_token.get(token)
        if session is None or token != (session.master_token if master else session.token):
            return None
        session.last_used = time.monotonic()
        return session

    def expire(self, session: Session) -> None:
        """Make the session's token void; its master token still renews it."""
        with self._lock:
            self._by_token.pop(session.token, None)

    def renew(self, session: Session) -> None:
        """Give the session a new token; the old one is void."""
        with self._lock:
            self._by_token.pop(session.token, None)
            session.token = secrets.token_urlsafe(32)
            self._by_token[session.token] = session

    def close(self, session: Session) -> None:
        """Log out. What is the session's own goes when its last statement has ended: asynchronous ones run on."""
        with self._lock:
            self._by_token.pop(session.token, None)
            self._by_token.pop(session.master_token, None)
            session.closed = True
            idle = session.active == 0
        if idle:
            self._discard(session)

    def statement_began(self, session: Session) -> None:
        """Note that a statement of the session was accepted: until its end the session's own things stay."""
        with self._lock:
            session.active += 1

    def statement_ended(self, session: Session) -> None:
        """Note that one of the session's statements is over."""
        with self._lock:
            session.idle_since = time.monotonic()
            session.active -= 1
            idle = session.closed and session.active == 0
        if idle:
            self._discard(session)

    def _discard(self, session: Session) -> None:
        with session.lock:
            for action in session.on_close:
                action()
            self.stores.stages.session_closed(session.id)
            session.close_connection()
