"""Files on local disk that are made once and kept for a while. A player requests many ranges of one file."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from airflow_provider_mediabatch.review.request_threads import BusyError

MAX_BYTES = 1024 * 1024 * 1024
WAIT_SECONDS = 10.0


class MediaCache:
    """A private folder of limited size. The files that were used longest ago are deleted first.

    :param max_bytes: of all files.
    :param wait_seconds: how long a request may wait while another one makes its file.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mediabatch-review-")
        self._max_bytes, self._wait_seconds = max_bytes, wait_seconds
        self._guard = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    def get(self, key: tuple[str, ...], make: Callable[[Path], None]) -> Path:
        """The file of this key. When several readers request it at once, it is made once.

        :param key: whatever identifies it.
        :param make: writes the file whose path it is given, or raises.
        :raises BusyError: another request has not made it in time. The page's few threads do not all wait for one file.
        """
        name = hashlib.sha256("\0".join(key).encode()).hexdigest()
        target = Path(self._folder.name) / name
        with self._guard:
            making = self._making.setdefault(name, threading.Lock())
        if not making.acquire(timeout=self._wait_seconds):
            raise BusyError("This file is being prepared for another reader. Reload the page to try again.")
        try:
            if not target.exists():
                part = target.with_suffix(".part")
                try:
                    make(part)
                    part.replace(target)
                finally:
                    part.unlink(missing_ok=True)
                self._shrink(keep=name)
            else:
                os.utime(target)
        finally:
            making.release()
        return target

    def _shrink(self, keep: str) -> None:
        with self._guard:
            files = sorted(
                (
                    (path.stat().st_mtime, path.stat().st_size, path)
                    for path in Path(self._folder.name).iterdir()
                    if path.is_file()
                ),
            )
            total = sum(size for _, size, _ in files)
            for _, size, path in files:
                if total <= self._max_bytes:
                    break
                if path.name != keep and path.suffix != ".part":
                    path.unlink(missing_ok=True)
                    self._making.pop(path.name, None)
                    total -= size
