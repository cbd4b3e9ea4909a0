"""Which of a manifest's files are not on their stages any more. It is checked on the server when a job has failed.

A file that was deleted after the listing makes its whole job fail, and the job's log names only the first such file.
The number of statements does not depend on the number of files: the paths' common folder, a LIST for each file column,
and one comparison.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import run_async
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet, field
from airflow_provider_mediabatch.client.stages import describe_stage
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files.list_output import StageSource

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.manifest import Manifest

MAX_NAMES = 20
"""Names in an error message, which also gives the number of all."""


@dataclass(frozen=True)
class MissingFiles:
    """Files of a manifest that are gone.

    :param count: how many.
    :param names: the first of them by path, at most :data:`MAX_NAMES`.
    """

    count: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {self.count - len(self.names):,} more" if self.count > len(self.names) else ""
        return f"{', '.join(self.names)}{more}"


def missing_files(connection: SnowflakeConnection, manifest: Manifest, schema: str) -> MissingFiles:
    """Compare the manifest with its stages as they are now.

    A column whose paths lie on several stages is left out: no one listing covers it.

    :param schema: ``DB.SCHEMA`` as SQL, for the temporary file format that reads the manifest.
    """
    staged = StagedParquet(connection, schema)
    source = staged.source(manifest.location)
    paths = {name: f"{field(name)}::VARCHAR" for name in manifest.file_columns}
    if manifest.is_empty or not paths:
        return MissingFiles(0, ())
    ends = ", ".join(f"MIN({text}), MAX({text})" for text in paths.values())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {ends} FROM {source}")
        found: Any = cursor.fetchone()
    reach = {name: common_folder(*found[2 * index : 2 * index + 2]) for index, name in enumerate(paths)}
    sources = [
        StageSource(name, place).described_by(describe_stage(connection, place))
        for name, place in reach.items()
        if place is not None
    ]
    if not sources:
        return MissingFiles(0, ())
    ids = run_async(connection, [item.list_sql() for item in sources])
    wanted = " UNION ALL ".join(f"SELECT {paths[item.column]} AS P FROM {source}" for item in sources)
    there = " UNION ALL ".join(
        f"SELECT FILE_PATH AS P FROM ({item.files_sql(query_id, directory=False)})"
        for item, query_id in zip(sources, ids, strict=True)
    )
    rows = staged.rows(
        f"SELECT P, COUNT(*) OVER () AS N FROM (SELECT P FROM ({wanted}) WHERE P IS NOT NULL "
        f"EXCEPT SELECT P FROM ({there})) ORDER BY P LIMIT {MAX_NAMES}"
    )
    return MissingFiles(int(rows[0]["N"]) if rows else 0, tuple(str(row["P"]) for row in rows))


def common_folder(first: str | None, last: str | None) -> StagePath | None:
    """The deepest folder that holds all paths from the first to the last in order; None when it is no one stage's."""
    if not first or not last:
        return None
    prefix = os.path.commonprefix([first, last])  # noqa: RUF071 (by character is what is meant: a stage is no component)
    try:
        stage = StagePath.parse(first).root
        place = StagePath.parse(prefix[: prefix.rindex("/") + 1])
    except ValueError:
        return None
    return place if place.root == stage else None
