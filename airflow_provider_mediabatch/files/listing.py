"""Listing a stage and writing what was found as a manifest, with no row passing through the worker.

The statements are in :mod:`~airflow_provider_mediabatch.files.listing_sql`; here they are run and their small answers
judged. The order is: which stage is it, list it (asynchronously, rows left on the server), count, copy to Parquet.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core import sql, xcom
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError
from airflow_provider_mediabatch.files import listing_sql
from airflow_provider_mediabatch.files.listing_sql import Relation, Source
from airflow_provider_mediabatch.hooks.mediabatch import rows

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

MAX_SHARDS = 1024
"""Airflow's ``max_map_length``: what a task may be mapped over."""

_MISSING = (2003, 2043)
_FIRST_LOOK, _LAST_LOOK = 0.05, 2.0
"""Shortest and longest pause, in seconds, between two looks at an asynchronous statement."""
_RETRY_LISTS_AGAIN = "A retry will list again."


@dataclass(frozen=True)
class Listed:
    """A listing that lies on the server.

    :param relation: its rows.
    :param found: files (or rows of a query) seen, empty ones included.
    :param empty: files of zero bytes, left out.
    :param unmatched: files without a partner in every file column, left out.
    :param unqualified: of a query: file column to count and example of paths that are not full stage paths.
    """

    relation: Relation
    found: int
    empty: int = 0
    unmatched: int = 0
    unqualified: Mapping[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Part:
    """Count, bytes and fingerprint of one shard's rows."""

    shard: int
    rows: int
    size: int
    largest: int
    fingerprint: str


def stage_path(connection: SnowflakeConnection, text: str) -> StagePath:
    """A stage path as a user writes it, filled from the connection's current database and schema.

    :raises InvalidInputError: naming the fix.
    """
    try:
        return StagePath.parse(text, database=connection.database, schema=connection.schema)
    except ValueError as error:
        raise InvalidInputError(str(error)) from None


def describe_stage(connection: SnowflakeConnection, path: StagePath) -> dict[str, Any]:
    """The stage's row of SHOW STAGES (``name``, ``url``, ``type``, ``directory_enabled`` …). Needs no warehouse.

    :raises InvalidInputError: when it is not there or this role may not see it, with what was most likely meant.
    """
    schema = sql.qualified(path.database, path.schema)
    pattern = path.stage.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    with _naming_missing(f"schema {schema} of stage {path.root.full}"):
        found = rows(connection, f"SHOW STAGES LIKE {sql.literal(pattern)} IN SCHEMA {schema}")
        for row in found:
            if row["name"] == path.stage:
                return row
        names = [row["name"] for row in found] or [
            row["name"] for row in rows(connection, f"SHOW STAGES IN SCHEMA {schema}")
        ]
    meant = closest(path.stage, names)
    hint = f"; did you mean @{sql.qualified(path.database, path.schema, meant)}?" if meant else ""
    raise InvalidInputError(
        f"stage @{path.stage_name} does not exist, or this role may not see it{hint} "
        f"(otherwise: GRANT READ ON STAGE {path.stage_name} TO ROLE …, for an external stage GRANT USAGE)"
    )


def stage_url(row: Mapping[str, Any]) -> str | None:
    """An external stage's URL ending in a slash, which LIST puts before every name; None for an internal stage."""
    url = str(row.get("url") or "")
    if url.startswith("["):
        url = next(iter(json.loads(url)), "")
    if not url:
        return None
    return url if url.endswith("/") else url + "/"


def list_sources(
    connection: SnowflakeConnection,
    sources: Sequence[Source],
    *,
    directory: bool,
    manifest_location: StagePath,
    keep_unmatched: bool,
) -> Listed:
    """List all file columns' stages at once and pair them; one asynchronous statement each.

    :param sources: the file columns, first the one that identifies a row.
    :param directory: from the directory tables (which need a REFRESH, and a warehouse) and not with LIST.
    :param manifest_location: manifests below it are not media.
    :param keep_unmatched: leave files without partner out and count them; otherwise they are an error.
    :raises InvalidInputError: for a missing directory table, an unmatched or ambiguous pair.
    """
    placed = []
    for source in sources:
        row = describe_stage(connection, source.path)
        if directory and str(row.get("directory_enabled", "")).upper() not in ("Y", "TRUE"):
            name = source.path.stage_name
            raise InvalidInputError(
                f"source='directory' needs the directory table of @{name}: "
                f"ALTER STAGE {name} SET DIRECTORY = (ENABLE = TRUE); ALTER STAGE {name} REFRESH; or use source='list'"
            )
        placed.append(Source(source.column, source.path, source.pattern, stage_url(row)))
    statements = [source.directory_statement() if directory else source.list_statement() for source in placed]
    with _naming_missing("the stage to list"):
        ids = run_async(connection, statements)
    files = listing_sql.stage_files(
        [source.files(query_id, directory=directory) for source, query_id in zip(placed, ids, strict=True)]
    )
    exclude = listing_sql.not_manifests(manifest_location)
    counts = rows(connection, listing_sql.census(files, exclude))[0]
    if counts["MISPLACED"]:
        raise MediaBatchError(
            f"{counts['MISPLACED']} listed names do not begin as names of their stage must: full stage paths cannot be "
            "made from them",
            retry=_RETRY_LISTS_AGAIN,
        )
    unmatched = 0
    if len(placed) > 1:
        unmatched = _check_pairs(connection, files, exclude, placed, keep_unmatched)
    relation = listing_sql.listing(placed, files, exclude)
    return Listed(relation, int(counts["FOUND"]), int(counts["EMPTY"]), unmatched)


def _check_pairs(
    connection: SnowflakeConnection, files: str, exclude: str, sources: Sequence[Source], keep_unmatched: bool
) -> int:
    row = rows(connection, listing_sql.pairing(files, exclude, len(sources)))[0]
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


def list_query(connection: SnowflakeConnection, query: str, file_columns: Sequence[str] | None) -> Listed:
    """Take the rows of the user's own SELECT; timestamps with time zone become UTC, as Parquet needs.

    :param query: one SELECT whose columns are full stage paths and ordinary columns.
    :param file_columns: which columns are paths, as stored; None: the text columns in which a value begins with ``@``.
    :raises InvalidInputError: when a named column is not among the query's.
    """
    query = query.strip().rstrip(";")
    with connection.cursor() as cursor:
        described = cursor.describe(query)
    types = {item.name: column_type(item) for item in described}
    query_id = run_async(connection, [query])[0]
    selected, columns = [], {}
    for name, kind in types.items():
        column = sql.quoted(name)
        zoned = kind.startswith(("TIMESTAMP_TZ", "TIMESTAMP_LTZ"))
        selected.append(f"CONVERT_TIMEZONE('UTC', {column})::TIMESTAMP_NTZ AS {column}" if zoned else column)
        columns[name] = "TIMESTAMP_NTZ(9)" if zoned else kind
    text = f"SELECT {', '.join(selected)} FROM {listing_sql.result_scan(query_id)}"
    candidates = tuple(file_columns or (name for name, kind in columns.items() if kind == "VARCHAR"))
    if missing := [name for name in candidates if name not in columns]:
        raise InvalidInputError(f"query= has no column {', '.join(missing)}; it has {', '.join(columns)}")
    relation = Relation(text, columns, candidates, has_files=False)
    counts = rows(connection, listing_sql.unqualified(relation))[0]
    found = int(counts["FOUND"])
    if file_columns is None:
        keep = [index for index, _ in enumerate(candidates) if counts[f"P{index}"]]
        candidates_kept = tuple(candidates[index] for index in keep)
    else:
        keep, candidates_kept = list(range(len(candidates))), candidates
    unqualified = {
        candidates[index]: {"count": int(counts[f"N{index}"]), "example": counts[f"E{index}"]}
        for index in keep
        if counts[f"N{index}"]
    }
    return Listed(Relation(text, columns, candidates_kept, has_files=False), found, unqualified=unqualified)


def summarise(connection: SnowflakeConnection, relation: Relation) -> list[Part]:
    """Counts and fingerprint of each shard, in order; no rows, no parts."""
    return [
        Part(
            int(row["SHARD"]), int(row["COUNTED"]), int(row["BYTES"] or 0), int(row["LARGEST"] or 0), row["FINGERPRINT"]
        )
        for row in rows(connection, listing_sql.summary(relation))
    ]


def shard(
    connection: SnowflakeConnection, relation: Relation, whole: Part, *, files: int | None, size: int | None
) -> tuple[Relation, list[Part]]:
    """Split the rows so that no shard has more than ``files`` rows or ``size`` bytes.

    :param whole: :func:`summarise` of the unsplit relation.
    :raises InvalidInputError: more than 1,024 shards, or one file larger than a shard, naming the size to set.
    """
    if size and whole.largest > size:
        raise InvalidInputError(
            f"one row's files have {whole.largest:,} bytes, more than max_bytes_per_shard={size:,}: "
            f"set at least max_bytes_per_shard={whole.largest}"
        )
    split = listing_sql.sharded(relation, files=files, size=size, largest=whole.largest)
    parts = summarise(connection, split)
    if len(parts) > MAX_SHARDS:
        advice = []
        if files:
            advice.append(f"max_files_per_shard={-(-whole.rows // MAX_SHARDS)}")
        if size:
            advice.append(f"max_bytes_per_shard={-(-whole.size // MAX_SHARDS) + whole.largest}")
        raise InvalidInputError(
            f"{whole.rows:,} rows make {len(parts):,} shards, and a task maps over {MAX_SHARDS:,} at most: "
            f"set at least {' and '.join(advice)}"
        )
    return split, parts


def write(connection: SnowflakeConnection, relation: Relation, location: StagePath, expected: int) -> None:
    """Write the rows as Parquet, and check that as many were written as were counted.

    :param location: a fresh folder.
    :param expected: rows.
    """
    answer = rows(connection, listing_sql.copy_statement(relation, location))
    written = sum(int(_value(row, "rows_unloaded") or 0) for row in answer)
    if written != expected:
        raise MediaBatchError(
            f"{written:,} rows were written to {location.full}, {expected:,} were listed", retry=_RETRY_LISTS_AGAIN
        )


def fingerprint(relation: Relation, part: Part, generation: int) -> str:
    """A manifest's digest: what is in it, and not where it lies."""
    return xcom.digest(part.rows, part.size, part.fingerprint, list(relation.columns), generation)


def run_async(connection: SnowflakeConnection, statements: Sequence[str]) -> list[str]:
    """Run statements at once and wait for all, leaving their rows on the server. Returns their query ids, in order.

    An asynchronous reply carries no rows: that is what keeps a listing of millions out of the worker's memory.

    :raises snowflake.connector.Error: the first failure.
    """
    ids = []
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute_async(statement)
            ids.append(str(cursor.sfqid))
    started = time.monotonic()
    for query_id in ids:
        while connection.is_still_running(connection.get_query_status_throw_if_error(query_id)):
            # A tenth of what it took so far: nobody waits much longer than the statement, and few ask after a slow one.
            time.sleep(min(max(_FIRST_LOOK, 0.1 * (time.monotonic() - started)), _LAST_LOOK))
    return ids


def column_type(column: Any) -> str:
    """A result column's SQL type, from the connector's description of it."""
    from snowflake.connector.constants import FIELD_ID_TO_NAME

    name = FIELD_ID_TO_NAME[column.type_code]
    if name == "FIXED":
        return f"NUMBER({column.precision},{column.scale})"
    if name.startswith("TIMESTAMP") or name == "TIME":
        return f"{name}({9 if column.scale is None else column.scale})"
    return {"TEXT": "VARCHAR", "REAL": "FLOAT"}.get(name, name)


def _value(row: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in row.items() if key.lower() == name), None)


@contextmanager
def _naming_missing(what: str) -> Iterator[None]:
    """Turn "does not exist or not authorized" into an error that names what was looked for."""
    from snowflake.connector.errors import DatabaseError

    try:
        yield
    except DatabaseError as error:
        if error.errno in _MISSING:
            raise InvalidInputError(f"{what} does not exist, or this role may not see it: {error.msg}") from error
        if "regular expression" in str(error.msg).lower() or "pattern" in str(error.msg).lower():
            raise InvalidInputError(f"Snowflake refuses the pattern: {error.msg}") from error
        raise
