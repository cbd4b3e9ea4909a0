"""The YAML of EXECUTE INFERENCE JOB SERVICE: every key known, every value checked, nothing silently left out.

The keys are those of snowflake-ml's public specification classes (``InputSpec``, ``OutputSpec``, ``ResourcesSpec``,
``InferenceSpec``, ``ImageBuildSpec``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported

_BLOCKS = {
    "output": {"stage_location", "mode"},
    "input": {"params", "column_handling", "partition_column"},
    "resources": {"cpu_requests", "memory_requests", "gpu_requests"},
    "inference": {"num_workers", "max_batch_rows", "engine_options", "adapters"},
    "image_build": {"image_repo", "force_rebuild"},
}
_ENCODINGS = ("raw_bytes", "base64", "base64_data_url")
_CPU = re.compile(r"\d+(\.\d+)?m?\Z")
_MEMORY = re.compile(r"\d+(\.\d+)?\s*(Ki|Mi|Gi|Ti|K|M|G|T)i?B?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Specification:
    """A checked specification.

    :param output: the stage location under which the job's folder is made.
    :param overwrite: whether the files in that folder are removed first.
    :param file_columns: column → encoding.
    :param workers: processes of each instance.
    """

    text: str
    output: str
    overwrite: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    file_columns: dict[str, str] = field(default_factory=dict)
    partition_column: str | None = None
    gpu: str | None = None
    workers: int = 1
    max_batch_rows: int | None = None
    force_rebuild: bool = False


def invalid(text: str) -> SnowflakeError:
    """The specification is wrong."""
    return SnowflakeError(395018, "22023", f"Invalid spec: {text}")


def parse(text: str) -> Specification:
    """Read and check a specification.

    :raises SnowflakeError: naming the key or value that is wrong.
    """
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise invalid(f"not YAML: {error}") from None
    body = _mapping("the specification", body)
    _known("the specification", body, set(_BLOCKS))
    blocks = {name: _mapping(name, body.get(name)) for name in _BLOCKS}
    for name, block in blocks.items():
        _known(name, block, _BLOCKS[name])
    output, given, inference = blocks["output"], blocks["input"], blocks["inference"]
    location = output.get("stage_location")
    if not isinstance(location, str) or not location.startswith("@"):
        raise invalid(f"output.stage_location must be a stage path that begins with '@', not {location!r}")
    mode = str(output.get("mode") or "error").lower()
    if mode not in ("error", "overwrite"):
        raise invalid(f"output.mode must be error or overwrite, not {output['mode']!r}")
    _engine(inference)
    image = blocks["image_build"]
    if image.get("force_rebuild") not in (None, True, False):
        raise invalid(f"image_build.force_rebuild must be true or false, not {image['force_rebuild']!r}")
    partition = given.get("partition_column")
    if partition is not None and not isinstance(partition, str):
        raise invalid(f"input.partition_column must be a column name, not {partition!r}")
    return Specification(
        text=text,
        output=location,
        overwrite=mode == "overwrite",
        params=_mapping("input.params", given.get("params")),
        file_columns=_file_columns(given.get("column_handling")),
        partition_column=partition,
        gpu=_resources(blocks["resources"]),
        workers=_count("inference.num_workers", inference.get("num_workers")) or 1,
        max_batch_rows=_count("inference.max_batch_rows", inference.get("max_batch_rows")),
        force_rebuild=bool(image.get("force_rebuild")),
    )


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise invalid(f"{name} must be a mapping, not {value!r}")
    return value


def _known(name: str, block: dict[str, Any], keys: set[str]) -> None:
    unknown = sorted(block.keys() - keys)
    if unknown:
        raise invalid(f"unknown key {unknown[0]!r} in {name}; it takes {', '.join(sorted(keys))}")


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise invalid(f"{name} must be a whole number of at least 1, not {value!r}")
    return value


def _file_columns(value: Any) -> dict[str, str]:
    columns = {}
    for column, options in _mapping("input.column_handling", value).items():
        name = f"input.column_handling.{column}"
        options = _mapping(name, options)
        _known(name, options, {"input_format", "convert_to"})
        if options.get("input_format") != "full_stage_path":
            raise invalid(f"{name}.input_format must be full_stage_path, not {options.get('input_format')!r}")
        if options.get("convert_to") not in _ENCODINGS:
            raise invalid(
                f"{name}.convert_to must be one of {', '.join(_ENCODINGS)}, not {options.get('convert_to')!r}"
            )
        columns[column] = options["convert_to"]
    return columns


def _resources(block: dict[str, Any]) -> str | None:
    """The GPUs asked for. Requests for processors and memory are checked, but a local job may use the whole machine."""
    for key, pattern in (("cpu_requests", _CPU), ("memory_requests", _MEMORY)):
        if key in block and not pattern.match(str(block[key])):
            raise invalid(f"resources.{key}: {block[key]!r} is not a quantity")
    gpu = block.get("gpu_requests")
    if gpu is not None and not re.fullmatch(r"\d+", str(gpu)):
        raise invalid(f"resources.gpu_requests: {gpu!r} is not a number of GPUs")
    return str(gpu) if gpu is not None and int(gpu) else None


def _engine(inference: dict[str, Any]) -> None:
    options = _mapping("inference.engine_options", inference.get("engine_options"))
    _known("inference.engine_options", options, {"engine", "engine_args_override"})
    engine = options.get("engine")
    if engine is not None and str(engine).upper() != "PYTHON_GENERIC":
        raise not_supported(f"inference.engine_options.engine {engine}: only PYTHON_GENERIC")
    if options.get("engine_args_override"):
        raise not_supported("inference.engine_options.engine_args_override")
    if inference.get("adapters"):
        raise not_supported("inference.adapters")
