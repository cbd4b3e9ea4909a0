"""The parameters of the model's method, checked against its signature. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_mediabatch.core.coercion import as_bool, as_float, as_int, is_given
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.signature import FLOATS, INTEGERS


def typed_params(function: FunctionInfo, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with texts turned into the numbers and booleans that the signature wants.

    A template renders to text, ``"{{ params.beams }}"`` to ``"4"``, in lists and groups of parameters as well. Text of
    nothing is None there, which leaves the parameter to its default. Text that is no such value is left for the check.
    """
    specs = {str(spec["name"]).upper(): spec for spec in function.params}
    return {name: _from_text(value, specs.get(name.upper(), {})) for name, value in params.items()}


def check_params(function: FunctionInfo, params: Mapping[str, Any], findings: Findings) -> None:
    """Unknown, doubled, missing and ill-typed parameters."""
    specs = {str(spec["name"]).upper(): spec for spec in function.params}
    names = ", ".join(str(spec["name"]) for spec in function.params) or "none"
    seen: set[str] = set()
    for name, value in params.items():
        spec = specs.get(name.upper())
        if spec is None:
            findings.problem(*_unknown(function, name, names))
            continue
        if name.upper() in seen:
            findings.problem(f"Parameter {spec['name']} is given twice, in different case", "give it once")
        seen.add(name.upper())
        if not _finite(value):
            findings.problem(
                f"Parameter {spec['name']} = {value!r}: a job's specification has no infinity and no NaN",
                "give a finite number, or leave the parameter out to use its default",
            )
        elif not _param_fits(spec, value):
            kind = _kind(spec)
            findings.problem(
                f"Parameter {spec['name']} takes {kind}, but {value!r} is {type(value).__name__}",
                f"give a value of {kind}",
            )
        elif "specs" in spec and isinstance(value, Mapping):
            _check_members(spec, value, str(spec["name"]), findings)
    for upper, spec in specs.items():
        if upper not in seen and "specs" not in spec and "default_value" not in spec:
            findings.problem(
                f"Parameter {spec['name']} has no default and is not given", f'model_params={{"{spec["name"]}": …}}'
            )


def _unknown(function: FunctionInfo, name: str, names: str) -> tuple[str, str]:
    """What is wrong with a name that is no parameter, and the fix."""
    column = next((str(spec["name"]) for spec in function.inputs if str(spec["name"]).upper() == name.upper()), None)
    what = f"{function.target_method} has no parameter {name!r}"
    if column is not None:
        return (
            f"{what}: its signature has an input of that name, which a column of the manifest feeds",
            f'give each row its value: extra_columns={{"{column.upper()}": "…"}} in ListStageFilesOperator',
        )
    guess = closest(name, [str(spec["name"]) for spec in function.params])
    return what + (f"; did you mean {guess!r}?" if guess else ""), f"its parameters are: {names}"


def _check_members(spec: Mapping[str, Any], value: Mapping[Any, Any], path: str, findings: Findings) -> None:
    """The members of a group of parameters, such as ``response_format``: unknown, doubled and ill-typed ones.

    Source: snowflake-ml's ``validate_param_group_value``, which takes names in any case.
    """
    members = {str(item["name"]).upper(): item for item in spec["specs"]}
    names = [str(item["name"]) for item in spec["specs"]]
    seen: set[str] = set()
    for key, item in value.items():
        name = f"{path}.{key}"
        member = members.get(str(key).upper())
        if member is None:
            guess = closest(str(key), names)
            findings.problem(
                f"Parameter {path} has no member {key!r}" + (f"; did you mean {guess!r}?" if guess else ""),
                f"its members are: {', '.join(names)}",
            )
        elif str(key).upper() in seen:
            findings.problem(f"Parameter {name} is given twice, in different case", "give it once")
        elif not _param_fits(member, item):
            kind = _kind(member)
            findings.problem(
                f"Parameter {name} takes {kind}, but {item!r} is {type(item).__name__}", f"give a value of {kind}"
            )
        elif "specs" in member and isinstance(item, Mapping):
            _check_members(member, item, name, findings)
        seen.add(str(key).upper())


def _kind(spec: Mapping[str, Any]) -> str:
    return f"{spec.get('dtype', 'object')}{list(spec['shape']) if spec.get('shape') else ''}"


def _from_text(value: Any, spec: Mapping[str, Any]) -> Any:
    if isinstance(value, list | tuple):
        return [_from_text(item, spec) for item in value]
    if isinstance(value, Mapping) and "specs" in spec:
        inner = {str(item["name"]).upper(): item for item in spec["specs"]}
        return {name: _from_text(item, inner.get(str(name).upper(), {})) for name, item in value.items()}
    kind = str(spec.get("dtype", "")).upper()
    reader = next((found for kinds, found in _READERS if kind in kinds), None)
    if reader is None or not isinstance(value, str):
        return value
    return reader(value) if is_given(value) else None


_READERS: tuple[tuple[set[str], Callable[[object], object]], ...] = (
    (INTEGERS, as_int),
    (FLOATS, as_float),
    ({"BOOL"}, as_bool),
)


def _finite(value: Any) -> bool:
    """snowflake-ml writes null for infinity and NaN, and the model's default is used."""
    if isinstance(value, Mapping):
        return all(_finite(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


def _param_fits(spec: Mapping[str, Any], value: Any) -> bool:
    """snowflake-ml's own rules: None is unset, bool is no number, int serves for float."""
    if value is None:
        return True
    if "specs" in spec:
        return isinstance(value, list if spec.get("shape") else Mapping)
    shape = spec.get("shape")
    if shape:
        if not isinstance(value, list | tuple) or (len(shape) == 1 and shape[0] not in (-1, len(value))):
            return False
        inner = {**spec, "shape": list(shape)[1:] or None}
        return all(item is not None and _param_fits(inner, item) for item in value)
    kind = str(spec.get("dtype", "")).upper()
    if kind in INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in FLOATS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "STRING":
        return isinstance(value, str)
    if kind == "BOOL":
        return isinstance(value, bool)
    return not isinstance(value, list | tuple) or kind == "OBJECT"
