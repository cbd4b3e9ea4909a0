"""What is served inline.

The bytes decide. A name or a model's output is never believed. SVG and HTML can hold scripts and are never served
inline.
"""

from __future__ import annotations

from airflow_provider_mediabatch.core import media_types

_AS_BROWSERS_PLAY = {"video/quicktime": "video/mp4", "video/x-matroska": "video/webm"}
"""Containers that browsers play under the name of their kin only."""


def media_type(head: bytes) -> str | None:
    """The type that a file is served as, or None for one that is not shown inline.

    :param head: its first :data:`.media_types.HEAD_BYTES` bytes.
    """
    found = media_types.media_type(head)
    if found is None or not found.startswith(("image/", "audio/", "video/")):
        return None
    return _AS_BROWSERS_PLAY.get(found, found)


def kind_of(found: str | None) -> str:
    """``image``, ``audio``, ``video`` or ``file``: which element shows a file.

    :param found: what :func:`media_type` found.
    """
    kind = (found or "").partition("/")[0]
    return kind if kind in ("image", "audio", "video") and found not in _UNPLAYED else "file"


def shown_as(path: str) -> str:
    """``image``, ``audio``, ``video`` or ``file``, from the name, for a file whose content is not known yet.

    :param path: the full stage path.
    """
    return "file" if path.lower().endswith(_UNPLAYED_SUFFIXES) else media_types.expected_kind(path)


_UNPLAYED = frozenset(
    {"video/x-msvideo", "video/x-flv", "video/mpeg", "video/x-ms-asf", "video/mp2t", "video/ogg", "video/h264"}
)
_UNPLAYED_SUFFIXES = (".avi", ".flv", ".wmv", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".ogv", ".h264")
"""What no browser plays."""
