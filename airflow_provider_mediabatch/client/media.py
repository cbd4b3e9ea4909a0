"""One file of a stage, fetched to this machine for the review page.

Internal stages are read with GET. External ones are read through a URL that Snowflake signs for one minute and that
never leaves this process.
"""

from __future__ import annotations

import re
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.stages import list_time
from airflow_provider_mediabatch.core import content_id, sql

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.stage_path import StagePath

MAX_BYTES = 256 * 1024 * 1024
_SIGNED_FOR_SECONDS = 60
_DOWNLOAD_SECONDS = 20
_PART_BYTES = 1024 * 1024


class MediaUnavailableError(Exception):
    """The file cannot be shown. The text gives the reason and may be shown to a reader."""


@dataclass(frozen=True)
class StagedFile:
    """A file as LIST sees it.

    :param path: its full stage path.
    :param size: in bytes.
    :param digest: its MD5 or ETag as LIST gives it.
    :param modified: when it was last modified, seconds since the epoch.
    :param is_external: whether it is on an external stage.
    :param is_prefix: whether the names of other files begin with its name.
    """

    path: StagePath
    size: int
    digest: str | None
    modified: int
    is_external: bool = False
    is_prefix: bool = False

    @property
    def content_id(self) -> str:
        """What identifies the content, written as in a manifest's ``MB_CONTENT_ID``."""
        return content_id.content_id(self.digest, self.size, self.modified)

    def is_one_of(self, content_ids: str) -> bool:
        """Whether a manifest's ``MB_CONTENT_ID`` names this content.

        :param content_ids: for a row of several files, their ids joined with ``+``.
        """
        return content_id.is_one_of(self.content_id, content_ids)


def find(connection: SnowflakeConnection, path: StagePath) -> StagedFile:
    """The file of this path, with one LIST.

    :param connection: open. No warehouse is used.
    :param path: exactly one file.
    :raises MediaUnavailableError: the file is gone.
    """
    listed = rows(connection, f"LIST {path.reference}")
    # LIST takes the path as a prefix. Names begin with the stage's name or with the bucket's URL.
    entry = next((row for row in listed if str(row["name"]).endswith("/" + path.path)), None)
    if entry is None:
        raise MediaUnavailableError("this file is no longer on the stage")
    return StagedFile(
        path,
        int(entry["size"]),
        entry["md5"],
        int(list_time(entry["last_modified"])),
        is_external="://" in str(entry["name"]),
        is_prefix=len(listed) > 1,
    )


def fetch(connection: SnowflakeConnection, file: StagedFile, target: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Write one staged file to ``target``.

    :param connection: open. No warehouse is used.
    :param file: what :func:`find` returned.
    :param target: the file to write. Its folder exists.
    :param max_bytes: a larger file is refused before any byte of it is fetched.
    :raises MediaUnavailableError: the file is gone or too large.
    """
    if file.size > max_bytes:
        raise MediaUnavailableError(f"this file has {file.size:,} bytes, more than the {max_bytes:,} shown here")
    if file.is_external:
        _fetch_signed(connection, file.path, target, max_bytes)
        return
    path = file.path
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        only = f" PATTERN = {sql.literal('.*' + re.escape(path.path))}" if file.is_prefix else ""
        rows(connection, f"GET {sql.literal(path.full)} {sql.literal('file://' + folder + '/')}{only}")
        downloaded = Path(folder) / path.path.rsplit("/", 1)[-1]
        if not downloaded.is_file():
            raise MediaUnavailableError("this file could not be fetched from the stage")
        downloaded.replace(target)


def _fetch_signed(connection: SnowflakeConnection, path: StagePath, target: Path, max_bytes: int) -> None:
    url = str(
        rows(
            connection,
            f"SELECT GET_PRESIGNED_URL({path.root.reference}, {sql.literal(path.path)}, {_SIGNED_FOR_SECONDS}) AS URL",
        )[0]["URL"]
    )
    if urlsplit(url).scheme not in ("http", "https"):
        raise MediaUnavailableError("this external stage's files have no web address")
    download(url, target, max_bytes=max_bytes)


def download(url: str, target: Path, *, max_bytes: int, seconds: float = _DOWNLOAD_SECONDS) -> None:
    """Write what is at a web address to ``target``.

    :param url: the address.
    :param target: the file to write.
    :param max_bytes: no more than this is written.
    :param seconds: for the whole of it, however much comes at a time.
    :raises MediaUnavailableError: it is larger, or takes longer.
    """
    begun = time.monotonic()
    with urllib.request.urlopen(url, timeout=seconds) as reply, target.open("wb") as file:
        while data := reply.read1(_PART_BYTES):
            if file.tell() + len(data) > max_bytes:
                raise MediaUnavailableError("this file is larger than what is shown here")
            if time.monotonic() - begun > seconds:
                raise MediaUnavailableError(f"this file takes longer than {seconds:g} s to fetch")
            file.write(data)
