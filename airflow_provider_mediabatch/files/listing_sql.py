"""The statements of a listing, as text. Pure: rooms that hold a connection run them.

A listing is one asynchronous statement for each source (LIST, a SELECT over DIRECTORY, or the user's query) whose rows
are never fetched. Everything after it reads them on the server with RESULT_SCAN, so the number of statements and the
worker's memory do not depend on the number of files. No document shows this composition; each part is documented by
itself (LIST, RESULT_SCAN, COPY INTO <location>).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.manifest import BOOKKEEPING, CONTENT_ID, LAST_MODIFIED, SHARD, SIZE
from airflow_provider_mediabatch.core.stage_path import StagePath

MANIFEST_FOLDER = "MB_"
"""What the folders of manifests begin with; files below them are never taken for media."""

_CONTENT_ID = "LOWER(REPLACE(COALESCE({md5}), '\"', '')) || ':' || {size}"


@dataclass(frozen=True)
class Source:
    """One file column and where its files are listed.

    :param column: the manifest's column, as stored.
    :param path: where to look; a prefix, as LIST takes it.
    :param pattern: a regular expression over the whole listed name (``images/a/cat.jpg`` on an internal stage,
        ``s3://bucket/prefix/a/cat.jpg`` on an external one).
    :param url: an external stage's URL with a slash at its end; None for an internal stage.
    """

    column: str
    path: StagePath
    pattern: str | None = None
    url: str | None = None

    @property
    def name_prefix(self) -> str:
        """What LIST puts before the path on the stage."""
        return self.url or self.path.stage.lower() + "/"

    def list_statement(self) -> str:
        """``LIST``: needs no warehouse and no directory table; reads the storage itself."""
        pattern = f" PATTERN = {sql.literal(self.pattern)}" if self.pattern else ""
        return f"LIST {self.path.reference}{pattern}"

    def directory_statement(self) -> str:
        """The same listing from the stage's directory table: LIST's column names, LIST's meaning of the pattern."""
        name = f"{sql.literal(self.name_prefix)} || RELATIVE_PATH"
        where = [f"STARTSWITH(RELATIVE_PATH, {sql.literal(self.path.path)})"] if self.path.path else []
        if self.pattern:
            where.append(f"REGEXP_LIKE({name}, {sql.literal(self.pattern)}, 's')")
        return (
            f'SELECT {name} AS "name", SIZE AS "size", COALESCE(MD5, ETAG) AS "md5", '
            "CONVERT_TIMEZONE('UTC', LAST_MODIFIED)::TIMESTAMP_NTZ AS \"last_modified\" "
            f"FROM DIRECTORY({self.path.root.reference})" + (f" WHERE {' AND '.join(where)}" if where else "")
        )

    def files(self, query_id: str, *, directory: bool) -> str:
        """The listed files as a relation: COL, FILE_PATH (a full stage path), ID, BYTES, MODIFIED (UTC, whole seconds).

        :param query_id: the listing's query.
        :param directory: whether it was :meth:`directory_statement`, whose times are timestamps and not GMT text.
        """
        if self.url:
            relative = f"LTRIM(SUBSTR(\"name\", {len(self.url) + 1}), '/')"
            misplaced = f'NOT STARTSWITH("name", {sql.literal(self.url)})'
        else:
            relative = 'SUBSTR("name", POSITION(\'/\', "name") + 1)'
            misplaced = "POSITION('/', \"name\") = 0"
        modified = (
            "DATE_TRUNC('second', \"last_modified\")"
            if directory
            else "TO_TIMESTAMP_NTZ(SUBSTR(\"last_modified\", 6, 20), 'DD MON YYYY HH24:MI:SS')"
        )
        content_id = _CONTENT_ID.format(md5="\"md5\", ''", size='"size"')
        return (
            f"SELECT {sql.literal(self.column)} AS COL, {sql.literal(self.path.root.full)} || {relative} AS FILE_PATH, "
            f'{content_id} AS ID, "size" AS BYTES, {modified} AS MODIFIED, {misplaced} AS MISPLACED '
            f"FROM {result_scan(query_id)}"
        )


def result_scan(query_id: str) -> str:
    """A finished query's rows as a table, on the server."""
    return f"TABLE(RESULT_SCAN({sql.literal(query_id)}))"


@dataclass(frozen=True)
class Relation:
    """Rows of a manifest to be, as SQL.

    :param query: a SELECT whose columns are ``columns``.
    :param columns: name to SQL type, in order.
    :param file_columns: those that hold full stage paths; the first identifies the row.
    :param has_files: whether size and content id are known (a listing), or not (a user's query).
    """

    query: str
    columns: Mapping[str, str]
    file_columns: tuple[str, ...]
    has_files: bool = True

    @property
    def key(self) -> str:
        """The identifying column as SQL."""
        return sql.quoted(self.file_columns[0]) if self.file_columns else sql.quoted(next(iter(self.columns)))

    def where(self, conditions: Sequence[str]) -> Relation:
        """Only rows that meet all conditions."""
        if not conditions:
            return self
        return replace(self, query=f"SELECT * FROM ({self.query}) WHERE {' AND '.join(conditions)}")

    def first(self, count: int | None) -> Relation:
        """At most so many rows, the first by path, so that a repeated run takes the same."""
        if count is None:
            return self
        return replace(
            self, query=f"SELECT * FROM ({self.query}) QUALIFY ROW_NUMBER() OVER (ORDER BY {self.key}) <= {int(count)}"
        )


def stage_files(files: Sequence[str]) -> str:
    """All sources' files in one relation, folders of manifests and empty files still in it."""
    return " UNION ALL ".join(files)


def not_manifests(manifest_location: StagePath) -> str:
    """The condition that leaves earlier manifests out of a listing around them."""
    return f"NOT STARTSWITH(FILE_PATH, {sql.literal((manifest_location / MANIFEST_FOLDER).full)})"


def listing(sources: Sequence[Source], files: str, exclude: str) -> Relation:
    """The rows of a listing: one for each file, or for each stem when there are several file columns.

    :param sources: the file columns.
    :param files: :func:`stage_files`.
    :param exclude: :func:`not_manifests`.
    """
    taken = f"SELECT * FROM ({files}) WHERE BYTES > 0 AND {exclude}"
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
            f"FROM ({taken}) GROUP BY {STEM} HAVING COUNT(DISTINCT COL) = {len(sources)}"
        )
    return Relation(query, columns, tuple(source.column for source in sources))


STEM = "REGEXP_REPLACE(REGEXP_REPLACE(FILE_PATH, '^.*/', ''), '(.)[.][^.]*$', '\\\\1')"
"""A file's name without folder and last extension, which pairs files: ``b.c`` of ``@…/a/b.c.jpg``."""


def census(files: str, exclude: str) -> str:
    """One row about the listing: FOUND, EMPTY (zero bytes), MISPLACED (names that do not begin as the stage's must)."""
    return (
        "SELECT COUNT(*) AS FOUND, COUNT_IF(BYTES = 0) AS EMPTY, COUNT_IF(MISPLACED) AS MISPLACED "
        f"FROM ({files}) WHERE {exclude}"
    )


def pairing(files: str, exclude: str, columns: int) -> str:
    """One row about pairs: UNMATCHED files and an EXAMPLE, stems with REPEATED files in one column and its example."""
    return (
        f"SELECT COALESCE(SUM(IFF(COLS < {int(columns)}, FILES, 0)), 0) AS UNMATCHED, "
        f"MIN(IFF(COLS < {int(columns)}, EXAMPLE, NULL)) AS EXAMPLE, "
        "COUNT_IF(FILES > COLS) AS REPEATED, MIN(IFF(FILES > COLS, EXAMPLE, NULL)) AS REPEATED_EXAMPLE FROM ("
        f"SELECT COUNT(*) AS FILES, COUNT(DISTINCT COL) AS COLS, MIN(FILE_PATH) AS EXAMPLE FROM ({files}) "
        f"WHERE BYTES > 0 AND {exclude} GROUP BY {STEM})"
    )


def sharded(relation: Relation, *, files: int | None, size: int | None, largest: int) -> Relation:
    """The relation with a column MB_SHARD, numbered from 0 in the order of paths.

    Rows are cut into buckets of ``files`` rows, and into buckets by the bytes before them whose width is ``size`` less
    the largest row, so that no shard exceeds ``size``.

    :param relation: the rows.
    :param files: most rows of a shard.
    :param size: most bytes of a shard.
    :param largest: bytes of the largest row.
    """
    order = f"ORDER BY {relation.key}"
    by_count = f"FLOOR((ROW_NUMBER() OVER ({order}) - 1) / {int(files)})" if files else "0"
    by_size = "0"
    if size:
        before = f"(SUM({SIZE}) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - {SIZE})"
        by_size = f"FLOOR({before} / {max(1, int(size) - int(largest))})"
    query = (
        "SELECT * EXCLUDE (BY_COUNT, BY_SIZE), "
        f"(DENSE_RANK() OVER (ORDER BY BY_COUNT, BY_SIZE) - 1)::NUMBER(38, 0) AS {SHARD} "
        f"FROM (SELECT *, {by_count} AS BY_COUNT, {by_size} AS BY_SIZE FROM ({relation.query}))"
    )
    return replace(relation, query=query, columns={**relation.columns, SHARD: "NUMBER(38,0)"})


def summary(relation: Relation) -> str:
    """One row for each shard: SHARD, COUNTED, BYTES, LARGEST and FINGERPRINT (HASH_AGG of paths and content ids)."""
    shard = SHARD if SHARD in relation.columns else "0"
    if relation.has_files:
        size, hashed = SIZE, [relation.key, CONTENT_ID]
    else:
        size, hashed = "0", [sql.quoted(name) for name in relation.columns if name != SHARD]
    return (
        f"SELECT {shard} AS SHARD, COUNT(*) AS COUNTED, SUM({size}) AS BYTES, MAX({size}) AS LARGEST, "
        f"HASH_AGG({', '.join(hashed)})::VARCHAR AS FINGERPRINT FROM ({relation.query}) GROUP BY 1 ORDER BY 1"
    )


def copy_statement(relation: Relation, location: StagePath) -> str:
    """``COPY INTO`` the manifest's folder as Parquet with column names, one sub-folder for each shard.

    :param relation: what to write.
    :param location: a folder that nothing else writes to: OVERWRITE would not remove files of other names.
    """
    names = ", ".join(sql.quoted(name) for name in relation.columns)
    partition = (
        f" PARTITION BY ('{SHARD_FOLDER}' || LPAD({SHARD}::VARCHAR, 4, '0'))" if SHARD in relation.columns else ""
    )
    return (
        f"COPY INTO {location.reference} FROM (SELECT {names} FROM ({relation.query})){partition} "
        "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE" + ("" if partition else " INCLUDE_QUERY_ID = TRUE")
    )


SHARD_FOLDER = "shard_"


def shard_location(location: StagePath, shard: int) -> StagePath:
    """Where :func:`copy_statement` put one shard."""
    return (location / f"{SHARD_FOLDER}{shard:04d}").folder


def unqualified(relation: Relation) -> str:
    """One row about a query: FOUND rows and, for each file column i, Pi values that begin with ``@``, Ni that are not
    full stage paths and an example Ei of those.
    """
    parts = ["COUNT(*) AS FOUND"]
    for index, name in enumerate(relation.file_columns):
        column = sql.quoted(name)
        bad = f"NOT REGEXP_LIKE({column}, {sql.literal(FULL_STAGE_PATH)}, 's')"
        parts.append(
            f"COUNT_IF(STARTSWITH({column}, '@')) AS P{index}, COUNT_IF({bad}) AS N{index}, "
            f"MIN(IFF({bad}, {column}, NULL)) AS E{index}"
        )
    return f"SELECT {', '.join(parts)} FROM ({relation.query})"


_NAME = r'([A-Za-z_][A-Za-z0-9_$]*|"([^"]|"")+")'
FULL_STAGE_PATH = rf"@{_NAME}[.]{_NAME}[.]{_NAME}/.+"
"""What ``FULL_STAGE_PATH`` takes: three names and a path."""
