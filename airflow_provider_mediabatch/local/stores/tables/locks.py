"""Table locks, held by a transaction until it ends.

UPDATE, DELETE and MERGE on one table exclude each other; INSERT waits for none of them. Source: Snowflake's
documentation on transactions and resource locking. Locks live in this process's memory: nothing that holds one
survives it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from airflow_provider_mediabatch.local.errors import SnowflakeError, cancelled

Key = tuple[str, str]


class Locks:
    """Who holds and who waits for which table."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[Key, Any] = {}
        self._waits: dict[Any, Key] = {}

    def acquire(self, key: Key, owner: Any, *, timeout: float, stop: threading.Event) -> None:
        """Take a table's lock for ``owner`` (a session's transaction), waiting for its holder's end.

        :param timeout: seconds, the session's LOCK_TIMEOUT; 0 does not wait.
        :param stop: set when the client cancels the statement.
        :raises SnowflakeError: 000625 after the time, 000604 when cancelled, 000057 when waiting would never end.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            try:
                while (holder := self._holders.get(key)) not in (None, owner):
                    self._waits[owner] = key
                    if self._deadlocked(owner):
                        raise SnowflakeError(
                            57, "57014", "Deadlock: the transaction was chosen as its victim and rolled back."
                        )
                    remaining = deadline - time.monotonic()
                    if remaining <= 0:
                        raise SnowflakeError(
                            625,
                            "57014",
                            f"Statement was aborted because it waited longer than LOCK_TIMEOUT ({timeout:g} seconds) "
                            f"for the lock on table {key[0]}.{key[1]}, which transaction {id(holder)} holds.",
                        )
                    # Cancelling sets an event and cannot notify, so the event is checked a few times a second.
                    self._changed.wait(min(remaining, 0.2))
                    if stop.is_set():
                        raise cancelled()
                self._holders[key] = owner
            finally:
                self._waits.pop(owner, None)

    def release(self, owner: Any) -> None:
        """Give back every lock of ``owner``."""
        with self._changed:
            for key in [k for k, holder in self._holders.items() if holder is owner]:
                del self._holders[key]
            self._changed.notify_all()

    def held(self) -> list[tuple[Key, Any]]:
        """Every lock with its owner, for SHOW LOCKS."""
        with self._changed:
            return list(self._holders.items())

    def _deadlocked(self, owner: Any) -> bool:
        seen, current = set(), owner
        while (key := self._waits.get(current)) is not None:
            current = self._holders.get(key)
            if current is owner:
                return True
            if current is None or current in seen:
                return False
            seen.add(current)
        return False
