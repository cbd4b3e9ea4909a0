"""How the provider's values travel between tasks: plain JSON objects with a kind and a version.

An XCom outlives the code that wrote it. All values have one reader and one rule: a value of another kind, of a newer
version, with an unknown field, with a missing one or with one of another type is refused with a sentence that says so.
A field that this release does not know may change what the value means, so it is never ignored. Anybody may have
written an XCom, and whoever reads one calculates with its numbers and looks into its objects.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)
else:
    T = TypeVar("T")

VERSION = 1
_SAME_RELEASE = "use the same release of airflow-provider-mediabatch on all workers, or clear the upstream task"


def write(value: DataclassInstance, **extra: Any) -> dict[str, Any]:
    """The XCom form of a value: its fields as JSON types, with ``kind`` (the class's name) and ``version``.

    A number that is not finite becomes None, because JSON has none and Airflow refuses to push one.

    :param value: a dataclass of this package.
    :param extra: further entries for readers; :func:`read` needs their names.
    """
    return {"kind": type(value).__name__, "version": VERSION, **_plain(asdict(value)), **extra}


def read(
    cls: type[T],
    value: object,
    *,
    convert: Mapping[str, Callable[[Any], Any]] | None = None,
    extra: tuple[str, ...] = (),
) -> T:
    """The value that :func:`write` wrote; a value of the class itself is returned as it is.

    :param cls: the dataclass that is expected.
    :param value: what the upstream task pushed.
    :param convert: for fields whose JSON type is not the field's own: field name to the function that converts it.
    :param extra: entries beside the fields that :func:`write` was given.
    :raises ValueError: for anything else. The message names the class and what to do.
    """
    if isinstance(value, cls):
        return value
    kind = cls.__name__
    if not isinstance(value, Mapping):
        got = "nothing (the upstream task pushed no XCom)" if value is None else type(value).__name__
        raise ValueError(f"expected a {kind} from an upstream task's XCom, got {got}")
    if value.get("kind") != kind:
        found = value.get("kind") or "an object without a kind"
        raise ValueError(f"expected a {kind} from an upstream task's XCom, got {found}")
    version = value.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"this {kind} has no version number: {version!r}")
    if version > VERSION:
        raise ValueError(
            f"this {kind} was written by a newer airflow-provider-mediabatch (version {version} of the value, "
            f"{VERSION} is known here): {_SAME_RELEASE}"
        )
    data = {name: item for name, item in value.items() if name not in ("kind", "version", *extra)}
    known = {item.name: item for item in fields(cls)}
    if unknown := [str(name) for name in data if name not in known]:
        raise ValueError(f"this {kind} has the unknown field {', '.join(sorted(unknown))}: {_SAME_RELEASE}")
    if missing := [name for name, item in known.items() if name not in data and _is_required(item)]:
        raise ValueError(f"this {kind} is not complete: it lacks {', '.join(missing)}; clear the upstream task")
    try:
        converted = {name: function(data[name]) for name, function in (convert or {}).items() if name in data}
        found = cls(**{**data, **converted})
    except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"this {kind} has a field of another type than expected: {error}") from None
    if wrong := _wrong_field(found):
        raise ValueError(f"this {kind} has a field of another type than expected: {wrong}")
    return found


def objects(*names: str) -> Callable[[Any], tuple[Mapping[str, str | None], ...]]:
    """A function for ``convert=`` of a field that is a list of objects with these texts, of which each may be None."""

    def convert(value: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, str | None], ...]:
        return tuple({name: None if item[name] is None else str(item[name]) for name in names} for item in value)

    return convert


def digest(*parts: object) -> str:
    """SHA-256 over the canonical JSON of the parts, in hexadecimal: the same for equal values in any key order."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _wrong_field(value: DataclassInstance) -> str:
    """The first field of a dataclass whose value is not of its annotated type, or ""."""
    hints = _hints(type(value))
    return next((name for name, hint in hints.items() if not _is_of(getattr(value, name), hint)), "")


@cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    found = get_type_hints(cls)
    return {item.name: found[item.name] for item in fields(cls)}


def _is_of(value: object, hint: Any) -> bool:
    """Whether a value is of an annotated type, at every depth. A whole number is a float too, True is no number."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_is_of(value, item) for item in inner)
    if origin is tuple:
        return isinstance(value, tuple) and (
            all(_is_of(item, inner[0]) for item in value)
            if inner[-1] is Ellipsis
            else len(value) == len(inner) and all(map(_is_of, value, inner))
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _is_of(key, inner[0]) and _is_of(item, inner[1]) for key, item in value.items()
        )
    if hint in (None, NoneType):
        return value is None
    if hint in (int, float) and isinstance(value, bool):
        return False
    if hint is float:
        return isinstance(value, int | float) and math.isfinite(value)
    if is_dataclass(value) and not isinstance(value, type) and _wrong_field(value):
        return False
    return isinstance(value, hint)


def _is_required(item: Any) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _plain(value: Any) -> Any:
    """JSON types at every depth. XCom backends keep lists, and serialize tuples in forms of their own."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
