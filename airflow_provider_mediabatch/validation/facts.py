"""The facts that the checks of a batch need, fetched once over one connection. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.compute_pools import compute_pools
from airflow_provider_mediabatch.client.model_registry import resolve_version
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.client.stages import output_folder, stages
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.job_names import check_schema
from airflow_provider_mediabatch.core.snowflake_objects import (
    ComputePoolInfo,
    FunctionInfo,
    ModelInfo,
    Problem,
    StageInfo,
)
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.validation import chat
from airflow_provider_mediabatch.validation.column_handling import possible_file_columns
from airflow_provider_mediabatch.validation.signature import Inputs

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.manifest import Manifest
    from airflow_provider_mediabatch.validation.batch_request import BatchRequest

MAX_MANIFESTS = 20
"""The stages of this number of shards are looked up. All shards come from one listing, so their stages are the same."""


@dataclass(frozen=True)
class BatchFacts:
    """What Snowflake says about a batch's surroundings.

    :param model: the pinned model version, or the problem that kept it from being resolved.
    :param function: the function to run, or the problem; None without a model.
    :param pools: the compute pools that the role sees.
    :param job_schema: ``DB.SCHEMA`` as SQL, or the text of what is wrong with the argument; "" without a model.
    :param job_schema_problem: what is wrong with the argument; "" when nothing is.
    :param output: the output location, or what is wrong with the argument.
    :param lost_manifest: the location of a manifest whose Parquet is gone, or None.
    :param sources: the stages that the manifests' paths are on.
    :param unqualified: for each possible file column that the listing did not know as one: how many of its values are
        no full stage paths, with an example.
    :param messages: the forms of a chat model's messages (:func:`.chat.census_sql`); none for a model of another kind.
    :param stages: the stages of each schema in use; None for a schema that does not exist or may not be seen.
    """

    model: ModelInfo | Problem
    function: FunctionInfo | Problem | None
    pools: Sequence[ComputePoolInfo]
    job_schema: str
    job_schema_problem: str
    output: StagePath | str
    lost_manifest: str | None
    sources: Sequence[StagePath]
    unqualified: Mapping[str, Mapping[str, Any]]
    stages: Mapping[tuple[str, str], Sequence[StageInfo] | None]
    messages: Sequence[Mapping[str, Any]] = ()


def fetch(connection: SnowflakeConnection, request: BatchRequest, manifests: Sequence[Manifest]) -> BatchFacts:
    """Ask Snowflake for everything, in a number of statements that does not depend on the number of files.

    :param manifests: at least one; all shards have the same columns.
    """
    model = _model(connection, request)
    function = model.function(request.function_name) if isinstance(model, ModelInfo) else None
    job_schema, problem = _job_schema(connection, request, model)
    output: StagePath | str
    try:
        output = StagePath.parse(request.output_location, database=connection.database, schema=connection.schema)
    except ValueError as error:
        output = str(error)
    filled = [manifest for manifest in manifests if not manifest.is_empty]
    lost = filled[0].location if filled and not output_folder(connection, filled[0].location).files else None
    sources: list[StagePath] = []
    unqualified: dict[str, Mapping[str, Any]] = {}
    messages: Sequence[Mapping[str, Any]] = ()
    if filled and not lost and job_schema:
        # The jobs' schema is where the role may create a file format. The manifest's schema need not be.
        staged = StagedParquet(connection, job_schema)
        locations = [manifest.location for manifest in filled[:MAX_MANIFESTS]]
        known = filled[0].file_columns
        inputs = Inputs.of(filled[0])
        candidates = (
            possible_file_columns(function, inputs, request.column_handling)
            if isinstance(function, FunctionInfo)
            else set()
        )
        names = staged.stage_names(locations, sorted({*known, *candidates}))
        sources = [StagePath.parse(f"@{name}") for name in names]
        unqualified = {column: staged.unqualified(locations, column) for column in sorted(candidates - set(known))}
        column = chat.messages_column(function, inputs) if isinstance(function, FunctionInfo) else None
        if column is not None and column not in known:
            messages = staged.rows(chat.census_sql([staged.source(location) for location in locations], column))
    places = [*sources, output] if isinstance(output, StagePath) else sources
    schemas = {(place.database, place.schema) for place in places}
    return BatchFacts(
        model=model,
        function=function,
        pools=compute_pools(connection),
        job_schema=job_schema,
        job_schema_problem=problem,
        output=output,
        lost_manifest=lost,
        sources=sources,
        unqualified=unqualified,
        stages={schema: stages(connection, *schema) for schema in sorted(schemas)},
        messages=messages,
    )


def _model(connection: SnowflakeConnection, request: BatchRequest) -> ModelInfo | Problem:
    try:
        return resolve_version(connection, request.model_name, request.version_name)
    except InvalidInputError as error:
        return Problem(error.what, "correct model_name or version_name, or run the GRANT")


def _job_schema(connection: SnowflakeConnection, request: BatchRequest, model: ModelInfo | Problem) -> tuple[str, str]:
    """``DB.SCHEMA`` of the jobs as SQL, and what is wrong with it."""
    try:
        if request.job_schema:
            names = sql.split(request.job_schema)
            if len(names) == 1:
                names = (str(connection.database or ""), *names)
            schema = sql.qualified(*names)
        elif isinstance(model, ModelInfo):
            schema = sql.qualified(*sql.split(model.model)[:2])
        else:
            return "", ""
        check_schema(schema)
    except ValueError as error:
        return "", str(error)
    return schema, ""
