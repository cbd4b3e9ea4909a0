"""The files that a batch quarantined, with the reason of each.

The task's XCom lists them. A file gets an address only if the manifest that the job ran has it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.review.result_query import ResultQuery
from airflow_provider_mediabatch.review.result_rows import MediaFile, SignPath, media_file

if TYPE_CHECKING:
    from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
    from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch

log = logging.getLogger(__name__)

MAX_SHOWN = 24


@dataclass(frozen=True)
class QuarantinedFile:
    """A file that the model cannot process.

    :param file: the file.
    :param reason: the exception, in one line.
    :param more: the lines of the log around it, or "".
    """

    file: MediaFile
    reason: str
    more: str = ""


def quarantined_files(batch: ReviewedBatch, connections: ConnectionPool, sign: SignPath) -> tuple[QuarantinedFile, ...]:
    """The first 24 quarantined files of a batch.

    :param batch: a sample or a batch.
    :param connections: where the manifest is read, in one statement.
    :param sign: makes the media URL of a full stage path and its content ids.
    """
    listed = batch.result.quarantined[:MAX_SHOWN]
    if not listed:
        return ()
    column = next(iter(batch.file_columns), "")
    known: dict[str, str] = {}
    if batch.source and column:
        source, job, wanted = batch.source, batch.result.job, [str(item["path"]) for item in listed]
        try:
            known = connections.run(
                batch.conn_id, lambda opened: ResultQuery(opened, source, job).content_ids(column, wanted)
            )
        except Exception:  # the names and the reasons are shown whatever Snowflake answers
            log.warning("The manifest of %s cannot be read", job, exc_info=True)
    return tuple(_quarantined(column, item["path"], item["error"], known, sign) for item in listed)


def _quarantined(column: str, path: str, error: str, known: dict[str, str], sign: SignPath) -> QuarantinedFile:
    reason, _, more = error.strip().partition("\n")
    file = media_file(column, path, known.get(path, ""), sign if path in known else None)
    return QuarantinedFile(file, reason, more.strip())
