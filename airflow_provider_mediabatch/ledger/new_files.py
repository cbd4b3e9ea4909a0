"""Counting new files on a stage, cheaply: LIST needs no warehouse, and its rows are streamed and not kept.

Only where the ledger decides what is new is a query run, and a warehouse used: a listing joined with it on the server.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_mediabatch.client.connection import rows, run_async, server_time
from airflow_provider_mediabatch.client.stages import describe_stage, list_time
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.selection import Window
from airflow_provider_mediabatch.files.stage_listing import listed_rows
from airflow_provider_mediabatch.ledger import claim_statements
from airflow_provider_mediabatch.ledger.stage_watermark import name_matcher

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.stage_path import StagePath
    from airflow_provider_mediabatch.ledger.claims import LedgerSubject
    from airflow_provider_mediabatch.ledger.ledger import Ledger


class StageFile(NamedTuple):
    """A listed file: its name as LIST gives it, bytes, last modification in epoch seconds."""

    name: str
    size: int
    modified: float


@dataclass(frozen=True)
class NewFiles:
    """The new files on a stage at one time.

    :param count: how many there are.
    :param size: their bytes.
    :param newest: seconds since the newest was last modified, by the server's clock; None without files.
    :param oldest: the same of the oldest.
    """

    count: int
    size: int
    newest: float | None
    oldest: float | None


def server_clock(connection: SnowflakeConnection) -> float:
    """How many seconds the server's clock is ahead of this machine's."""
    before = time.time()
    return server_time(connection).timestamp() - (before + time.time()) / 2


def stage_files(connection: SnowflakeConnection, path: StagePath, *, after: float | None = None) -> Iterator[StageFile]:
    """The files below a path that are not empty, one by one.

    :param after: only files last modified at or after this moment (epoch seconds).
    """
    with connection.cursor() as cursor:
        cursor.execute(f"LIST {path.reference}")
        for name, size, _, modified in cursor:
            moment = list_time(modified)
            if int(size) > 0 and (after is None or moment >= after):
                yield StageFile(str(name), int(size), moment)


def count_by_time(
    connection: SnowflakeConnection, path: StagePath, pattern: str | None, *, window: Window, clock: float
) -> NewFiles:
    """New files by their time alone: no warehouse.

    :param window: which files are new.
    :param clock: :func:`server_clock`.
    """
    now = time.time() + clock
    after = window.start.timestamp() if window.start else None
    if window.newest is not None:
        after = max(after or 0.0, now - window.newest.total_seconds())
    matches = name_matcher("", pattern)
    count, size, newest, oldest = 0, 0, 0.0, math.inf
    for file in stage_files(connection, path, after=after):
        if matches(file.name):
            count, size = count + 1, size + file.size
            newest, oldest = max(newest, file.modified), min(oldest, file.modified)
    return NewFiles(count, size, now - newest, now - oldest) if count else NewFiles(0, 0, None, None)


def count_by_ledger(
    connection: SnowflakeConnection, source: StageSource, ledger: Ledger, *, subject: LedgerSubject, window: Window
) -> NewFiles:
    """Files that the ledger has neither as done nor quarantined nor claimed, counted on the server.

    :param source: stage path and pattern.
    :param ledger: the ledger; a table that does not exist yet has nothing as done.
    :param subject: the model version that files are new to.
    :param window: which files are taken at all.
    """
    source = source.described_by(describe_stage(connection, source.path))
    query_id = run_async(connection, [source.list_sql()])[0]
    relation = listed_rows([source], source.files_sql(query_id, directory=False)).where(
        window.conditions("MB_LAST_MODIFIED")
    )
    query = claim_statements.open_rows_sql(relation, ledger.table, subject) if ledger.exists() else relation.query
    row = rows(
        connection,
        "SELECT COUNT(*) AS FILES, COALESCE(SUM(MB_SIZE), 0) AS BYTES, "
        "DATEDIFF(second, MAX(MB_LAST_MODIFIED), SYSDATE()) AS NEWEST, "
        f"DATEDIFF(second, MIN(MB_LAST_MODIFIED), SYSDATE()) AS OLDEST FROM ({query})",
    )[0]
    newest, oldest = (None if row[name] is None else float(row[name]) for name in ("NEWEST", "OLDEST"))
    return NewFiles(int(row["FILES"]), int(row["BYTES"]), newest, oldest)
