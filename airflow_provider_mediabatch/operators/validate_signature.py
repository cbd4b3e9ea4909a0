"""ValidateSignatureOperator: everything that can be known before a job costs money, in one round of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.job_names import check_schema
from airflow_provider_mediabatch.core.manifest import BOOKKEEPING, SHARD, Manifest, combined_digest, manifests_from_xcom
from airflow_provider_mediabatch.core.metadata import FunctionInfo, ModelInfo, Problem
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import InvalidInputError, ValidationFailedError
from airflow_provider_mediabatch.links.location import LocationLink, push_location
from airflow_provider_mediabatch.operators.lineage import LineageMixin
from airflow_provider_mediabatch.validation import environment, signature

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection


class ValidateSignatureOperator(LineageMixin, BaseOperator):
    """Match a manifest with a model's signature and its surroundings, and return the plan that the jobs run by.

    All problems are reported at once, each with its fix. Nothing is started. Version, alias and default are resolved
    here, once; the plan pins the version's own name.

    :param manifest: what ListStageFilesOperator returned: a manifest, or a list of them (shards).
    :param model_name: ``DATABASE.SCHEMA.MODEL``; unqualified parts come from the connection.
    :param compute_pool: where the jobs run.
    :param output_location: stage path; each job writes a folder of its own name below it.
    :param version_name: version or alias; None: the model's default version.
    :param function_name: the model's function; None: the only one it has.
    :param column_handling: overrides of what follows from the signature: column to ``"RAW_BYTES"``, ``"BASE64"`` or
        ``"BASE64_DATA_URL"``, or to ``{"input_format": "FULL_STAGE_PATH", "convert_to": …}``.
    :param model_params: parameters of the model's method (``params`` of the seed and of ``InputSpec``; Airflow's
        operators have a ``params`` of their own).
    :param partition_column: for partitioned methods: rows with equal values reach the model together.
    :param resources_spec: ``cpu_requests``, ``memory_requests``, ``gpu_requests`` (texts).
    :param inference_spec: ``num_workers``, ``max_batch_rows``, ``engine_options``.
    :param image_build_spec: ``image_repo``, ``force_rebuild``.
    :param replicas: instances of each job.
    :param job_schema: ``DATABASE.SCHEMA`` that the jobs are created in; None: the model's.
    :param snowflake_conn_id: Airflow connection of type ``snowflake``.
    :raises ValidationFailedError: with all problems found.
    """

    template_fields: Sequence[str] = (
        "manifest",
        "model_name",
        "compute_pool",
        "output_location",
        "version_name",
        "function_name",
        "column_handling",
        "model_params",
        "partition_column",
        "resources_spec",
        "inference_spec",
        "image_build_spec",
        "replicas",
        "job_schema",
        "snowflake_conn_id",
    )
    operator_extra_links = (LocationLink(),)
    ui_color = "#e8f4ff"

    def __init__(
        self,
        *,
        manifest: Any,
        model_name: str,
        compute_pool: str,
        output_location: str,
        version_name: str | None = None,
        function_name: str | None = None,
        column_handling: Mapping[str, Any] | None = None,
        model_params: Mapping[str, Any] | None = None,
        partition_column: str | None = None,
        resources_spec: Mapping[str, Any] | None = None,
        inference_spec: Mapping[str, Any] | None = None,
        image_build_spec: Mapping[str, Any] | None = None,
        replicas: int | str | None = None,
        job_schema: str | None = None,
        snowflake_conn_id: str = "snowflake_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.manifest = manifest
        self.model_name = model_name
        self.compute_pool = compute_pool
        self.output_location = output_location
        self.version_name = version_name
        self.function_name = function_name
        self.column_handling = column_handling
        self.model_params = model_params
        self.partition_column = partition_column
        self.resources_spec = resources_spec
        self.inference_spec = inference_spec
        self.image_build_spec = image_build_spec
        self.replicas = replicas
        self.job_schema = job_schema
        self.snowflake_conn_id = snowflake_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Validate; return the :class:`~.core.inference_plan.InferencePlan` in its XCom form."""
        from airflow_provider_mediabatch.client.connection import connected

        try:
            manifests = manifests_from_xcom(self.manifest)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
        try:
            with connected(self.snowflake_conn_id) as connection:
                plan = self.validate(connection, manifests)
                push_location(context, connection, plan.output_location)
        except InvalidInputError as error:
            from airflow_provider_mediabatch.ledger.ledger import release_claims

            release_claims(self.snowflake_conn_id, manifests, f"validation failed: {error.what}", self.log)
            raise
        for warning in plan.warnings:
            self.log.warning(warning)
        self.log.info(
            "%s version %s, function %s: %s -> %s, digest %s",
            plan.model,
            plan.model_version,
            plan.function,
            dict(plan.inputs),
            dict(plan.outputs),
            plan.digest[:16],
        )
        return plan.to_xcom()

    def validate(self, connection: SnowflakeConnection, manifests: Sequence[Manifest]) -> InferencePlan:
        """The plan for these manifests, or :class:`ValidationFailedError` with all problems."""
        findings = signature.Findings()
        first = manifests[0]
        replicas = self._replicas(findings)
        specs = {
            "resources_spec": self.resources_spec,
            "inference_spec": self.inference_spec,
            "image_build_spec": self.image_build_spec,
        }
        environment.check_specs(specs, replicas, findings)
        model, function = self._model(connection, findings)
        pool = self._check_pool(connection, model, replicas, findings)
        inputs = signature.Inputs(first.columns, first.file_columns, frozenset(BOOKKEEPING) | {SHARD})
        handling: dict[str, dict[str, str]] = {}
        params: dict[str, Any] = {}
        if model is not None and function is not None:
            matched = signature.match_columns(function, inputs, findings)
            handling = signature.handle_columns(function, inputs, matched, self.column_handling or {}, findings)
            signature.check_types(function, inputs, matched, handling, findings)
            params = signature.typed_params(function, self.model_params or {})
            signature.check_params(function, params, findings)
            signature.check_partition(model, function, inputs, self.partition_column, findings)
            signature.check_names(function, inputs, findings)
            self._check_pinned(first, model, function, findings)
        schema = self._schema(connection, model, findings)
        output = self._check_stages(connection, manifests, list(handling), schema, findings)
        if findings.problems or model is None or function is None or output is None:
            raise ValidationFailedError(findings.problems)
        partition = self.partition_column and signature.find_column(self.partition_column, inputs.usable)
        return InferencePlan(
            model=model.model,
            model_version=model.version,
            function=function.target_method,
            inputs={str(spec["name"]): signature.input_type(spec) for spec in function.inputs},
            outputs={str(spec["name"]): signature.input_type(spec) for spec in function.outputs},
            column_handling=handling,
            params=params,
            partition_column=partition or None,
            method_type=function.method_type,
            partitioned=function.partitioned,
            model_type=model.model_type,
            warnings=tuple(findings.warnings),
            compute_pool=pool,
            job_schema=schema,
            output_location=output.folder.full,
            resources_spec=_plain(self.resources_spec),
            inference_spec=_plain(self.inference_spec),
            image_build_spec=_plain(self.image_build_spec),
            replicas=replicas,
            manifest_digest=combined_digest(manifests),
            manifests=tuple(manifest.digest[:16] for manifest in manifests),
        )

    def _model(
        self, connection: SnowflakeConnection, findings: signature.Findings
    ) -> tuple[ModelInfo | None, FunctionInfo | None]:
        from airflow_provider_mediabatch.client.model_registry import resolve_version

        try:
            model = resolve_version(connection, self.model_name, self.version_name)
        except InvalidInputError as error:
            findings.problem(error.what, "correct model_name or version_name, or run the GRANT")
            return None, None
        function = model.function(self.function_name)
        if isinstance(function, Problem):
            findings.problems.append(function)
            return model, None
        return model, function

    def _check_stages(
        self,
        connection: SnowflakeConnection,
        manifests: Sequence[Manifest],
        handled: Sequence[str],
        job_schema: str,
        findings: signature.Findings,
    ) -> StagePath | None:
        """Output stage, and each stage that files are read from; one SHOW STAGES for each of their schemas.

        :param handled: columns that the job reads files by; the listing may not have known that they hold paths.
        :param job_schema: where the file format is made that reads the manifest; "" where that is a problem already.
        """
        from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
        from airflow_provider_mediabatch.client.stages import output_folder, stages

        output: StagePath | None = None
        try:
            output = StagePath.parse(self.output_location, database=connection.database, schema=connection.schema)
        except ValueError as error:
            findings.problem(f"output_location: {error}", "write @DATABASE.SCHEMA.STAGE/path/")
        sources: list[StagePath] = []
        for manifest in manifests:
            environment.check_unqualified(manifest.unqualified_paths, findings)
        full = [manifest for manifest in manifests if not manifest.is_empty]
        if full:
            if not output_folder(connection, full[0].location).files:
                findings.problem(
                    f"The manifest {full[0].location} is not there any more",
                    "clear the task that listed the files, so that it is written again",
                )
            elif job_schema:
                staged = StagedParquet(connection, job_schema)
                places = [manifest.location for manifest in full[:20]]
                names = staged.stage_names(places, sorted({*full[0].file_columns, *handled}))
                for column in sorted(set(handled) - set(full[0].file_columns)):
                    environment.check_unqualified({column: staged.unqualified(places, column)}, findings)
                sources = [StagePath.parse(f"@{name}") for name in names]
        schemas = {(place.database, place.schema) for place in [*sources, *([output] if output else [])]}
        known = {schema: stages(connection, *schema) for schema in sorted(schemas)}
        for place in sources:
            environment.check_input_stage(place, known, findings)
        if output is not None:
            environment.check_output_stage(output, known, findings)
            environment.check_locations([manifest.path for manifest in manifests], output, findings)
        return output

    def _check_pool(
        self,
        connection: SnowflakeConnection,
        model: ModelInfo | None,
        replicas: int | None,
        findings: signature.Findings,
    ) -> str:
        from airflow_provider_mediabatch.client.compute_pools import compute_pools

        resources = self.resources_spec or {}
        if model is not None:
            environment.check_gpu(model, resources, findings)
        return environment.check_compute_pool(
            self.compute_pool, compute_pools(connection), resources, replicas, findings
        )

    def _check_pinned(
        self, manifest: Manifest, model: ModelInfo, function: FunctionInfo, findings: signature.Findings
    ) -> None:
        """A listing made for a model version ("new" asks the ledger for it) binds the plan to that version."""
        listed = (manifest.model, manifest.model_version, manifest.function)
        pinned = (model.model, model.version, function.target_method)
        for what, one, other in zip(("model", "version", "function"), listed, pinned, strict=True):
            if one is not None and one != other:
                findings.problem(
                    f"The files were listed for {what} {one}, but validation resolved {other}",
                    "give both operators the same model_name, version_name and function_name, then clear the listing",
                )
        outputs = {str(spec["name"]).upper() for spec in function.outputs}
        if manifest.ledger and function.partitioned and manifest.key_column.upper() not in outputs:
            findings.problem(
                f"A ledger records files, and {function.target_method} works on whole partitions: its output does not "
                f"say which file a row is of (no output {manifest.key_column})",
                f"return {manifest.key_column} among the method's outputs, or list with ledger=None",
            )

    def _schema(self, connection: SnowflakeConnection, model: ModelInfo | None, findings: signature.Findings) -> str:
        """``DB.SCHEMA`` of the jobs."""
        try:
            if self.job_schema:
                names = sql.split(self.job_schema)
                if len(names) == 1:
                    names = (str(connection.database or ""), *names)
                schema = sql.qualified(*names)
            elif model is not None:
                schema = sql.qualified(*sql.split(model.model)[:2])
            else:
                return ""
            check_schema(schema)
        except ValueError as error:
            findings.problem(f"job_schema: {error}", "set job_schema to DATABASE.SCHEMA, in names that need no quotes")
            return ""
        return schema

    def _replicas(self, findings: signature.Findings) -> int | None:
        """A template gives text; a whole number is what Snowflake wants."""
        if isinstance(self.replicas, str) and self.replicas.strip().isdigit():
            return int(self.replicas)
        if isinstance(self.replicas, str):
            findings.problem(f"replicas = {self.replicas!r}", "give a whole number from 1")
            return None
        return self.replicas


def _plain(spec: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(spec) if spec else None
