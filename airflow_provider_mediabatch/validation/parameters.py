"""The parameters of the model's method, checked against its signature. Pure functions."""

from __future__ import annotations

import datetime
import math
import numbers
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_provider_mediabatch.core.coercion import as_bool, as_float, as_int, is_given
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.signature import FLOATS, INTEGERS

_SHOWN_CHARACTERS, _SHOWN_DIGITS = 200, 100


def typed_params(function: FunctionInfo, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as a job's specification can have them: text, numbers, truth values, lists and groups of them.

    A template renders to text, ``"{{ params.beams }}"`` to ``"4"``, in lists and groups of parameters as well: it
    becomes the number or truth value that the signature wants. NumPy's numbers, enums and moments become plain ones.
    What is None, or text of nothing, is left out, so that the model's default is used. A value that is none of these
    is left for the check.
    """
    return _typed_members(params, function.params)


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
                f"Parameter {spec['name']} = {_shown(value)}: a job's specification has no infinity and no NaN",
                "give a finite number, or leave the parameter out to use its default",
            )
        elif not _param_fits(spec, value):
            findings.problem(*_misfit(spec, value, str(spec["name"])))
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
            findings.problem(*_misfit(member, item, name))
        elif "specs" in member and isinstance(item, Mapping):
            _check_members(member, item, name, findings)
        seen.add(str(key).upper())


def _misfit(spec: Mapping[str, Any], value: Any, name: str) -> tuple[str, str]:
    """What is wrong with a value that its parameter cannot take, and the fix."""
    kind = _kind(spec)
    if isinstance(value, bytes):
        return (
            f"Parameter {name} is bytes, and a job's specification is text",
            "give the file's path in a column of the manifest, or text that the model decodes",
        )
    limits = _limits(spec, value)
    what = f"{_shown(value)} is {limits or type(value).__name__}"
    example = ", a date or a time without a zone such as 2026-01-31T12:00:00" if kind == "TIMESTAMP_NTZ" else ""
    return f"Parameter {name} takes {kind}, but {what}", f"give a value of {kind}{example}"


def _limits(spec: Mapping[str, Any], value: Any) -> str:
    """In words, that a number is beyond its type; "" for other values."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    kind = str(spec.get("dtype", "")).upper()
    if not is_number or (kind in INTEGERS and not isinstance(value, int)) or kind not in INTEGERS | FLOATS:
        return ""
    if kind in FLOATS:
        return "more than a number of its type can be"
    low, high = _range(kind)
    return f"not between {low} and {high}"


def _shown(value: Any) -> str:
    """A value for a message. Python refuses to write whole numbers of many digits."""
    if isinstance(value, int) and abs(value) > 10**_SHOWN_DIGITS:
        return f"a whole number of more than {_SHOWN_DIGITS} digits"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _kind(spec: Mapping[str, Any]) -> str:
    return f"{spec.get('dtype', 'object')}{list(spec['shape']) if spec.get('shape') else ''}"


def _typed(value: Any, spec: Mapping[str, Any]) -> Any:
    if isinstance(value, list | tuple):
        return [_typed(item, spec) for item in value]
    if isinstance(value, Mapping):
        return _typed_members(value, spec.get("specs", ()))
    value = _plain(value)
    kind = str(spec.get("dtype", "")).upper()
    reader = next((found for kinds, found in _READERS if kind in kinds), None)
    if reader is None or not isinstance(value, (str, int) if kind == "BOOL" else str):
        return value
    return reader(value) if is_given(value) else None


def _typed_members(values: Mapping[Any, Any], specs: Iterable[Mapping[str, Any]]) -> dict[Any, Any]:
    """Values by name, in the types of their parameters. What of them has no value is left out."""
    known = {str(spec["name"]).upper(): spec for spec in specs}
    typed = {name: _typed(value, known.get(str(name).upper(), {})) for name, value in values.items()}
    # What a job makes of null is not documented. Names that are not known are kept for the check, and an object's own.
    return {name: value for name, value in typed.items() if value is not None or str(name).upper() not in known}


def _plain(value: Any) -> Any:
    """Numbers and texts of classes of their own (NumPy's, enums) as Python's; a date or a moment as ISO text.

    snowflake-ml's own ``run_batch`` writes them so, as far as it takes them.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational):
        return float(value)
    is_numpy = type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_")
    return bool(value) if is_numpy else value


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
    """snowflake-ml's own rules: None is unset, bool is no number, int serves for float, numbers are within their type.

    Source: its ``validate_leaf_param_value``, of which the image of batch inference has a copy.
    """
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
        low, high = _range(kind)
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if kind in FLOATS:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if kind in ("STRING", "BYTES"):
        return isinstance(value, str)
    if kind == "BOOL":
        return isinstance(value, bool)
    if kind == "TIMESTAMP_NTZ":
        return isinstance(value, str) and _is_moment(value)
    return _is_json(value)


def _range(kind: str) -> tuple[int, int]:
    """The least and the greatest number of ``INT8``, ``UINT64`` and so on."""
    bits = int(kind.removeprefix("U").removeprefix("INT"))
    return (0, 2**bits - 1) if kind.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _is_moment(text: str) -> bool:
    """Whether it is a date or a time without a zone, as NumPy's ``datetime64`` takes them."""
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return re.fullmatch(r"\d{4}(-\d{2})?", text) is not None


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_json(item) for name, item in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, str | int | float)
