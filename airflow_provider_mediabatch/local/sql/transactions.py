"""A session's transaction: Snowflake's READ COMMITTED over DuckDB's snapshots.

In Snowflake every statement sees what was committed before it began, even inside a transaction. A DuckDB transaction
sees what was committed before its first statement. Two things bridge that:

- the DuckDB transaction begins at the first statement that writes, after the table's lock is held;
- when another session has since changed a table that a statement reads or writes, or a statement failed (which ends a
  DuckDB transaction), the DuckDB transaction is begun again and the writes so far, whose locks are still held, are
  done again.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.sql import streams

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.session.session import Session

log = logging.getLogger(__name__)

Key = tuple[str, str]
Work = Callable[[duckdb.DuckDBPyConnection], int]
Action = Callable[[duckdb.DuckDBPyConnection], object]
_LOADS = "loads"
_RETRIES = 50
_ids = itertools.count(time.time_ns())  # one transaction of this engine has no other's id, of an earlier run neither


def of(session: Session) -> Transaction:
    """The session's transaction; there is always one, open or not."""
    found = session.temporary.get("transaction")
    if found is None:
        found = session.temporary["transaction"] = Transaction(session)
        session.on_close.append(found.rollback)
    transaction: Transaction = found
    return transaction


class Transaction:
    """See the module's text.

    :ivar explicit: begun by BEGIN, so AUTOCOMMIT does not end it.
    :ivar id: of the transaction that is open, or of the next one.
    :ivar last: the id of the last one that ended; None before.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.explicit = False
        self.id = next(_ids)
        self.last: int | None = None
        self._done: list[tuple[Work, set[Key], bool]] = []
        self._snapshot: int | None = None
        self._held: dict[str, tuple[Action, Action]] = {}
        self._afterwards: list[Callable[[], None]] = []
        self._aborted = False

    @property
    def collecting(self) -> bool:
        """Whether writes wait for a COMMIT."""
        return self.explicit or not self.session.parameters.get("AUTOCOMMIT", True)

    @property
    def is_open(self) -> bool:
        """Whether there is a transaction: after BEGIN, and after a write with AUTOCOMMIT = FALSE."""
        return self.explicit or (self.collecting and bool(self._done))

    def register(self, name: str, rows: pa.Table) -> None:
        """Make rows a relation of the session's DuckDB connection until the transaction ends.

        Writes may be repeated until then, and need what they read from.
        """
        self.hold(name, lambda connection: connection.register(name, rows), lambda c: c.unregister(name))

    def hold(self, name: str, make: Action, drop: Action) -> None:
        """Have something on the session's DuckDB connection until the transaction ends.

        :param make: makes it, again after a rollback of DuckDB's transaction, with which it goes.
        :param drop: drops it.
        """
        self._held[name] = (make, drop)
        make(self.session.duckdb)

    def abort_if_idle(self, seconds: float) -> bool:
        """Roll back when no statement of the session has run for ``seconds``; whether it was rolled back.

        Called by the statement of another session that waits for a lock of this one.
        """
        session = self.session
        if not session.lock.acquire(blocking=False):
            return False
        try:
            if session.active or time.monotonic() - session.idle_since < seconds:
                return False
            log.info(
                "session %d: its transaction blocked another one and was idle for %g s: aborted", session.id, seconds
            )
            self.rollback()
            self._aborted = True
            return True
        finally:
            session.lock.release()

    def raise_if_aborted(self) -> None:
        """Answer the first statement after an abort, which must not take effect outside its transaction.

        :raises SnowflakeError: 000615, the number and text that clients report for it
            (snowflakedb/snowflake-connector-net, issue 560).
        """
        if self._aborted:
            self._aborted = False
            raise SnowflakeError(
                615,
                "57014",
                f"Transaction '{self.last}' was aborted, SQL execution canceled: it was idle and blocked others",
            )

    def before_read(self, reads: set[Key]) -> None:
        """Make what a SELECT is to see visible."""
        if self._done and (self._snapshot is None or self.session.stores.storage.changed_since(self._snapshot, reads)):
            self._again()

    def after_read(self) -> None:
        """Let go of what a statement read from, unless a write that may be repeated needs it."""
        if not self._done:
            self._clean()

    def after_failure(self) -> None:
        """A failed statement spoils DuckDB's transaction, whose COMMIT then keeps nothing; Snowflake's goes on."""
        if not self.collecting:
            streams.of(self.session).end()
        if self._snapshot is not None:
            try:
                self.session.duckdb.execute("SELECT 1")
            except duckdb.Error:
                self._abandon()

    def write(
        self, ctx: Context, work: Work, *, targets: set[Key], reads: set[Key], exclusive: bool, repeatable: bool = True
    ) -> int:
        """Do one DML statement.

        :param work: executes it on a DuckDB connection and returns the rows that it changed.
        :param targets: the tables that it changes.
        :param reads: the tables that it reads.
        :param exclusive: take the tables' locks (UPDATE, DELETE, MERGE); INSERT does not.
        :param repeatable: doing it again gives the same rows (it calls no RANDOM or UUID_STRING).
        :returns: rows changed.
        """
        stores = self.session.stores
        for target in sorted(targets) if exclusive else ():
            self._lock(ctx, target)
        if not self.collecting:
            try:
                with streams.of(self.session).consuming(ctx, commits=True):
                    return self._alone(work, targets)
            finally:
                stores.locks.release(self)
                self._clean()
                self._next()
        concerned = reads | targets if exclusive else reads
        if self._snapshot is None or stores.storage.changed_since(self._snapshot, concerned):
            self._again()
        try:
            with streams.of(self.session).consuming(ctx, commits=False):
                count = work(self.session.duckdb)
        except BaseException:
            # DuckDB's transaction is spoilt; Snowflake's goes on without the failed statement.
            self._abandon()
            raise
        self._done.append((work, set(targets), repeatable))
        return count

    @contextlib.contextmanager
    def loading(self, ctx: Context, target: Key) -> Iterator[None]:
        """Around COPY INTO a table and TRUNCATE, which read or write what was loaded into it: one at a time.

        The lock is another one than that of UPDATE, because COPY waits for none. A transaction that is open holds it
        until it ends.
        """
        self._lock(ctx, (*target, _LOADS))
        try:
            self.before_read({target})
            yield
        finally:
            if not self.is_open:
                self.session.stores.locks.release(self)

    def _lock(self, ctx: Context, key: tuple[str, ...]) -> None:
        """Take a lock, until the transaction ends; a temporary table needs none.

        :raises SnowflakeError: as :meth:`.Locks.acquire`.
        """
        if key[0] == "temp":
            return
        timeout = float(self.session.parameters.get("LOCK_TIMEOUT", 43200))
        try:
            self.session.stores.locks.acquire(key, self, statement=ctx.query_id, timeout=timeout, stop=ctx.cancelled)
        except SnowflakeError as error:
            if error.code == 57:
                self.rollback()
            raise

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something when what was written is committed: now, or with the COMMIT of an open transaction.

        :param action: it must not fail; after a rollback it is not called.
        """
        if self.is_open:
            self._afterwards.append(action)
        else:
            action()

    def consuming(self, ctx: Context) -> contextlib.AbstractContextManager[None]:
        """Around a COPY INTO a stage, which consumes the streams that it reads."""
        return streams.of(self.session).consuming(ctx, commits=not self.collecting)

    def begin(self) -> None:
        """Begin a transaction that AUTOCOMMIT does not end."""
        if not self.explicit:
            streams.of(self.session).begin()
        self.explicit = True

    def commit(self, *, keep: bool = False) -> None:
        """Commit and release the locks. Without a transaction nothing happens, as in Snowflake.

        :param keep: what the statement at hand reads from stays.
        """
        try:
            with streams.of(self.session).committing():
                if self._done:
                    self._commit()
            for action in self._afterwards:
                action()
        finally:
            self._end(keep=keep)

    def step_aside(self) -> None:
        """Leave DuckDB's connection to DDL that does not end the transaction. Its writes are repeated afterwards."""
        self._abandon()

    def check_beside(self, statement: str, concerned: set[Key]) -> None:
        """Check that DDL can go before writes of the open transaction although it came after them.

        :param statement: of DuckDB.
        :param concerned: the tables that it is about.
        :raises SnowflakeError: by name, for what reads rows, drops, or is about a table that was written to.
        """
        written = {key for _, keys, _ in self._done for key in keys}
        if written and (not statement.startswith(("CREATE", "COMMENT")) or written & concerned):
            raise not_supported("DDL of a temporary table that is filled or dropped inside a transaction with changes")

    def rollback(self) -> None:
        """Undo what the transaction wrote, and release its locks."""
        self._aborted = False
        self._end()

    def _commit(self) -> None:
        for attempt in range(_RETRIES):
            try:
                if self._snapshot is None:
                    self._again()
                self.session.duckdb.execute("COMMIT")
                self._snapshot = None
                break
            except duckdb.TransactionException as conflict:
                self._abandon()
                if attempt == _RETRIES - 1:
                    raise SnowflakeError(625, "40001", f"The transaction could not be committed: {conflict}") from None
                time.sleep(random.uniform(0, 0.01 * (attempt + 1)))
        self.session.stores.storage.committed({key for _, keys, _ in self._done for key in keys})

    def _alone(self, work: Work, targets: set[Key]) -> int:
        """Do a statement that is a transaction of its own, all of its parts or none."""
        connection = self.session.duckdb
        for attempt in range(_RETRIES):
            connection.execute("BEGIN TRANSACTION")
            try:
                count = work(connection)
                connection.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(duckdb.Error):  # a failed COMMIT has rolled back already
                    connection.execute("ROLLBACK")
                if not isinstance(error, duckdb.TransactionException) or attempt == _RETRIES - 1:
                    raise
                time.sleep(random.uniform(0, 0.01 * (attempt + 1)))
                continue
            self.session.stores.storage.committed(targets)
            return count
        raise AssertionError("unreachable")

    def _again(self) -> None:
        """Begin a new DuckDB transaction and repeat the writes so far in it."""
        if not all(repeatable for _, _, repeatable in self._done):
            self.rollback()
            raise SnowflakeError(
                625,
                "40001",
                "The transaction was rolled back: another session changed a table that it reads, and a statement "
                "in it that calls a random function cannot be repeated by the local engine.",
            )
        self._abandon()
        # Read before BEGIN: a commit in between only causes one repetition too many.
        sequence = self.session.stores.storage.sequence
        self.session.duckdb.execute("BEGIN TRANSACTION")
        self._snapshot = sequence
        for work, _, _ in self._done:
            work(self.session.duckdb)

    def _abandon(self) -> None:
        if self._snapshot is not None:
            self._snapshot = None
            try:
                self.session.duckdb.execute("ROLLBACK")
            except duckdb.Error:
                log.debug("nothing to roll back", exc_info=True)
            # What was registered inside the transaction went with it.
            for make, drop in self._held.values():
                with contextlib.suppress(duckdb.Error):
                    drop(self.session.duckdb)
                make(self.session.duckdb)

    def _end(self, *, keep: bool = False) -> None:
        # Before the locks: whoever waits for one must not meet rows that are still being undone.
        self._abandon()
        if self.is_open:
            self._next()
        self.explicit = False
        self._done.clear()
        self._afterwards.clear()
        self.session.stores.locks.release(self)
        if not keep:
            self._clean()

    def _next(self) -> None:
        self.last, self.id = self.id, next(_ids)

    def _clean(self) -> None:
        for _, drop in self._held.values():
            with contextlib.suppress(duckdb.Error):
                drop(self.session.duckdb)
        self._held.clear()
        if not self.explicit:
            streams.of(self.session).end()
