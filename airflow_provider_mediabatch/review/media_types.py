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
