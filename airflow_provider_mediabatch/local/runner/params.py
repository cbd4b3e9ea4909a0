"""The values of a method's parameters, as the method gets them.

In a job they are those of the specification: checked, groups filled up with their defaults, and of Python's own types.
So does snowflake-ml's ``param_ops.py``, which says of itself that the image of batch inference has a copy of it. In SQL
each has NumPy's type of its kind, as the function has it that snowflake-ml generates (``infer_function.py_template``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from airflow_provider_mediabatch.local.runner.files import InputError


def of_job(specs: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of a signature, with its given value or its default. Names match in any case; null is not given.

    :param specs: the signature's parameters.
    :param given: values of a job's specification.
    :raises InputError: naming the parameter that is unknown, or whose value is of another type.
    """
    found = _by_name(specs, given)
    return {spec.name: _value(spec, found.get(spec.name), spec.default_value, spec.name) for spec in specs}


def of_call(specs: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a call in SQL, whose arguments have their types.

    :param specs: the signature's parameters.
    :param given: values by the parameters' names.
    :raises InputError: naming the parameter that is unknown, or whose value is of another type.
    """
    found = _by_name(specs, given)
    values = {}
    for spec in specs:
        value, kind = found.get(spec.name), _numpy_type(spec)
        try:
            typed = value is not None and callable(kind) and spec.shape is None
            values[spec.name] = kind(value) if typed else spec.default_value if value is None else value
        except (TypeError, ValueError) as error:
            raise InputError(f"parameter {spec.name!r}: {value!r} is not {spec.dtype.name}") from error
    return values


def _by_name(specs: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values by the names as the signature spells them; the exact spelling wins."""
    names = {spec.name.upper(): spec.name for spec in specs}
    if unknown := sorted(name for name in given if name.upper() not in names):
        raise InputError(f"unknown parameters {unknown}: the function takes {[spec.name for spec in specs]}")
    found = {names[name.upper()]: value for name, value in given.items()}
    return found | {name: value for name, value in given.items() if name in names.values()}


def _value(spec: Any, value: Any, default: Any, path: str) -> Any:
    if value is None:
        return default
    if not hasattr(spec, "specs"):
        return _leaf(spec, value, path)
    if spec.shape is not None:
        if not isinstance(value, list):
            raise InputError(f"parameter {path!r}: {value!r} is no list")
        return [_group(spec, item, {}, path) for item in value]
    return _group(spec, value, default if isinstance(default, dict) else {}, path)


def _group(spec: Any, value: Any, defaults: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A group with every member, those that are not given with their defaults."""
    if not isinstance(value, dict):
        raise InputError(f"parameter {path!r}: {value!r} is no group of values")
    found = _by_name(spec.specs, value)
    return {
        item.name: _value(item, found.get(item.name), defaults.get(item.name), f"{path}.{item.name}")
        for item in spec.specs
    }


def _leaf(spec: Any, value: Any, path: str) -> Any:
    kind = _numpy_type(spec)
    if kind is None:
        return value
    allowed = (int,) if _is(spec, np.integer) else (int, float) if _is(spec, np.floating) else ()
    for leaf in _leaves(value):
        if allowed and (isinstance(leaf, bool) or not isinstance(leaf, allowed)):
            raise InputError(f"parameter {path!r}: {leaf!r} is not {spec.dtype.name}")
    try:
        with np.errstate(over="ignore"):
            shape = np.array(value, dtype=kind).shape
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"parameter {path!r}: {value!r} is not {spec.dtype.name}: {error}") from error
    wanted = spec.shape or ()
    if len(shape) != len(wanted) or any(one not in (-1, size) for one, size in zip(wanted, shape, strict=True)):
        raise InputError(f"parameter {path!r}: {value!r} is not of the shape {tuple(wanted)}")
    return _floats(value) if _is(spec, np.floating) else value


def _leaves(value: Any) -> Any:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _floats(value: Any) -> Any:
    return [_floats(item) for item in value] if isinstance(value, list | tuple) else float(value)


def _numpy_type(spec: Any) -> Any:
    return getattr(getattr(spec, "dtype", None), "_numpy_type", None)


def _is(spec: Any, kind: Any) -> bool:
    found = _numpy_type(spec)
    return isinstance(found, type) and issubclass(found, kind)
