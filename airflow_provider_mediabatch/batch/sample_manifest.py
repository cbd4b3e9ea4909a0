"""A sample's own manifest: a few rows of the batch's, written on the server into a folder of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch.job_outcomes import check_manifest_exists
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.sampling import sample_select, shards_for

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest

SAMPLE_FOLDER = "MB_SAMPLE"


def sample_manifest_base(manifests: Sequence[Manifest]) -> str:
    """Where samples' manifests are written: beside the manifest, not in it, because its folder holds nothing else."""
    place = manifests[0].path
    parent = place.path.rstrip("/").rpartition("/")[0]
    return StagePath(place.database, place.schema, place.stage, f"{parent}/{SAMPLE_FOLDER}/".lstrip("/")).full


def draw_sample(
    connection: SnowflakeConnection,
    manifests: Sequence[Manifest],
    plan: InferencePlan,
    *,
    sampling: str,
    size: int,
    target: str,
) -> Manifest:
    """Write the sample's manifest.

    :param manifests: the shards to draw from.
    :param sampling: as :func:`~.files.sampling.sample_select`.
    :param size: how many rows.
    :param target: a fresh folder.
    :raises InvalidInputError: for another sampling, and when the manifest was removed or changed.
    """
    chosen = shards_for(manifests, size)
    staged = StagedParquet(connection, plan.job_schema)
    check_manifest_exists(connection, chosen[0])
    try:
        select = sample_select(chosen, [staged.source(manifest.location) for manifest in chosen], sampling, size)
    except ValueError as error:
        raise InvalidInputError(str(error)) from None
    rows = staged.copy_rows(select, target)
    expected = min(size, sum(manifest.row_count for manifest in chosen))
    if rows != expected:
        raise InvalidInputError(
            f"The sample has {rows} rows and should have {expected}, so the manifest {chosen[0].location} was "
            "changed after it was written. Clear the task that listed the files"
        )
    return replace(
        manifests[0],
        location=target,
        row_count=rows,
        file_count=rows * max(1, len(manifests[0].file_columns)),
        digest=digest(plan.manifest_digest, size, sampling)[:32],
        # Of the whole claim: the ledger quarantines a file whichever shard it is in.
        shard=0,
        shards=1,
    )
