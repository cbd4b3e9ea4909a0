"""Listing stages, with no row passing through the worker.

A listing is one asynchronous statement for each source (LIST, or a SELECT over DIRECTORY) whose rows are never fetched.
Everything after it reads them on the server with RESULT_SCAN, so the number of statements and the worker's memory do
not depend on the number of files. No document of Snowflake's shows this composition; each part is documented by itself
(LIST, RESULT_SCAN, COPY INTO <location>).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import rows, run_async
from airflow_provider_mediabatch.client.stages import describe_stage, explain_missing, require_directory_table
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.job_names import PREFIX, WRITTEN_FILES
from airflow_provider_mediabatch.core.manifest import BOOKKEEPING, CONTENT_ID, LAST_MODIFIED, SIZE
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError
from airflow_provider_mediabatch.files.file_names import name_sql, stem_sql
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.manifest_files import (
    RETRY_LISTS_AGAIN,
    ShardSummary,
    shard_summary,
)
from airflow_provider_mediabatch.files.relation import Relation

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_STEM = stem_sql(name_sql("FILE_PATH"))
"""What pairs files."""
_NOT_WRITTEN = (
    f"NOT (CONTAINS(FILE_PATH, {sql.literal(f'/{PREFIX}')}) "
    f"AND REGEXP_LIKE(FILE_PATH, {sql.literal(WRITTEN_FILES)}, 's'))"
)
"""What is media. Manifests and jobs' output are known by their folders' names, wherever these are. A user's file beside
them is a file, whatever its name begins with: cameras write names such as ``MB_0001.jpg``.
"""


@dataclass(frozen=True)
class FileListing:
    """Listed files, on the server.

    :param relation: the rows.
    :param found: files (or rows of a query) that were listed, empty ones included.
    :param empty: files of zero bytes, left out.
    :param unmatched: files without a partner in every file column, left out.
    :param unqualified: of a query: file column to count and example of values that are not full stage paths.
    :param unlisted: where a pattern matched nothing: what is there, for messages.
    :param whole: the summary of the rows where it came with the counts, so that they are read once less; None: it did
        not, or there are none.
    """

    relation: Relation
    found: int
    empty: int = 0
    unmatched: int = 0
    unqualified: Mapping[str, Mapping[str, Any]] | None = None
    unlisted: str = ""
    whole: ShardSummary | None = None

    def of(self, relation: Relation) -> FileListing:
        """The listing with these rows. A summary holds only where they are the same."""
        return self if relation is self.relation else replace(self, relation=relation, whole=None)


def list_stages(
    connection: SnowflakeConnection,
    sources: Sequence[StageSource],
    *,
    directory: bool,
    keep_unmatched: bool,
    summed_up: bool = False,
) -> FileListing:
    """List all file columns' stages at once and pair their files; one asynchronous statement each.

    :param sources: the file columns, first the one that identifies a row.
    :param directory: from the directory tables (which need a REFRESH, and a warehouse) and not with LIST.
    :param keep_unmatched: leave files without partner out and count them; otherwise they are an error.
    :param summed_up: sum the rows up at once, where there is one file column.
    :raises InvalidInputError: for a missing stage or directory table, an unmatched or ambiguous pair.
    :raises MediaBatchError: when listed names do not begin as names of their stage must.
    """
    resolved = []
    for source in sources:
        row = describe_stage(connection, source.path)
        if directory:
            require_directory_table(row, source.path, "directory")
        resolved.append(source.described_by(row))
    files = _run_listing(connection, resolved, directory=directory)
    counts = rows(connection, census_sql(files, summed_up=summed_up and len(resolved) == 1))
    found, empty, misplaced = (
        sum(int(row["COUNTED"]) for row in counts if name is None or row[name])
        for name in (None, "IS_EMPTY", "MISPLACED")
    )
    if misplaced:
        raise MediaBatchError(
            f"{misplaced} listed names do not begin as names of their stage must: full stage paths cannot be "
            "made from them",
            retry=RETRY_LISTS_AGAIN,
        )
    unmatched = 0
    if len(resolved) > 1:
        unmatched = _check_pairs(connection, files, resolved, keep_unmatched)
    unlisted = ""
    if not found and any(source.pattern for source in resolved):
        everything = [replace(source, pattern=None) for source in resolved]
        unlisted = _describe_unlisted(connection, _run_listing(connection, everything, directory=directory))
    relation = listed_rows(resolved, files)
    taken = next((row for row in counts if not row["IS_EMPTY"] and "FINGERPRINT" in row), None)
    whole = None if taken is None else shard_summary(taken)
    return FileListing(relation, found, empty, unmatched, unlisted=unlisted, whole=whole)


def _run_listing(connection: SnowflakeConnection, sources: Sequence[StageSource], *, directory: bool) -> str:
    """List all sources at once; :func:`union_sql` of what was listed."""
    statements = [source.directory_sql() if directory else source.list_sql() for source in sources]
    with explain_missing("the stage to list"):
        ids = run_async(connection, statements)
    return union_sql(
        [source.files_sql(query_id, directory=directory) for source, query_id in zip(sources, ids, strict=True)]
    )


def _describe_unlisted(connection: SnowflakeConnection, files: str) -> str:
    """What is there, when a pattern matched none of it; "" when nothing is."""
    there = f"SELECT COUNT(*) AS N, MIN(FILE_PATH) AS EXAMPLE FROM ({files}) WHERE {_NOT_WRITTEN}"
    found = rows(connection, there)[0]
    if not found["N"]:
        return ""
    return (
        f"the pattern matches none of the {int(found['N']):,} files that are there, for example {found['EXAMPLE']}; it "
        "must match the whole listed name, in its case"
    )


def _check_pairs(
    connection: SnowflakeConnection, files: str, sources: Sequence[StageSource], keep_unmatched: bool
) -> int:
    row = rows(connection, pairing_sql(files, len(sources)))[0]
    columns = ", ".join(source.column for source in sources)
    if row["REPEATED"]:
        raise InvalidInputError(
            f"{row['REPEATED']} file stems occur more than once in one of the columns {columns}, for example "
            f"{row['REPEATED_EXAMPLE']}: pairs by stem would be ambiguous. Narrow stage_path or pattern, or pair the "
            "files yourself with query="
        )
    unmatched = int(row["UNMATCHED"])
    if unmatched and not keep_unmatched:
        raise InvalidInputError(
            f"{unmatched} files have no partner of the same stem in each of {columns}, for example {row['EXAMPLE']}: "
            "upload the missing files, or leave these out with unmatched='drop'"
        )
    return unmatched


def union_sql(files: Sequence[str]) -> str:
    """All sources' files together, those in folders of manifests and empty files included.

    :param files: of each source :meth:`~.list_output.StageSource.files_sql`.
    """
    return " UNION ALL ".join(files)


def listed_rows(sources: Sequence[StageSource], files: str) -> Relation:
    """The rows of a listing: one for each file, or for each stem when there are several file columns.

    :param sources: the file columns.
    :param files: :func:`union_sql`.
    """
    taken = f"SELECT * FROM ({files}) WHERE NOT IS_EMPTY AND {_NOT_WRITTEN}"
    columns = {source.column: "VARCHAR" for source in sources} | dict(BOOKKEEPING)
    if len(sources) == 1:
        query = (
            f"SELECT FILE_PATH AS {sql.quoted(sources[0].column)}, ID AS {CONTENT_ID}, "
            f"BYTES::NUMBER(38, 0) AS {SIZE}, MODIFIED AS {LAST_MODIFIED} FROM ({taken})"
        )
    else:
        paths = ", ".join(
            f"MAX(IFF(COL = {sql.literal(source.column)}, FILE_PATH, NULL)) AS {sql.quoted(source.column)}"
            for source in sources
        )
        query = (
            f"SELECT {paths}, LISTAGG(ID, '+') WITHIN GROUP (ORDER BY COL) AS {CONTENT_ID}, "
            f"SUM(BYTES)::NUMBER(38, 0) AS {SIZE}, MAX(MODIFIED) AS {LAST_MODIFIED} "
            f"FROM ({taken}) GROUP BY {_STEM} HAVING COUNT(DISTINCT COL) = {len(sources)}"
        )
    return Relation(query, columns, tuple(source.column for source in sources))


def census_sql(files: str, *, summed_up: bool) -> str:
    """COUNTED files by IS_EMPTY and MISPLACED (names that do not begin as the stage's must).

    :param summed_up: with the columns of :func:`~.manifest_files.summary_sql`, of listings with one file column.
    """
    summary = (
        "0 AS SHARD, SUM(BYTES)::NUMBER(38, 0) AS BYTES, MAX(BYTES) AS LARGEST, "
        "HASH_AGG(FILE_PATH, ID)::VARCHAR AS FINGERPRINT, "
    )
    return (
        f"SELECT {summary if summed_up else ''}IS_EMPTY, MISPLACED, COUNT(*) AS COUNTED "
        f"FROM ({files}) WHERE {_NOT_WRITTEN} GROUP BY IS_EMPTY, MISPLACED"
    )


def pairing_sql(files: str, columns: int) -> str:
    """One row about pairs: UNMATCHED files and an EXAMPLE, stems with REPEATED files in one column and its example."""
    return (
        f"SELECT COALESCE(SUM(IFF(COLS < {int(columns)}, FILES, 0)), 0) AS UNMATCHED, "
        f"MIN(IFF(COLS < {int(columns)}, EXAMPLE, NULL)) AS EXAMPLE, "
        "COUNT_IF(FILES > COLS) AS REPEATED, MIN(IFF(FILES > COLS, EXAMPLE, NULL)) AS REPEATED_EXAMPLE FROM ("
        f"SELECT COUNT(*) AS FILES, COUNT(DISTINCT COL) AS COLS, MIN(FILE_PATH) AS EXAMPLE FROM ({files}) "
        f"WHERE NOT IS_EMPTY AND {_NOT_WRITTEN} GROUP BY {_STEM})"
    )
