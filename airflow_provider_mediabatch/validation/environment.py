"""Checks of what surrounds the model: stages, compute pool, job schema, resources. Pure functions on facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.core import grants, sql
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.snowflake_objects import ComputePoolInfo, ModelInfo, StageInfo
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.validation.findings import Findings

StagesBySchema = Mapping[tuple[str, str], Sequence[StageInfo] | None]


def check_output_stage(location: StagePath, stages: StagesBySchema, findings: Findings) -> None:
    """The output must go to an internal stage that exists."""
    stage = _find_stage(location, stages, "output_location", "output_stage", findings)
    if stage is not None and stage.external:
        findings.problem(
            f"output_location is on the external stage {location.stage_name}: jobs write to internal stages only",
            f"CREATE STAGE {sql.qualified(location.database, location.schema, 'PREDICTIONS')} "
            "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE'), and use it as output_location",
        )


def check_input_stage(location: StagePath, stages: StagesBySchema, findings: Findings) -> None:
    """Where files are read from: external only on S3, not client-side encrypted; SNOWFLAKE_FULL gets a warning."""
    stage = _find_stage(location, stages, "a file's stage", "input_stage", findings)
    if stage is None:
        return
    name = location.stage_name
    if stage.client_side_key:
        findings.problem(
            f"Stage {name} is client-side encrypted: a job cannot read its files",
            "use a stage with server-side encryption (AWS_SSE_S3 or AWS_SSE_KMS)",
        )
    elif stage.external and not stage.url.lower().startswith(("s3://", "s3gov://", "s3china://", "s3compat://")):
        findings.problem(
            f"Stage {name} is external at {stage.url.split('://')[0]}://: jobs read external stages on S3 only",
            f"copy the files to an internal stage first: COPY FILES INTO @… FROM @{name}",
        )
    elif stage.encrypted_by_client:
        findings.warnings.append(
            f"Stage {name} is encrypted on the client side too (SNOWFLAKE_FULL); Snowflake asks for "
            "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE') on stages whose files are read by jobs. A file that is uploaded "
            "again unchanged is new on this stage"
        )


def check_locations(manifests: Sequence[StagePath], output: StagePath, findings: Findings) -> None:
    """A manifest inside the output location would be scanned, and in overwrite mode removed, as output."""
    for manifest in manifests:
        if manifest.is_within(output):
            findings.problem(
                f"The manifest {manifest.full} is inside output_location {output.full}",
                "use another stage or path for output_location, or for manifest_location",
            )
            return


def check_compute_pool(
    name: str, pools: Sequence[ComputePoolInfo], resources: Mapping[str, Any], replicas: int | None, findings: Findings
) -> str:
    """The pool must exist, and have GPUs where GPUs are requested. Returns its name as SQL."""
    try:
        resolved = sql.resolve(name)
    except ValueError as error:
        findings.problem(f"compute_pool: {error}", "give the compute pool's name")
        return name
    found = {pool.name: pool for pool in pools}
    pool = found.get(resolved)
    if pool is None:
        close = closest(resolved, found)
        findings.problem(
            errors.not_visible(f"Compute pool {resolved}", hint=f"; did you mean {close}?" if close else ""),
            (f"use one of: {', '.join(sorted(found)[:10])}; or " if found else "")
            + grants.grant_for("compute_pool", sql.identifier(resolved)),
        )
    else:
        if resources.get("gpu_requests") and not pool.gpu:
            gpu = [item.name for item in pools if item.gpu]
            findings.problem(
                f"gpu_requests is set, but compute pool {resolved} ({pool.instance_family}) has no GPU",
                f"use a GPU pool{': ' + ', '.join(gpu) if gpu else ''}, or leave gpu_requests out",
            )
        if replicas is not None and replicas > pool.max_nodes:
            findings.warnings.append(
                f"replicas = {replicas}, but compute pool {resolved} has at most {pool.max_nodes} nodes: some will wait"
            )
    return sql.identifier(resolved)


def check_gpu(model: ModelInfo, resources: Mapping[str, Any], findings: Findings) -> None:
    """GPUs are of use only to a model that was logged for them (snowflake-ml's own rule)."""
    if resources.get("gpu_requests") and not model.supports_gpu:
        findings.problem(
            f"gpu_requests is set, but {model.model} version {model.version} was logged without GPU support",
            'log it with options={"cuda_version": "…"}, or leave gpu_requests out',
        )


def check_unqualified(unqualified: Mapping[str, Mapping[str, Any]], findings: Findings) -> None:
    """Paths that a job could not resolve; they were counted on the server when the manifest was written."""
    for column, found in unqualified.items():
        nulls = int(found.get("nulls") or 0)
        if nulls:
            findings.problem(
                f"{nulls} values in column {column} are NULL, and the model's input is a file in every row",
                f"leave these rows out in the query: WHERE {sql.quoted(column)} IS NOT NULL",
            )
        if wrong := int(found.get("count") or 0) - nulls:
            findings.problem(
                f"{wrong} paths in column {column} are not full stage paths, for example {found.get('example')!r}. "
                "The job would fail with 'File not found'",
                f"write them as @DATABASE.SCHEMA.STAGE/path: SELECT '@DB.SCHEMA.STAGE/' || … AS {sql.quoted(column)}. "
                "If the column holds other text, name the column of paths with column_name= of ListStageFilesOperator",
            )


def _find_stage(
    location: StagePath, stages: StagesBySchema, what: str, use: str, findings: Findings
) -> StageInfo | None:
    schema = sql.qualified(location.database, location.schema)
    known = stages.get((location.database, location.schema))
    if known is None:
        findings.problem(
            errors.not_visible(f"Schema {schema} of {what} {location.full}"),
            f"correct the name, or {grants.grant_for('schema', schema)}",
        )
        return None
    by_name = {stage.name: stage for stage in known}
    if location.stage in by_name:
        return by_name[location.stage]
    close = closest(location.stage, by_name)
    hint = f"; did you mean @{sql.qualified(location.database, location.schema, close)}?" if close else ""
    findings.problem(
        errors.not_visible(f"Stage {location.stage_name} of {what}", hint=hint),
        f"correct the name (unquoted is upper case), or {grants.grant_for(use, location.stage_name)}",
    )
    return None
