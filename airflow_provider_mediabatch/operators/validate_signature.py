"""ValidateSignatureOperator: everything that can be known before a job costs money, in one round of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_mediabatch.client.connection import connected
from airflow_provider_mediabatch.core.manifest import manifests_from_xcom
from airflow_provider_mediabatch.exceptions import InvalidInputError, NotAuthorizedError
from airflow_provider_mediabatch.files.arguments import read_arguments
from airflow_provider_mediabatch.links.location import LocationLink, push_location
from airflow_provider_mediabatch.operators.lineage import LineageMixin
from airflow_provider_mediabatch.validation.batch_request import BatchRequest

if TYPE_CHECKING:
    from airflow.sdk import Context


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
    :param model_params: parameters of the model's method (``params`` in snowflake-ml's ``InputSpec``; Airflow's
        operators have a ``params`` of their own).
    :param partition_column: for partitioned methods: rows with equal values reach the model together.
    :param resources_spec: ``cpu_requests``, ``memory_requests``, ``gpu_requests`` (texts).
    :param inference_spec: ``num_workers``, ``max_batch_rows``, ``engine_options`` (``engine``,
        ``engine_args_override``).
    :param image_build_spec: ``image_repo``, ``force_rebuild``.
    :param replicas: instances of each job.
    :param job_schema: ``DATABASE.SCHEMA`` that the jobs are created in, in names that need no quotes; None: the
        model's.
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
        """Fetch the facts, check them, and return the plan.

        :return: an :class:`~.core.inference_plan.InferencePlan` in its XCom form.
        :raises ValidationFailedError: with all problems. The claimed files are released before.
        """
        from airflow_provider_mediabatch.validation.facts import fetch
        from airflow_provider_mediabatch.validation.planning import make_plan

        read_arguments(self, {})
        try:
            manifests = manifests_from_xcom(self.manifest)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
        try:
            with connected(self.snowflake_conn_id) as connection:
                request = self._request()
                plan = make_plan(request, manifests, fetch(connection, request, manifests))
                push_location(context, connection, plan.output_location)
        except (InvalidInputError, NotAuthorizedError) as error:
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

    def _request(self) -> BatchRequest:
        return BatchRequest(
            model_name=self.model_name,
            compute_pool=self.compute_pool,
            output_location=self.output_location,
            version_name=self.version_name,
            function_name=self.function_name,
            column_handling=self.column_handling or {},
            model_params=self.model_params or {},
            partition_column=self.partition_column,
            resources_spec=self.resources_spec,
            inference_spec=self.inference_spec,
            image_build_spec=self.image_build_spec,
            replicas=self.replicas,
            job_schema=self.job_schema,
        )
