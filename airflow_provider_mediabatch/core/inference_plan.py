"""What one batch will run: the checked and pinned answer of validation, ready to become a statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from airflow_provider_mediabatch.core import xcom

_NOT_PART_OF_THE_WORK = {"warnings", "manifest_digest", "manifests"}


@dataclass(frozen=True)
class InferencePlan:
    """A model version, a function and how the manifest's columns reach it. Aliases and defaults are resolved.

    :param model: qualified name as SQL, ``DB.SCHEMA.MODEL``.
    :param model_version: the version's own name as Snowflake stores it, never an alias.
    :param model_version_created_on: when the version was logged (:attr:`.ModelInfo.created_on`); a job is started only
        while the version of this name is that one. "", in a plan written by hand: whichever has the name.
    :param function: the model's target method, as ``FUNCTION = '…'`` wants it.
    :param inputs: signature inputs, name to type (``BYTES``, ``STRING``, ``INT64`` …).
    :param outputs: signature outputs, name to type.
    :param column_handling: file column to ``{"input_format": …, "convert_to": …}``.
    :param params: model parameters passed to the method.
    :param partition_column: column whose equal values reach the model together, or None.
    :param method_type: ``FUNCTION`` or ``TABLE_FUNCTION``.
    :param partitioned: the method wants whole partitions: it may return more or fewer rows than it gets.
    :param model_type: snowflake-ml's name of the model's kind (``custom``, ``huggingface_pipeline`` …).
    :param compute_pool: where the job runs.
    :param job_schema: ``DB.SCHEMA`` that the jobs are created in.
    :param output_location: full stage path; each job writes a folder of its own name below it.
    :param resources_spec: snowflake-ml's ResourcesSpec as a dict, or None.
    :param inference_spec: snowflake-ml's InferenceSpec as a dict, or None.
    :param image_build_spec: snowflake-ml's ImageBuildSpec as a dict, or None.
    :param replicas: instances of the job, or None for Snowflake's default.
    :param warnings: what validation found worth saying, none of it fatal.
    :param manifest_digest: digest over all manifests that were validated.
    :param manifests: the first 16 digits of each validated manifest's digest.
    """

    model: str
    model_version: str
    function: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    column_handling: Mapping[str, Mapping[str, str]]
    compute_pool: str
    job_schema: str
    output_location: str
    model_version_created_on: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    partition_column: str | None = None
    method_type: str = "FUNCTION"
    partitioned: bool = False
    model_type: str = "custom"
    resources_spec: Mapping[str, Any] | None = None
    inference_spec: Mapping[str, Any] | None = None
    image_build_spec: Mapping[str, Any] | None = None
    replicas: int | None = None
    warnings: tuple[str, ...] = ()
    manifest_digest: str = ""
    manifests: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Digest of everything that shapes the job; two plans with the same digest send the same statement."""
        return xcom.digest({key: item for key, item in asdict(self).items() if key not in _NOT_PART_OF_THE_WORK})

    @property
    def tested_digest(self) -> str:
        """Digest of what a sample tests: the plan without the place that the output is written to."""
        left_out = _NOT_PART_OF_THE_WORK | {"output_location"}
        return xcom.digest({key: item for key, item in asdict(self).items() if key not in left_out})

    @property
    def keeps_rows(self) -> bool:
        """One output row for each input row: true of all but methods that work on whole partitions."""
        return not self.partitioned and self.method_type != "TABLE_FUNCTION"

    def covers(self, manifest_digest: str) -> bool:
        """Whether the manifest with this digest is one of those that were validated."""
        return manifest_digest[:16] in self.manifests

    def to_xcom(self) -> dict[str, Any]:
        """JSON form, with the digest spelled out for readers."""
        return xcom.write(self, digest=self.digest)

    @classmethod
    def from_xcom(cls, value: object) -> InferencePlan:
        """The plan of an XCom.

        :raises ValueError: as :func:`.xcom.read`, and when the plan was changed since it was written.
        """
        plan = xcom.read(cls, value, convert={"warnings": tuple, "manifests": tuple}, extra=("digest",))
        written = value.get("digest") if isinstance(value, Mapping) else None
        if written is not None and written != plan.digest:
            raise ValueError("this InferencePlan was changed after validation wrote it: its digest does not fit")
        return plan
