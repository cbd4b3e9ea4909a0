"""A batch without the files that its sample has quarantined."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client import stages
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.manifest import SIZE, Manifest
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.manifest_files import fresh_folder

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.sample_report import SampleReport


def without_quarantined(
    connection: SnowflakeConnection, manifest: Manifest, report: SampleReport | None, schema: str
) -> Manifest:
    """The manifest without these files, written again on the server; itself when it has none of them.

    Its digest follows from the manifest's and the files that are left out, so each try of a task names its job in the
    same way, whichever job of the sample found them.

    :param report: the sample's; None: there was none.
    :param schema: ``DB.SCHEMA`` as SQL for the file format.
    :raises InvalidInputError: when the manifest is not there any more.
    """
    if report is None or not report.quarantined_count:
        return manifest
    staged = StagedParquet(connection, schema)
    key = sql.quoted(manifest.key_column if manifest.file_columns else next(iter(manifest.columns)))
    relation = staged.relation(manifest.location, manifest.columns)
    bad = f'SELECT $1:"FILE_PATH"::VARCHAR FROM {staged.source(report.quarantined_location)}'
    size = f"COALESCE(SUM({sql.quoted(SIZE)}), 0)" if SIZE in manifest.columns else "0"
    if not stages.output_folder(connection, report.quarantined_location).files:
        raise InvalidInputError(
            f"The sample's list of quarantined files, {report.quarantined_location}, is not there any more: it was "
            "removed since it was written. Clear the sample's task, so that it is written again"
        )
    found = staged.rows(
        f"SELECT COUNT(*) AS N, {size} AS BYTES, HASH_AGG({key}::VARCHAR)::VARCHAR AS FINGERPRINT FROM {relation} "
        f"WHERE {key}::VARCHAR IN ({bad})"
    )[0]
    left_out = int(found["N"])
    if not left_out:
        return manifest
    rows = manifest.row_count - left_out
    location = fresh_folder(manifest, "without_quarantined")
    kept = f"SELECT * FROM {relation} WHERE NOT COALESCE({key}::VARCHAR IN ({bad}), FALSE)"
    if rows and (written := staged.copy_rows(kept, location)) != rows:
        raise InvalidInputError(
            f"The manifest {manifest.location} gave {written} rows where {rows} were expected. It was removed or "
            "changed; clear the task that listed the files"
        )
    return replace(
        manifest,
        location=location,
        row_count=rows,
        file_count=rows * max(1, len(manifest.file_columns)),
        total_bytes=manifest.total_bytes - int(found["BYTES"]),
        digest=digest(manifest.digest, "without", found["FINGERPRINT"], left_out)[:32],
        left_out=left_out,
    )
