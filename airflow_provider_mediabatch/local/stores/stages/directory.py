"""Directory tables: what ALTER STAGE … REFRESH found on a stage, kept as one Parquet file for each stage.

Parquet, because ``DIRECTORY(@stage)`` is then a relation that DuckDB filters and joins as a set, a million files too.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_mediabatch.local.errors import invalid_argument
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn
from airflow_provider_mediabatch.local.stores.stages import files as stage_files
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage
    from airflow_provider_mediabatch.local.stores.stages.store import StageStore

_SCHEMA = pa.schema(
    [("path", pa.string()), ("size", pa.int64()), ("mtime_ns", pa.int64()), ("md5", pa.string()), ("etag", pa.string())]
)


def file(stages: StageStore, stage: Stage) -> Path:
    """The Parquet file of a stage's directory table.

    :raises SnowflakeError: where the stage has no directory table.
    """
    if not stage.directory_enabled:
        raise invalid_argument(
            f"Directory table is not enabled for stage '{stage.full_name}'. "
            f"Enable it with ALTER STAGE {stage.full_name} SET DIRECTORY = (ENABLE = TRUE)."
        )
    path: Path = stages.state_dir / "directories" / f"{stage.id}.parquet"
    if not path.exists():
        with stages.directory_lock(stage):
            if not path.exists():  # a first refresh may have written it meanwhile
                _write(path, [])
    return path


def columns_sql(base: str) -> str:
    """The columns of a directory table, and of a stream on it, made of those of its file.

    :param base: what FILE_URL begins with.
    """
    return (
        "path AS RELATIVE_PATH, CAST(size AS DECIMAL(38, 0)) AS SIZE, "
        "to_timestamp(mtime_ns // 1000000000) AS LAST_MODIFIED, md5 AS MD5, etag AS ETAG, "
        f"{text_literal(base)} || url_encode(path) AS FILE_URL"
    )


def _write(path: Path, files: list[stage_files.StagedFile]) -> None:
    columns: list[list[Any]] = [
        [f.path for f in files],
        [f.size for f in files],
        [f.mtime_ns for f in files],
        [f.md5 or None for f in files],
        [f.etag for f in files],
    ]
    part = path.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}.part")
    pq.write_table(pa.table(columns, schema=_SCHEMA), part)
    os.replace(part, path)


def refresh(stages: StageStore, stage: Stage, subpath: str = "", *, no_md5_above: float) -> Result:
    """Register what is new or changed below ``subpath`` and forget what is gone: one row for each such file.

    One at a time for each stage: a second one would lose what the first has registered since it read the table.

    :param no_md5_above: as in :func:`~.files.show`.
    """
    with stages.directory_lock(stage):
        path = file(stages, stage)
        found = stage_files.walk(stage, subpath)
        stages.digests.fill(stage, found)
        stage_files.show(stage, found, no_md5_above=no_md5_above)
        before = _read(path)
        changes = _changes(before, found, subpath)
        if changes:  # a stream has data when there is another file
            kept = [known for known in before.values() if not known.path.startswith(subpath)]
            _write(path, kept + found)
        stages.update(stage, refreshed_on=time.time())
    return Result.of(
        [ResultColumn.text("file"), ResultColumn.text("status"), ResultColumn.text("description")], changes
    )


def _read(path: Path) -> dict[str, stage_files.StagedFile]:
    """The files of a directory table by their path."""
    columns = (column.to_pylist() for column in pq.read_table(path).select(_SCHEMA.names).columns)
    return {
        name: stage_files.StagedFile(name, size, mtime_ns, md5 or "", etag)
        for name, size, mtime_ns, md5, etag in zip(*columns, strict=True)
    }


def _changes(
    before: dict[str, stage_files.StagedFile], found: list[stage_files.StagedFile], subpath: str
) -> list[tuple[str, str, str]]:
    """What a refresh answers: path, status and description of every file that is not as it was."""
    changes: list[tuple[str, str, str]] = []
    for new in found:
        old = before.get(new.path)
        if old is None:
            changes.append((new.path, "REGISTERED_NEW", "File registered successfully."))
        elif old != new:
            changes.append((new.path, "REGISTERED_UPDATE", "File registered successfully."))
    there = {new.path for new in found}
    return changes + [
        (name, "UNREGISTERED", "File unregistered successfully.")
        for name in before
        if name.startswith(subpath) and name not in there
    ]
