"""The specification of a batch inference job: the YAML text in EXECUTE INFERENCE JOB SERVICE.

snowflake-ml has classes for it, whose import takes seconds. So their fields and rules are written down here. Tests
compare both the fields and the statement with what the installed snowflake-ml sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_mediabatch.core.coercion import truth_value, whole_number
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.snowflake_objects import Problem
from airflow_provider_mediabatch.core.stage_path import StagePath

FULL_STAGE_PATH = "full_stage_path"
RAW_BYTES, BASE64, BASE64_DATA_URL = "raw_bytes", "base64", "base64_data_url"
ENCODINGS = (RAW_BYTES, BASE64, BASE64_DATA_URL)
ENGINES = ("VLLM", "PYTHON_GENERIC")
SAVE_MODES = ("error", "overwrite")


class _RefusedError(ValueError):
    """A field's value that no job can run with; the text is the fix."""


def _quantity(pattern: str, example: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)  # snowflake-ml wants text, and a DAG that renders native values cannot give it
        if not isinstance(value, str) or not re.fullmatch(pattern, value.strip()):
            raise _RefusedError(f"give a text such as {example!r}")
        return value.strip()

    return read


def _count(value: Any) -> int | None:
    try:
        return whole_number("", value)
    except ValueError:
        raise _RefusedError("give a whole number from 1") from None


def _flag(value: Any) -> bool | None:
    try:
        return truth_value("", value)
    except ValueError:
        raise _RefusedError("give True or False") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _RefusedError("give a text")
    return value


def _engine(value: Any) -> str:
    name = str(getattr(value, "name", value)).strip().upper()
    if name not in ENGINES:
        raise _RefusedError(f"the engines are {', '.join(ENGINES)}")
    return name


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise _RefusedError('give a list of texts, such as ["--max-model-len=4096"]')
    return list(value)


def _no_adapters(value: Any) -> None:
    if value:
        raise _RefusedError(
            "LoRA adapters are not supported: log the model with the adapter merged into it, and give that version"
        )


_Reader = Callable[[Any], Any]

SPECIFICATIONS: Mapping[str, Mapping[str, _Reader | Mapping[str, _Reader]]] = {
    "resources_spec": {
        "cpu_requests": _quantity(r"\d+(\.\d+)?m?", "4"),
        "memory_requests": _quantity(r"\d+(\.\d+)?[KMGT](i|iB|B)?", "16Gi"),
        "gpu_requests": _quantity(r"\d+", "1"),
    },
    "inference_spec": {
        "num_workers": _count,
        "max_batch_rows": _count,
        "engine_options": {"engine": _engine, "engine_args_override": _texts},
        "adapters": _no_adapters,
    },
    "image_build_spec": {"image_repo": _text, "force_rebuild": _flag},
}
"""What reads each field of each specification, in the order in which snowflake-ml writes them."""


def read_specification(name: str, spec: Mapping[str, Any] | None) -> tuple[dict[str, Any] | None, list[Problem]]:
    """A specification as the plan keeps it: known fields in snowflake-ml's order and types, unset ones left out.

    :param name: ``resources_spec``, ``inference_spec`` or ``image_build_spec``.
    :param spec: fields as a DAG file gives them; numbers and booleans may be text, as a template renders them.
    :return: the fields, None where no specification was given, and what no job can run with.
    """
    problems: list[Problem] = []
    return None if spec is None else _read(name, spec, SPECIFICATIONS[name], problems), problems


def job_specification(plan: InferencePlan, output_location: str, save_mode: str) -> str:
    """The YAML text, equal to that of ``ModelVersion.run_batch`` for the same arguments.

    :param plan: as validation wrote it.
    :param output_location: stage path; the job writes a folder of its own name below it.
    :param save_mode: ``error`` or ``overwrite``: what happens when that folder holds files.
    :raises ValueError: the plan is not one that validation wrote.
    """
    import yaml

    specs = {}
    for name in SPECIFICATIONS:
        specs[name], problems = read_specification(name, getattr(plan, name))
        if problems:
            raise ValueError(f"{problems[0].what}; {problems[0].fix}")
    for column, options in plan.column_handling.items():
        if set(options) != {"input_format", "convert_to"} or options["convert_to"] not in ENCODINGS:
            raise ValueError(f"column_handling of {column} is {dict(options)!r}")
    if save_mode not in SAVE_MODES:
        raise ValueError(f"save_mode is {save_mode!r}; give one of {', '.join(SAVE_MODES)}")
    image_build = specs["image_build_spec"]
    blocks: dict[str, dict[str, Any]] = {
        "input": {
            "params": dict(plan.params) or None,
            "column_handling": {name: dict(options) for name, options in plan.column_handling.items()} or None,
            "partition_column": plan.partition_column,
        },
        "output": {"stage_location": StagePath.parse(output_location).folder.full, "mode": save_mode},
        "resources": specs["resources_spec"] or {},
        "inference": specs["inference_spec"] or {},
        "image_build": image_build | {"force_rebuild": image_build.get("force_rebuild", False)} if image_build else {},
    }
    for name, fields in blocks.items():
        blocks[name] = {field: value for field, value in fields.items() if value is not None}
    return yaml.safe_dump({name: fields for name, fields in blocks.items() if fields}, sort_keys=False)


def _read(
    name: str, spec: Any, fields: Mapping[str, _Reader | Mapping[str, Any]], problems: list[Problem]
) -> dict[str, Any]:
    if not isinstance(spec, Mapping):
        fix = f"give a dict with fields of: {', '.join(fields)}"
        problems.append(Problem(f"{name} = {spec!r} is {type(spec).__name__}", fix))
        return {}
    for key in spec:
        if key not in fields:
            close = closest(str(key), fields)
            what = f"{name} has no field {key!r}" + (f"; did you mean {close!r}?" if close else "")
            problems.append(Problem(what, f"its fields are: {', '.join(fields)}"))
    found = {}
    for key, reader in fields.items():
        if spec.get(key) is None:
            continue
        try:
            value = reader(spec[key]) if callable(reader) else _read(key, spec[key], reader, problems)
        except _RefusedError as error:
            problems.append(Problem(f"{name}: {key} = {spec[key]!r}", str(error)))
            continue
        if value is not None:
            found[key] = value
    return found
