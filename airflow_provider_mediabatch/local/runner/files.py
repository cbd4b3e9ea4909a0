"""From a full stage path to a file's bytes, in the encoding that the model was promised."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
import stat
from pathlib import Path

from airflow_provider_mediabatch.core.media_types import HEAD_BYTES
from airflow_provider_mediabatch.core.media_types import media_type as type_of_bytes
from airflow_provider_mediabatch.core.sql import qualified

_IDENTIFIER = r'(?:"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_$]*)'
_FULL_PATH = re.compile(rf"@({_IDENTIFIER})\.({_IDENTIFIER})\.({_IDENTIFIER})/(.*)\Z", re.DOTALL)


class InputError(Exception):
    """The job's input cannot be used; the message is for the user."""


def _resolve(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.upper()


class StageFiles:
    """Finds the files that full stage paths name.

    :param roots: ``DB.SCHEMA.STAGE`` (quoted where SQL needs it) → folder that its paths are relative to.
    """

    def __init__(self, roots: dict[str, str]) -> None:
        self._roots = {name: os.path.realpath(root) for name, root in roots.items()}
        # A manifest's rows mostly share a few folders; resolving each once keeps a million rows cheap.
        self._folders: dict[str, str] = {}

    def locate(self, text: object) -> tuple[str, int]:
        """The local file of a full stage path, and its size in bytes.

        :raises InputError: with Snowflake's words: what is not a full path, whose stage is unknown, or is not there.
        """
        if not isinstance(text, str) or not text.startswith("@"):
            raise InputError(
                f"file not found: {text!r}. A full stage path begins with '@', as in '@DATABASE.SCHEMA.STAGE/file.ext'"
            )
        folder, _, name = text.rpartition("/")
        local = self._folders.get(folder)
        if local is None:
            if len(self._folders) > 10_000:
                self._folders.clear()
            local = self._folders[folder] = self._folder(text)
        path = os.path.join(local, name)
        try:
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                path = self._inside(os.path.realpath(path), text)
                found = os.stat(path)
        except OSError as error:
            raise InputError(f"file not found: {text}") from error
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"file not found: {text}: it is a folder")
        return path, found.st_size

    def _folder(self, text: str) -> str:
        match = _FULL_PATH.match(text)
        if match is None:
            raise InputError(
                f"Invalid path format: {text!r} is not a full stage path (@DATABASE.SCHEMA.STAGE/file.ext)"
            )
        name = qualified(*(_resolve(match[i]) for i in (1, 2, 3)))
        root = self._roots.get(name)
        if root is None:
            raise InputError(f"file not found: {text}: stage {name} does not exist or not authorized")
        return self._inside(os.path.realpath(os.path.join(root, match[4].rpartition("/")[0])), text, root)

    def _inside(self, path: str, text: str, root: str | None = None) -> str:
        roots = self._roots.values() if root is None else (root,)
        if not any(path == each or path.startswith(each + os.sep) for each in roots):
            raise InputError(f"file not found: {text}: the path leaves its stage")
        return path


def read(path: str, encoding: str) -> bytes | str:
    """A file's content as ``raw_bytes``, ``base64`` or ``base64_data_url``."""
    with open(path, "rb", buffering=0) as file:
        data = file.read()
    if encoding == "raw_bytes":
        return data
    text = base64.b64encode(data).decode("ascii")
    return text if encoding == "base64" else f"data:{media_type(data, path)};base64,{text}"


def media_type(data: bytes, path: str) -> str:
    """The media type: by what the bytes say, else by the file's extension."""
    found = type_of_bytes(data[:HEAD_BYTES])
    return found or mimetypes.guess_type(Path(path).name)[0] or "application/octet-stream"
