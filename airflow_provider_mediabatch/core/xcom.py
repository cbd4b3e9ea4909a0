"""How the provider's values travel between tasks: plain JSON objects with a kind and a version.

An XCom outlives the code that wrote it: a value of a newer version, of another kind or damaged by hand is refused with
a sentence that says so, rather than half understood.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

VERSION = 1


def wrap(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The XCom form of a value: its fields, with ``kind`` and ``version``."""
    return {"kind": kind, "version": VERSION, **fields}


def unwrap(kind: str, value: object) -> dict[str, Any]:
    """The fields of a value that :func:`wrap` wrote.

    :raises ValueError: for anything that is not an object of this kind and of a version that is known here.
    """
    if not isinstance(value, Mapping):
        got = "nothing (the upstream task pushed no XCom)" if value is None else type(value).__name__
        raise ValueError(f"expected a {kind} from an upstream task's XCom, got {got}")
    found = value.get("kind")
    if found != kind:
        raise ValueError(f"expected a {kind} from an upstream task's XCom, got {found or 'an object without a kind'}")
    version = value.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"this {kind} has no version number: {version!r}")
    if version > VERSION:
        raise ValueError(
            f"this {kind} was written by a newer airflow-provider-mediabatch (version {version} of the value, "
            f"{VERSION} is known here): use the same release on all workers, or clear the upstream task"
        )
    return {key: item for key, item in value.items() if key not in ("kind", "version")}


def digest(*parts: object) -> str:
    """SHA-256 over the canonical JSON of the parts, in hexadecimal: the same for equal values in any key order."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
