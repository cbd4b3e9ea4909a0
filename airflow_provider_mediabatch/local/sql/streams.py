"""Reading and consuming streams: what a SELECT from one returns, and when a transaction moves its offset.

A stream returns the changes up to the beginning of the transaction, so that all its statements see the same ones. A
DML statement, CREATE TABLE … AS SELECT and COPY INTO a stage consume it: the offset moves when the transaction is
committed. SELECT alone moves nothing. Source: Snowflake's user guide, page "Introduction to streams", sections "Table
versioning" and "Repeatable read isolation".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported
from airflow_provider_mediabatch.local.session.access import require_file_access, require_privilege
from airflow_provider_mediabatch.local.stores.stages.directory import columns_sql
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.session.session import Session
    from airflow_provider_mediabatch.local.sql.resolve_names import NameResolver
    from airflow_provider_mediabatch.local.stores.stages.streams import Stream

_FILE = ("size", "mtime_ns", "md5", "etag")


def query(ctx: Context, name: tuple[str, str, str]) -> str | None:
    """A stream as a DuckDB query: the directory table's columns and METADATA$ACTION, METADATA$ISUPDATE,
    METADATA$ROW_ID.

    A file that was overwritten is a DELETE and an INSERT. METADATA$ROW_ID is empty: Snowflake's page "CREATE STREAM",
    section "Usage notes".

    :return: None where there is no stream of that name.
    :raises SnowflakeError: for a missing privilege, a stale stream, a directory table that was disabled.
    """
    stream = ctx.stores.stages.streams.find(name)
    if stream is None:
        return None
    require_privilege(ctx, "SELECT", "STREAM", stream.full_name)
    stage = ctx.stores.stages.streams.readable_source(stream)
    require_file_access(ctx, stage)
    old, new = of(ctx.session).read(ctx, stream)
    changes = f"{_changes('INSERT', new, old)} UNION ALL {_changes('DELETE', old, new)}"
    return (
        f'SELECT {columns_sql(ctx.stores.links.stage_url(stage))}, action AS "METADATA$ACTION", '
        f'is_update AS "METADATA$ISUPDATE", \'\' AS "METADATA$ROW_ID" FROM ({changes}) AS mb_changes'
    )


def _changes(action: str, these: Path, others: Path) -> str:
    """The files of one directory table that the other one does not have so, with the action that they stand for."""
    mine, theirs = (f"({', '.join(f'{side}.{column}' for column in _FILE)})" for side in ("a", "b"))
    return (
        f"SELECT a.*, '{action}' AS action, b.path IS NOT NULL AS is_update "
        f"FROM read_parquet({text_literal(str(these))}) AS a "
        f"LEFT JOIN read_parquet({text_literal(str(others))}) AS b ON a.path = b.path "
        f"WHERE b.path IS NULL OR {mine} IS DISTINCT FROM {theirs}"
    )


def replace_by_stream(names: NameResolver, table: exp.Table) -> bool:
    """Put the stream of a table reference's name in its place; False where there is none of that name."""
    found = query(names.ctx, names.ctx.qualify(tuple(part.name for part in table.parts)))
    if found is None:
        return False
    if names.constants.deferred:
        raise not_supported("a stream in a view")
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
    table.replace(names.relation(found, alias))
    return True


def of(session: Session) -> StreamReads:
    """What the session's transaction has read of streams."""
    found = session.temporary.get("streams")
    if found is None:
        found = session.temporary["streams"] = StreamReads(session)
    reads: StreamReads = found
    return reads


class StreamReads:
    """The streams of one transaction: where each begins and ends in it, and which it consumes.

    :param session: whose transaction it is.
    """

    def __init__(self, session: Session) -> None:
        self._streams = session.stores.stages.streams
        self._pinned: dict[str, tuple[Path, Path]] = {}
        self._read: tuple[str, set[str]] = ("", set())
        self._consumed: set[str] = set()

    def begin(self) -> None:
        """A transaction begins: what streams return in it is what they have now."""
        self.end()
        for stream in self._streams.all():
            with contextlib.suppress(SnowflakeError):  # one that is stale, or gone by now, fails when it is read
                self._pin(stream)

    def read(self, ctx: Context, stream: Stream) -> tuple[Path, Path]:
        """Note that a statement reads a stream; the two directory tables whose difference it is to return."""
        if self._read[0] != ctx.query_id:
            self._read = (ctx.query_id, set())
        self._read[1].add(stream.id)
        return self._pin(stream)

    @contextlib.contextmanager
    def consuming(self, ctx: Context, *, commits: bool) -> Iterator[None]:
        """Around a statement that consumes the streams that it reads.

        :param commits: it is a transaction of its own.
        :raises SnowflakeError: 000002 when another session has consumed one of them meanwhile.
        """
        read = self._read[1] if self._read[0] == ctx.query_id else set()
        if not read:
            yield
            return
        with self._streams.lock:
            self._check(read)
            yield
            self._consumed |= read
            if commits:
                self._advance()

    @contextlib.contextmanager
    def committing(self) -> Iterator[None]:
        """Around a transaction's COMMIT, which moves the offsets.

        :raises SnowflakeError: 000002 when another session has consumed one of them meanwhile.
        """
        if not self._consumed:
            yield
            return
        with self._streams.lock:
            self._check(self._consumed)
            yield
            self._advance()

    def end(self) -> None:
        """The transaction, or a statement outside of any, is over."""
        for pinned in self._pinned.values():
            self._streams.unpin(pinned)
        self._pinned.clear()
        self._consumed.clear()
        self._read = ("", set())

    def _pin(self, stream: Stream) -> tuple[Path, Path]:
        if stream.id not in self._pinned:
            self._pinned[stream.id] = self._streams.pin(stream)
        return self._pinned[stream.id]

    def _check(self, streams: set[str]) -> None:
        for stream in streams:
            self._streams.check_unmoved(stream, self._pinned[stream])

    def _advance(self) -> None:
        for stream in self._consumed:
            self._streams.advance(stream, self._pinned[stream])
        self._consumed.clear()
