"""The files of results, fetched from their stages and kept on local disk for a while.

LIST says which content a file has and whether the connection may still read it. The answer counts for a minute. The
fetched file is kept by that content, so a file that was replaced or removed is never shown from the cache.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.media import StagedFile, fetch, find
from airflow_provider_mediabatch.core.media_types import HEAD_BYTES
from airflow_provider_mediabatch.review.bounded_cache import BoundedCache
from airflow_provider_mediabatch.review.media_cache import MediaCache
from airflow_provider_mediabatch.review.media_types import kind_of, media_type

if TYPE_CHECKING:
    from airflow_provider_mediabatch.core.stage_path import StagePath
    from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
    from airflow_provider_mediabatch.review.thumbnail_processes import ThumbnailProcesses

LISTED_SECONDS = 60.0
MAX_LISTED = 10_000


class MediaLibrary:
    """Files and their thumbnails.

    :param connections: where files are listed and fetched.
    :param thumbnails: where pictures are scaled.
    :param listed_seconds: how long the answer of a LIST counts.
    """

    def __init__(
        self, connections: ConnectionPool, thumbnails: ThumbnailProcesses, *, listed_seconds: float = LISTED_SECONDS
    ) -> None:
        self._connections = connections
        self._thumbnails = thumbnails
        self._listed_seconds = listed_seconds
        self._cache = MediaCache()
        self._kinds: BoundedCache[tuple[str, str], str] = BoundedCache(MAX_LISTED)
        self._listed: BoundedCache[tuple[str | None, str], tuple[float, StagedFile]] = BoundedCache(MAX_LISTED)

    def find(self, conn_id: str | None, path: StagePath) -> StagedFile:
        """The file as it is on the stage now, or was within the last minute.

        :param conn_id: the connection that the task used.
        :param path: exactly one file.
        :raises MediaUnavailableError: the file is gone, or this role may not read it.
        """
        key = (conn_id, path.full)
        listed = self._listed.get(key)
        if listed is not None and time.monotonic() - listed[0] < self._listed_seconds:
            return listed[1]
        file = self._connections.run(conn_id, partial(find, path=path))
        self._listed.put(key, (time.monotonic(), file))
        return file

    def whole(self, conn_id: str | None, file: StagedFile) -> Path:
        """The fetched file.

        :param conn_id: the connection that the task used.
        :param file: what :meth:`find` returned.
        """

        def write(target: Path) -> None:
            self._connections.run(conn_id, partial(fetch, file=file, target=target))

        fetched = self._cache.get((str(conn_id), file.path.full, file.content_id), write)
        with fetched.open("rb") as opened:
            self._kinds.put((file.path.full, file.content_id), kind_of(media_type(opened.read(HEAD_BYTES))))
        return fetched

    def known_kind(self, file: StagedFile) -> str | None:
        """``image``, ``audio``, ``video`` or ``file``, by the content of a file that was fetched before, else None.

        :param file: what :meth:`find` returned.
        """
        return self._kinds.get((file.path.full, file.content_id))

    def thumbnail(self, conn_id: str | None, file: StagedFile, edge: int, *, changed: bool) -> Path:
        """A small picture of the file.

        :param conn_id: the connection that the task used.
        :param file: what :meth:`find` returned.
        :param edge: the longest edge in pixels.
        :param changed: whether the picture is marked as changed since the prediction.
        :raises NotAPictureError: no thumbnail can be made of it.
        """
        source = self.whole(conn_id, file)

        def write(target: Path) -> None:
            self._thumbnails.make(source, target, edge=edge, changed=changed)

        return self._cache.get((str(conn_id), file.path.full, file.content_id, f"{edge}", f"{changed}"), write)
