"""What a user asks of a batch, as one value: the arguments of ValidateSignatureOperator after rendering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BatchRequest:
    """The arguments of a batch. Nothing is resolved or checked yet.

    :param model_name: as a user writes it.
    :param compute_pool: as a user writes it.
    :param output_location: stage path as a user writes it.
    :param version_name: version or alias; None: the model's default version.
    :param function_name: None: the only one the model has.
    :param column_handling: overrides, column to encoding or to ``{"input_format": …, "convert_to": …}``.
    :param model_params: parameters of the model's method.
    :param partition_column: for partitioned methods.
    :param resources_spec: snowflake-ml's ResourcesSpec as a dict.
    :param inference_spec: snowflake-ml's InferenceSpec as a dict.
    :param image_build_spec: snowflake-ml's ImageBuildSpec as a dict.
    :param replicas: a whole number, or its text as a template renders it.
    :param job_schema: ``DATABASE.SCHEMA`` of the jobs; None: the model's.
    """

    model_name: str
    compute_pool: str
    output_location: str
    version_name: str | None = None
    function_name: str | None = None
    column_handling: Mapping[str, Any] = field(default_factory=dict)
    model_params: Mapping[str, Any] = field(default_factory=dict)
    partition_column: str | None = None
    resources_spec: Mapping[str, Any] | None = None
    inference_spec: Mapping[str, Any] | None = None
    image_build_spec: Mapping[str, Any] | None = None
    replicas: int | str | None = None
    job_schema: str | None = None

    @property
    def specs(self) -> dict[str, Mapping[str, Any] | None]:
        """The three specifications by argument."""
        return {
            "resources_spec": self.resources_spec,
            "inference_spec": self.inference_spec,
            "image_build_spec": self.image_build_spec,
        }
