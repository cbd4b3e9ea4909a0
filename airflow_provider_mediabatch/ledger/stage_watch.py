"""Looking at a stage for new files, cheaply: LIST needs no warehouse and its rows are streamed, not kept.

Only where the ledger decides what is new is a query run (and a warehouse used): a listing joined with it on the server.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_mediabatch.files import listing, listing_sql
from airflow_provider_mediabatch.files.listing_sql import Source
from airflow_provider_mediabatch.files.selection import Window
from airflow_provider_mediabatch.hooks.mediabatch import rows
from airflow_provider_mediabatch.ledger import ledger_sql

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.stage_path import StagePath
    from airflow_provider_mediabatch.ledger.ledger import Ledger


class File(NamedTuple):
    """A listed file: its name as LIST gives it, bytes, last modification in epoch seconds."""

    name: str
    size: int
    modified: float


@dataclass(frozen=True)
class Seen:
    """What a look found.

    :param files: new files.
    :param size: their bytes.
    :param age: seconds since the newest was last modified, by the server's clock; None without files.
    """

    files: int
    size: int
    age: float | None


def server_clock(connection: SnowflakeConnection) -> float:
    """How many seconds the server's clock is ahead of this machine's."""
    before = time.time()
    moment = rows(connection, "SELECT SYSDATE() AS MOMENT")[0]["MOMENT"]
    return float(moment.replace(tzinfo=UTC).timestamp()) - (before + time.time()) / 2


def files(connection: SnowflakeConnection, path: StagePath, *, after: float | None = None) -> Iterator[File]:
    """The files below a path that are not empty, one by one.

    :param after: only files last modified at or after this moment (epoch seconds).
    """
    with connection.cursor() as cursor:
        cursor.execute(f"LIST {path.reference}")
        for name, size, _, modified in cursor:
            moment = parsedate_to_datetime(modified).timestamp() if isinstance(modified, str) else modified.timestamp()
            if int(size) > 0 and (after is None or moment >= after):
                yield File(str(name), int(size), moment)


def look(
    connection: SnowflakeConnection, path: StagePath, pattern: str | None, *, window: Window, clock: float
) -> Seen:
    """New files by time alone: no warehouse.

    :param window: which files are new.
    :param clock: :func:`server_clock`.
    """
    now = time.time() + clock
    after = window.start.timestamp() if window.start else None
    if window.newest is not None:
        after = max(after or 0.0, now - window.newest.total_seconds())
    matches = re.compile(pattern, re.DOTALL).fullmatch if pattern else None
    count, size, newest = 0, 0, 0.0
    for file in files(connection, path, after=after):
        if matches is None or matches(file.name):
            count, size, newest = count + 1, size + file.size, max(newest, file.modified)
    return Seen(count, size, now - newest if count else None)


def look_ledger(
    connection: SnowflakeConnection,
    source: Source,
    ledger: Ledger,
    *,
    model: str,
    version: str,
    function: str,
    window: Window,
) -> Seen:
    """Files that the ledger has neither as done nor quarantined nor claimed, counted on the server.

    :param source: stage path and pattern.
    :param ledger: the ledger; a table that is not there yet has nothing as done.
    """
    url = listing.stage_url(listing.describe_stage(connection, source.path))
    placed = Source(source.column, source.path, source.pattern, url)
    query_id = listing.run_async(connection, [placed.list_statement()])[0]
    relation = listing_sql.listing([placed], placed.files(query_id, directory=False), "TRUE").where(
        window.conditions("MB_LAST_MODIFIED")
    )
    if ledger.exists():
        subject = ledger_sql.key(model, version, function)
        query = ledger_sql.free(relation, ledger.table, subject)
    else:
        query = relation.query
    row = rows(
        connection,
        "SELECT COUNT(*) AS FILES, COALESCE(SUM(MB_SIZE), 0) AS BYTES, "
        f"DATEDIFF(second, MAX(MB_LAST_MODIFIED), SYSDATE()) AS AGE FROM ({query})",
    )[0]
    return Seen(int(row["FILES"]), int(row["BYTES"]), None if row["AGE"] is None else float(row["AGE"]))


def moment(epoch: float) -> str:
    """Epoch seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(epoch, UTC).isoformat()
