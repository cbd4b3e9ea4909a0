"""Stage paths inside chat messages, which a job replaces by the content of the files.

Snowflake's guide to batch inference with chat models, section "Auto Stage Path Resolution": stage paths in
``image_url.url``, ``video_url.url`` and ``input_audio.data`` are found and resolved without any ``column_handling``.
What the model gets in their place is what the protocol has there: a data URL for a URL, base64 for audio data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_mediabatch.local.runner.files import InputError, StageFiles, read

MESSAGES = "chat_messages"
"""Stands among the encodings of file columns for a column of messages."""
_FIELDS = {
    "image_url": ("image_url", "url", "base64_data_url"),
    "video_url": ("video_url", "url", "base64_data_url"),
    "input_audio": ("input_audio", "data", "base64"),
}


def is_messages(feature: Any) -> bool:
    """Whether an input of a signature is a list of chat messages, as in snowflake-ml's ``openai_signatures``."""
    members = {spec.name for spec in getattr(feature, "_specs", ())}
    return bool(feature._shape) and {"role", "content"} <= members


class Messages:
    """The messages of one row, with the files that they name found and not yet read.

    :param value: JSON text or a list.
    :param stages: finds the files.
    :raises InputError: for what is no list of messages, and for a path that leads to no file.
    """

    def __init__(self, value: object, stages: StageFiles) -> None:
        try:
            self._messages: Any = json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise InputError(f"the messages {str(value)[:200]!r} are no JSON: {error}") from None
        if not isinstance(self._messages, list) or not all(isinstance(item, dict) for item in self._messages):
            raise InputError(f"the messages {str(value)[:200]!r} are no list of objects with role and content")
        self._files: list[tuple[dict[str, Any], str, str, str]] = []
        self.size = 0
        for holder, member, encoding in _media(self._messages):
            path, size = stages.locate(holder[member])
            self._files.append((holder, member, path, encoding))
            self.size += size

    def read(self) -> list[dict[str, Any]]:
        """The messages with the files' content in place of the paths."""
        for holder, member, path, encoding in self._files:
            holder[member] = read(path, encoding)
        return self._messages  # type: ignore[no-any-return]


def _media(messages: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Each object that holds a stage path, with the path's key in it and the encoding that replaces it."""
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict):
                continue
            group, member, encoding = _FIELDS.get(str(part.get("type")), ("", "", ""))
            holder = part.get(group)
            # A URL of the web and a data URL are the model's own business.
            if isinstance(holder, dict) and str(holder.get(member, "")).startswith("@"):
                yield holder, member, encoding
