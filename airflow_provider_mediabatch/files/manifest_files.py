"""Writing listed rows as manifests: Parquet on a stage, split into shards, with no row passing through the worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core import sql, xcom
from airflow_provider_mediabatch.core.job_names import PREFIX
from airflow_provider_mediabatch.core.manifest import CONTENT_ID, SHARD, SIZE
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError, MediaBatchError
from airflow_provider_mediabatch.files.relation import Relation, extra_of

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.manifest import Manifest

MAX_SHARDS = 1024
"""Airflow's ``max_map_length``: what a task may be mapped over."""
SHARD_FOLDER = "shard_"
RETRY_LISTS_AGAIN = "A retry will list again."


def fresh_folder(manifest: Manifest, name: str) -> str:
    """A folder that nothing else writes to, beside a manifest's own, which holds nothing else.

    :param name: what the folder is for.
    :return: its full stage path.
    """
    place = manifest.path
    parent = place.path.rstrip("/").rpartition("/")[0]
    folder = f"{parent}/{PREFIX}{name}_{uuid4().hex[:12]}/".lstrip("/")
    return StagePath(place.database, place.schema, place.stage, folder).full


@dataclass(frozen=True)
class ShardSummary:
    """One shard of a relation.

    :param shard: its number, from 0.
    :param rows: how many rows it has.
    :param size: bytes of their files.
    :param largest: bytes of its largest row.
    :param fingerprint: a hash over paths and content ids.
    """

    shard: int
    rows: int
    size: int
    largest: int
    fingerprint: str

    def digest(self, relation: Relation, generation: int) -> str:
        """The manifest's digest: what is in it, not where it is stored."""
        return xcom.digest(self.rows, self.size, self.fingerprint, list(relation.columns), generation)


def shard_summary(row: Mapping[str, Any]) -> ShardSummary:
    """The summary in a row of :func:`summary_sql`."""
    return ShardSummary(
        int(row["SHARD"]), int(row["COUNTED"]), int(row["BYTES"] or 0), int(row["LARGEST"] or 0), row["FINGERPRINT"]
    )


def summarize(connection: SnowflakeConnection, relation: Relation) -> list[ShardSummary]:
    """Counts and fingerprint of each shard, in order; empty when there are no rows."""
    return [shard_summary(row) for row in rows(connection, summary_sql(relation))]


def split_into_shards(
    connection: SnowflakeConnection,
    relation: Relation,
    whole: ShardSummary,
    *,
    max_files: int | None,
    max_bytes: int | None,
) -> tuple[Relation, list[ShardSummary]]:
    """Split the rows so that no shard has more than ``max_files`` rows or ``max_bytes`` bytes.

    :param whole: :func:`summarize` of the unsplit relation.
    :raises InvalidInputError: more than 1,024 shards, or one row larger than a shard, naming the size to set.
    """
    if max_bytes and whole.largest > max_bytes:
        raise InvalidInputError(
            f"one row's files have {whole.largest:,} bytes, more than max_bytes_per_shard={max_bytes:,}: "
            f"set at least max_bytes_per_shard={whole.largest}"
        )
    split = sharded(relation, max_files=max_files, max_bytes=max_bytes, largest=whole.largest)
    shards = summarize(connection, split)
    if len(shards) > MAX_SHARDS:
        advice = []
        if max_files:
            advice.append(f"max_files_per_shard={-(-whole.rows // MAX_SHARDS)}")
        if max_bytes:
            advice.append(f"max_bytes_per_shard={-(-whole.size // MAX_SHARDS) + whole.largest}")
        raise InvalidInputError(
            f"{whole.rows:,} rows make {len(shards):,} shards, and a task maps over {MAX_SHARDS:,} at most: "
            f"set at least {' and '.join(advice)}"
        )
    return split, shards


def write_manifest(connection: SnowflakeConnection, relation: Relation, location: StagePath, expected: int) -> None:
    """Write the rows as Parquet, and check that as many were written as were counted.

    :param location: a fresh folder.
    :param expected: rows.
    :raises MediaBatchError: when another number of rows was written.
    """
    answer = rows(connection, copy_sql(relation, location))
    written = sum(int(_value(row, "rows_unloaded") or 0) for row in answer)
    if written != expected:
        raise MediaBatchError(
            f"{written:,} rows were written to {location.full}, {expected:,} were listed", retry=RETRY_LISTS_AGAIN
        )


def shard_location(location: StagePath, shard: int) -> StagePath:
    """Where :func:`copy_sql` put one shard."""
    return (location / f"{SHARD_FOLDER}{shard:04d}").folder


def sharded(relation: Relation, *, max_files: int | None, max_bytes: int | None, largest: int) -> Relation:
    """The relation with a column MB_SHARD, numbered from 0 in the order of paths.

    Rows are cut into buckets of ``max_files`` rows, and into buckets by the bytes before them whose width is
    ``max_bytes`` less the largest row, so that no shard exceeds ``max_bytes``.

    :param relation: the rows.
    :param max_files: most rows of a shard.
    :param max_bytes: most bytes of a shard.
    :param largest: bytes of the largest row.
    """
    order = f"ORDER BY {relation.key}"
    by_count = f"FLOOR((ROW_NUMBER() OVER ({order}) - 1) / {int(max_files)})" if max_files else "0"
    by_size = "0"
    if max_bytes:
        before = f"(SUM({SIZE}) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - {SIZE})"
        by_size = f"FLOOR({before} / {max(1, int(max_bytes) - int(largest))})"
    query = (
        "SELECT * EXCLUDE (BY_COUNT, BY_SIZE), "
        f"(DENSE_RANK() OVER (ORDER BY BY_COUNT, BY_SIZE) - 1)::NUMBER(38, 0) AS {SHARD} "
        f"FROM (SELECT *, {by_count} AS BY_COUNT, {by_size} AS BY_SIZE FROM ({relation.query}))"
    )
    return replace(relation, query=query, columns={**relation.columns, SHARD: "NUMBER(38,0)"})


def summary_sql(relation: Relation) -> str:
    """One row for each shard: SHARD, COUNTED, BYTES, LARGEST and FINGERPRINT (HASH_AGG of paths and content ids)."""
    shard = SHARD if SHARD in relation.columns else "0"
    if relation.has_files:
        extra = [sql.quoted(name) for name in extra_of(relation) if name != SHARD]
        size, hashed = SIZE, [relation.key, CONTENT_ID, *extra]
    else:
        size, hashed = "0", [sql.quoted(name) for name in relation.columns if name != SHARD]
    return (
        f"SELECT {shard} AS SHARD, COUNT(*) AS COUNTED, SUM({size}) AS BYTES, MAX({size}) AS LARGEST, "
        f"HASH_AGG({', '.join(hashed)})::VARCHAR AS FINGERPRINT FROM ({relation.query}) GROUP BY 1 ORDER BY 1"
    )


def copy_sql(relation: Relation, location: StagePath) -> str:
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


def _value(row: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in row.items() if key.lower() == name), None)
