"""The files of a stage: the walk over its files, their digests, and the patterns that choose among them.

Names and sizes come from one ``os.scandir`` walk. A digest is computed once for a file's size and modification time
and kept in a database of its own, so that listing hundreds of thousands of files reads only those that are new.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path

from airflow_provider_mediabatch.local.catalog import unless_full
from airflow_provider_mediabatch.local.errors import invalid_argument
from airflow_provider_mediabatch.local.stores.stages.stage import Stage


@dataclass(slots=True)
class StagedFile:
    """One file of a stage.

    :param path: relative to the stage's root, with ``/``.
    :param size: bytes.
    :param mtime_ns: modification time, nanoseconds since the epoch.
    :param md5: hexadecimal; empty until :meth:`Digests.fill` has run.
    :param etag: what the storage has beside it; empty until :func:`show` has run.
    """

    path: str
    size: int
    mtime_ns: int
    md5: str = ""
    etag: str = ""


def walk(stage: Stage, prefix: str = "") -> list[StagedFile]:
    """The stage's files whose path begins with ``prefix``, sorted by path within each folder; links are left out.

    The prefix is Snowflake's: a text that paths begin with, not a folder, so ``@s/a`` finds ``a/1.jpg`` and ``ab.jpg``.
    """
    prefix = re.sub("/+", "/", prefix).lstrip("/")
    folder = prefix.rpartition("/")[0]
    found: list[StagedFile] = []
    _walk(os.fspath(stage.path(folder)), None, folder + "/" if folder else "", prefix, found)
    return found


def _walk(folder: str, parent: int | None, base: str, prefix: str, found: list[StagedFile]) -> None:
    """Add the files of a folder.

    :param parent: descriptor of the folder that ``folder`` is a name in: with it the system finds a file by its name
        alone, instead of by a path of ten folders.
    """
    try:
        no_link = os.O_NOFOLLOW if parent is not None else 0  # the stage's own folder may be a link: a bucket
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | no_link, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        for entry in sorted(os.scandir(descriptor), key=attrgetter("name")):
            path = base + entry.name
            if entry.is_dir(follow_symlinks=False):
                if path.startswith(prefix) or prefix.startswith(path + "/"):
                    _walk(entry.name, descriptor, path + "/", prefix, found)
            elif path.startswith(prefix) and entry.is_file(follow_symlinks=False):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # removed since the folder was read
                    continue
                found.append(StagedFile(path, status.st_size, status.st_mtime_ns))
    finally:
        os.close(descriptor)


def pattern(text: str | None) -> re.Pattern[str] | None:
    """PATTERN = '…' compiled; it has to match a whole name.

    :raises SnowflakeError: naming what is wrong in an invalid regular expression.
    """
    if text is None:
        return None
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        shown = text if len(text) <= 200 else text[:200] + "…"
        raise invalid_argument(f"Invalid regular expression: '{shown}', {error}") from None


def matching(stage: Stage, prefix: str, regex: re.Pattern[str] | None) -> list[StagedFile]:
    """Files below ``prefix`` whose whole LIST name (``stage/path``, or the URL) matches the pattern."""
    files = walk(stage, prefix)
    if regex is None:
        return files
    return [file for file in files if regex.fullmatch(stage.url_prefix + file.path)]


def show(stage: Stage, files: Iterable[StagedFile], *, no_md5_above: float) -> None:
    """Turn sizes and digests into what LIST and directory tables show.

    On a SNOWFLAKE_FULL stage these are the encrypted file's: AES pads to the next multiple of 16 bytes, and the MD5
    differs for each upload, because each has a key of its own (snowflake-connector-python, ``encryption_util.py``).

    :param no_md5_above: files of more bytes have no MD5, and an ETag of Azure's form.
    """
    for file in files:
        if stage.encrypted_by_client:
            upload = f"{stage.id}:{file.path}:{file.mtime_ns}"
            file.size = (file.size // 16 + 1) * 16
            file.md5 = hashlib.md5(upload.encode(), usedforsecurity=False).hexdigest()
        file.etag = file.md5
        if file.size > no_md5_above:
            file.md5, file.etag = "", f"0x{file.mtime_ns:X}"


@lru_cache(maxsize=4096)
def _gmt(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True).replace(", 0", ", ")


def last_modified(file: StagedFile) -> str:
    """As LIST shows it: ``Sun, 1 Nov 2026 10:00:00 GMT``, with one digit before the tenth of a month."""
    return _gmt(file.mtime_ns // 1_000_000_000)


def _md5(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest()
    except FileNotFoundError:  # removed since the folder was read
        return ""


_Known = tuple[str, int, int, str]
"""Path, size, modification time and MD5."""


class Digests:
    """MD5 digests by (file, size, modification time).

    :param path: a SQLite file of its own, so that a first listing of many files does not hold up the catalogue.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._lock = threading.Lock()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS digests (root TEXT, path TEXT, size INTEGER, mtime_ns INTEGER, md5 TEXT, "
            "PRIMARY KEY (root, path)) WITHOUT ROWID"
        )

    def fill(self, stage: Stage, files: list[StagedFile]) -> None:
        """Set ``md5`` of every file, reading those that changed since they were last read."""
        root = str(stage.root)
        if len(files) <= 500:
            known = {file.path: row for file in files if (row := self._one(root, file.path)) is not None}
        else:
            known = self._many(root)
        unknown = []
        for file in files:
            row = known.get(file.path)
            if row is not None and row[1] == file.size and row[2] == file.mtime_ns:
                file.md5 = row[3]
            else:
                unknown.append(file)
        if not unknown:
            return
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            digests = pool.map(_md5, (os.path.join(root, file.path) for file in unknown), chunksize=64)
            for file, digest in zip(unknown, digests, strict=True):
                file.md5 = digest
        rows = [(root, file.path, file.size, file.mtime_ns, file.md5) for file in unknown if file.md5]
        with self._lock, unless_full(f"{len(rows)} digests"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)", rows)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    def forget(self, root: Path) -> None:
        """Give up what is known of a folder that is gone."""
        with self._lock:
            self._connection.execute("DELETE FROM digests WHERE root = ?", (str(root),))

    def _one(self, root: str, path: str) -> _Known | None:
        with self._lock:
            row: _Known | None = self._connection.execute(
                "SELECT path, size, mtime_ns, md5 FROM digests WHERE root = ? AND path = ?", (root, path)
            ).fetchone()
        return row

    def _many(self, root: str) -> dict[str, _Known]:
        with self._lock:
            rows = self._connection.execute("SELECT path, size, mtime_ns, md5 FROM digests WHERE root = ?", (root,))
            return {row[0]: row for row in rows}
