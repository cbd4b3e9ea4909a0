"""From a request, its manifests and the facts to a plan, or to the list of all problems. Pure: no connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from airflow_provider_mediabatch.core.coercion import whole_number
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.job_specification import read_specification
from airflow_provider_mediabatch.core.manifest import Manifest, combined_digest
from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo, ModelInfo, Problem
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.exceptions import ValidationFailedError
from airflow_provider_mediabatch.validation import chat, column_handling, environment, parameters, signature
from airflow_provider_mediabatch.validation.batch_request import BatchRequest
from airflow_provider_mediabatch.validation.facts import BatchFacts
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.signature import Inputs

T = TypeVar("T")


def make_plan(request: BatchRequest, manifests: Sequence[Manifest], facts: BatchFacts) -> InferencePlan:
    """Check everything, then pin it.

    :param manifests: at least one; all shards have the same columns.
    :raises ValidationFailedError: with all problems, each with its fix.
    """
    findings = Findings()
    replicas = _replicas(request.replicas, findings)
    specs = {name: _specification(name, spec, findings) for name, spec in request.specs.items()}
    model = _known(facts.model, findings)
    function = _known(facts.function, findings)
    resources = specs["resources_spec"] or {}
    if model is not None:
        environment.check_gpu(model, resources, findings)
    pool = environment.check_compute_pool(request.compute_pool, facts.pools, resources, replicas, findings)
    inputs = Inputs.of(manifests[0])
    handling: dict[str, dict[str, str]] = {}
    params: dict[str, Any] = {}
    if model is not None and function is not None:
        handling, params = _check_signature(request, inputs, model, function, findings)
        chat.check_messages(function, inputs, facts.messages, findings)
        check_pinned(manifests[0], model, function, findings)
    if facts.job_schema_problem:
        fix = "set job_schema to DATABASE.SCHEMA, in names that need no quotes"
        findings.problem(f"job_schema: {facts.job_schema_problem}", fix)
    _check_stages(manifests, set(handling), facts, findings)
    if findings.problems or model is None or function is None or not isinstance(facts.output, StagePath):
        raise ValidationFailedError(findings.problems)
    partition = request.partition_column and signature.find_column(request.partition_column, inputs.usable)
    return InferencePlan(
        model=model.model,
        model_version=model.version,
        model_version_created_on=model.created_on,
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
        job_schema=facts.job_schema,
        output_location=facts.output.folder.full,
        resources_spec=specs["resources_spec"],
        inference_spec=specs["inference_spec"],
        image_build_spec=specs["image_build_spec"],
        replicas=replicas,
        manifest_digest=combined_digest(manifests),
        manifests=tuple(manifest.digest[:16] for manifest in manifests),
    )


def check_pinned(manifest: Manifest, model: ModelInfo, function: FunctionInfo, findings: Findings) -> None:
    """A listing made for a model version ("new" asks the ledger for it) binds the plan to that version."""
    listed = (manifest.model, manifest.model_version, manifest.function)
    pinned = (model.model, model.version, function.target_method)
    for what, one, other in zip(("model", "version", "function"), listed, pinned, strict=True):
        if one is not None and one != other:
            findings.problem(
                f"The files were listed for {what} {one}, but validation resolved {other}",
                "give both operators the same model_name, version_name and function_name, then clear the listing",
            )
    if listed == pinned and manifest.model_version_created_on not in (None, model.created_on):
        findings.problem(
            f"The files were listed for version {model.version} of {model.model}, and it was logged again since",
            "clear the listing",
        )
    outputs = {str(spec["name"]).upper() for spec in function.outputs}
    if manifest.ledger and function.partitioned and manifest.key_column.upper() not in outputs:
        findings.problem(
            f"A ledger records files, and {function.target_method} works on whole partitions: its output does not "
            f"say which file a row is of (no output {manifest.key_column})",
            f"return {manifest.key_column} among the method's outputs, or list with ledger=None",
        )


def _check_signature(
    request: BatchRequest, inputs: Inputs, model: ModelInfo, function: FunctionInfo, findings: Findings
) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """``column_handling`` of the job, and the parameters in the signature's types."""
    matched = signature.match_columns(function, inputs, findings)
    handling = column_handling.handle_columns(function, inputs, matched, request.column_handling, findings)
    signature.check_types(function, inputs, matched, handling, findings)
    column_handling.warn_of_text(inputs, handling, request.column_handling, findings)
    params = parameters.typed_params(function, request.model_params)
    parameters.check_params(function, params, findings)
    signature.check_partition(model, function, inputs, request.partition_column, findings)
    signature.check_names(function, inputs, findings)
    return handling, params


def _check_stages(manifests: Sequence[Manifest], handled: set[str], facts: BatchFacts, findings: Findings) -> None:
    """The manifests, the stages that files are read from, and the output's stage."""
    for manifest in manifests:
        # What feeds no input of the model is not read as a file.
        read = {column: found for column, found in manifest.unqualified_paths.items() if column in handled}
        environment.check_unqualified(read, findings)
    if facts.lost_manifest:
        findings.problem(
            f"The manifest {facts.lost_manifest} does not exist any more",
            "clear the task that listed the files, so that it is written again",
        )
    unqualified = {column: found for column, found in facts.unqualified.items() if column in handled}
    environment.check_unqualified(unqualified, findings)
    for place in facts.sources:
        environment.check_input_stage(place, facts.stages, findings)
    if isinstance(facts.output, StagePath):
        environment.check_output_stage(facts.output, facts.stages, findings)
        environment.check_locations([manifest.path for manifest in manifests], facts.output, findings)
    else:
        findings.problem(f"output_location: {facts.output}", "write @DATABASE.SCHEMA.STAGE/path/")


def _known(fact: T | Problem | None, findings: Findings) -> T | None:
    """A fact, or None after its problem was added to the findings."""
    if isinstance(fact, Problem):
        findings.problems.append(fact)
        return None
    return fact


def _replicas(value: int | str | None, findings: Findings) -> int | None:
    """A template gives text; Snowflake wants a whole number."""
    try:
        return whole_number("replicas", value)
    except ValueError:
        findings.problem(f"replicas = {value!r}", "give a whole number from 1")
        return None


def _specification(name: str, spec: Mapping[str, Any] | None, findings: Findings) -> dict[str, Any] | None:
    found, problems = read_specification(name, spec)
    findings.problems.extend(problems)
    return found or None
