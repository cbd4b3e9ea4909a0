"""One file of a stage, on this machine: what the review page shows beside a prediction.

Internal stages are read with GET, external ones through a URL that Snowflake signs for one minute and that never
leaves this process.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core import sql

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.stage_path import StagePath

MAX_BYTES = 256 * 1024 * 1024
_SIGNED_FOR_SECONDS = 60


class MediaUnavailableError(Exception):
    """The file cannot be shown; the text says why and is fit for a page."""


def fetch(connection: SnowflakeConnection, path: StagePath, target: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Write one staged file to ``target``.

    :param connection: open; no warehouse is used.
    :param path: exactly one file.
    :param target: file to write; its folder exists.
    :param max_bytes: a larger file is refused, before any byte of it is fetched.
    :raises MediaUnavailableError: the file is gone, too large, or not readable for this role.
    """
    listed = rows(connection, f"LIST {path.reference}")
    # LIST takes the path as a prefix; names begin with the stage's name or with the bucket's URL.
    entry = next((row for row in listed if str(row["name"]).endswith("/" + path.path)), None)
    if entry is None:
        raise MediaUnavailableError("this file is no longer on the stage")
    if int(entry["size"]) > max_bytes:
        raise MediaUnavailableError(
            f"this file has {int(entry['size']):,} bytes, more than the {max_bytes:,} shown here"
        )
    if "://" in str(entry["name"]):
        _fetch_signed(connection, path, target, max_bytes)
        return
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        only = f" PATTERN = {sql.literal('.*' + re.escape(path.path))}" if len(listed) > 1 else ""
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
    with urllib.request.urlopen(url, timeout=60) as reply, target.open("wb") as file:
        shutil.copyfileobj(reply, file, 1024 * 1024)
        if file.tell() > max_bytes:
            raise MediaUnavailableError("this file is larger than what is shown here")
