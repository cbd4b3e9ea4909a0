"""Table locks, held by a transaction until it ends.

UPDATE, DELETE and MERGE on one table exclude each other; INSERT waits for none of them. A transaction that blocks
another one and has been idle for some time is aborted. Source: Snowflake's documentation on transactions ("Resource
locking", "Aborting transactions"). Locks are kept in this process's memory: nothing that holds one survives it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_provider_mediabatch.local.errors import SnowflakeError, cancelled

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.stores.settings import Settings

Key = tuple[str, ...]
"""DuckDB's schema and table name, and for another lock than that of changes to the table what it is for."""
MAX_WAITERS = 20
"""How many statements may wait for one lock; from the text of Snowflake's error 000625."""


class Owner(Protocol):
    """What holds locks and waits for them: a session's transaction."""

    id: int

    def abort_if_idle(self, seconds: float) -> bool:
        """Roll back when no statement of the session has run for ``seconds``; whether it was rolled back."""


@dataclass(frozen=True)
class Lock:
    """A lock that is held.

    :param owner: the transaction that holds it.
    :param statement: the id of the statement that took it.
    """

    owner: Owner
    statement: str


class Locks:
    """Who holds and who waits for which table.

    :param settings: has the seconds after which an idle transaction that blocks another one is aborted.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._holders: dict[Key, Lock] = {}
        self._waits: dict[Owner, Key] = {}

    def acquire(self, key: Key, owner: Owner, *, statement: str, timeout: float, stop: threading.Event) -> None:
        """Take a table's lock for ``owner``, waiting for its holder's end.

        :param statement: the id of the statement that needs the lock.
        :param timeout: seconds, the session's LOCK_TIMEOUT; 0 does not wait.
        :param stop: set when the client cancels the statement.
        :raises SnowflakeError: 000625 after the time, or at once where :data:`MAX_WAITERS` statements wait already;
            000604 when cancelled; 000057 when waiting would never end.
        """
        deadline = time.monotonic() + timeout
        idle = self._settings.idle_transaction_seconds
        try:
            while (holder := self._take(key, owner, statement, deadline, timeout)) is not None:
                if stop.is_set():
                    raise cancelled()
                holder.abort_if_idle(idle)
        finally:
            with self._changed:
                self._waits.pop(owner, None)

    def _take(self, key: Key, owner: Owner, statement: str, deadline: float, timeout: float) -> Owner | None:
        """Take the lock, or wait a little for it; returns its holder where it is still another transaction's."""
        with self._changed:
            held = self._holders.get(key)
            if held is not None and held.owner is not owner:
                self._begin_waiting(key, owner, held, statement)
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise SnowflakeError(
                        625,
                        "57014",
                        f"Statement was aborted because it waited longer than LOCK_TIMEOUT ({timeout:g} seconds) "
                        f"for the lock on table {key[0]}.{key[1]}, which transaction {held.owner.id} holds.",
                    )
                # Cancelling sets an event and cannot notify, so the event is checked a few times a second.
                self._changed.wait(min(remaining, 0.2))
                held = self._holders.get(key)
            if held is None or held.owner is owner:
                self._holders.setdefault(key, Lock(owner, statement))
                return None
            return held.owner

    def _begin_waiting(self, key: Key, owner: Owner, held: Lock, statement: str) -> None:
        if owner not in self._waits and sum(waited == key for waited in self._waits.values()) >= MAX_WAITERS:
            raise SnowflakeError(
                625,
                "57014",
                f"Statement '{held.statement}' has locked table '{key[1]}' in transaction {held.owner.id} "
                "and this lock has not yet been released.\n"
                f"Your statement '{statement}' was aborted because the number of waiters for this lock exceeds the "
                f"{MAX_WAITERS} statements limit.",
            )
        self._waits[owner] = key
        if self._deadlocked(owner):
            raise SnowflakeError(57, "57014", "Deadlock: the transaction was chosen as its victim and rolled back.")

    def release(self, owner: Owner) -> None:
        """Give back every lock of ``owner``."""
        with self._changed:
            for key in [k for k, lock in self._holders.items() if lock.owner is owner]:
                del self._holders[key]
            self._changed.notify_all()

    def held(self) -> list[tuple[Key, Owner]]:
        """Every lock with its owner, for SHOW LOCKS."""
        with self._changed:
            return [(key, lock.owner) for key, lock in self._holders.items()]

    def awaited(self) -> list[tuple[Key, Owner]]:
        """Every wait for a lock with its transaction, for SHOW LOCKS."""
        with self._changed:
            return [(key, owner) for owner, key in self._waits.items()]

    def _deadlocked(self, owner: Owner) -> bool:
        seen: set[Owner] = set()
        current = owner
        while (key := self._waits.get(current)) is not None and (lock := self._holders.get(key)) is not None:
            current = lock.owner
            if current is owner:
                return True
            if current in seen:
                return False
            seen.add(current)
        return False
