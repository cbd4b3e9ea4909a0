"""Arguments as templates give them. A template renders to text, or to a native value; here each becomes what it means.

All operators, the sensor, a job's specification and a model's parameters are read by these functions, so that a
template works wherever a number, a truth value or a duration is asked for. Text of nothing (``""``, and ``"None"``, as
``{{ none }}`` renders) is an argument that was not given.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

_NOTHING = ("", "None")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
"""Python reads no more digits than 4,300 at once."""


def is_given(value: object) -> bool:
    """Whether an argument has a value: it is not None, and its template did not render to nothing."""
    return value is not None and not (isinstance(value, str) and value.strip() in _NOTHING)


def as_int(value: object) -> object:
    """Text of a whole number, and a float that is one, as an int; everything else as it is."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_float(value: object) -> object:
    """Text of a number as a float, infinite ones too; everything else as it is."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def as_bool(value: object) -> object:
    """Text of a truth value, and the numbers 1 and 0, as a bool; everything else as it is."""
    if isinstance(value, str | int):  # a native template renders "1" to the number
        text = str(value).strip().lower()
        return text in _TRUE if text in (*_TRUE, *_FALSE) else value
    return value


def whole_number(name: str, value: object, least: int = 1, most: int | None = None) -> int | None:
    """A whole number, or None when nothing is given.

    :param name: the argument, for the message.
    :param least: the smallest that is taken.
    :param most: the largest; None: there is no limit.
    :raises ValueError: for anything else.
    """
    if not is_given(value):
        return None
    found = as_int(value)
    if isinstance(found, int) and not isinstance(found, bool) and least <= found and (most is None or found <= most):
        return found
    raise ValueError(f"{name}={value!r}: use a whole number from {least}" + (f" to {most}" if most is not None else ""))


def number(name: str, value: object, most: float | None = None) -> float | None:
    """A number from 0, or None when nothing is given.

    :param name: the argument, for the message.
    :param most: the largest that is taken; None: there is no limit.
    :raises ValueError: for anything else.
    """
    if not is_given(value):
        return None
    found = _finite(value)
    if found is not None and found >= 0 and (most is None or found <= most):
        return found
    raise ValueError(f"{name}={value!r}: use a number from 0" + (f" to {most:g}" if most is not None else ""))


def seconds(name: str, value: object) -> float | None:
    """A duration in seconds, or None when nothing is given.

    :param name: the argument, for the message.
    :param value: a number of seconds, or a timedelta.
    :raises ValueError: for anything else.
    """
    if not is_given(value):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    found = _finite(value)
    if found is None:
        raise ValueError(f"{name}={value!r} is neither a number of seconds nor a timedelta")
    return found


def duration(name: str, value: object) -> timedelta | None:
    """A duration, or None when nothing is given.

    :param name: the argument, for the message.
    :param value: a number of seconds, or a timedelta.
    :raises ValueError: for anything else, and for more seconds than a timedelta holds.
    """
    found = seconds(name, value)
    if found is None:
        return None
    try:
        return timedelta(seconds=found)
    except OverflowError:
        raise ValueError(f"{name}={value!r} is longer than a timedelta can be") from None


def truth_value(name: str, value: object) -> bool | None:
    """A truth value, or None when nothing is given.

    :param name: the argument, for the message.
    :raises ValueError: for anything but True, False and texts of them (true, yes, on, 1, false, no, off, 0).
    """
    if not is_given(value):
        return None
    found = as_bool(value)
    if isinstance(found, bool):
        return found
    raise ValueError(f"{name}={value!r}: use True or False")


def _finite(value: object) -> float | None:
    found = as_float(value)
    if not isinstance(found, int | float) or isinstance(found, bool) or not math.isfinite(found):
        return None
    return float(found)
