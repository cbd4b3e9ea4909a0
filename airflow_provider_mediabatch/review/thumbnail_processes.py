"""Scales pictures in a few processes of their own, with limits on memory and on the time of a processor.

A picture of a few kilobytes may need gigabytes, or minutes, to be decoded, and the API server that this page runs in
also receives the heartbeats of all tasks. On a busy machine a process may wait long for a processor. So a picture is
given up by the time that it has used, and by the clock only when nobody would wait any more.
"""

from __future__ import annotations

import json
import queue
import selectors
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from airflow_provider_mediabatch.core.media_types import HEAD_BYTES
from airflow_provider_mediabatch.review.media_types import media_type
from airflow_provider_mediabatch.review.thumbnails import NotAPictureError

WORKER = "airflow_provider_mediabatch.review.thumbnail_worker"
PROCESSES = 2
MAX_BYTES = 512 * 1024 * 1024
SECONDS = 10
"""Of a processor, for one picture."""
WALL_SECONDS = 60.0
WAIT_SECONDS = 10.0
MAX_PICTURES = 200
"""After this number of pictures a process is replaced, which returns the memory that its allocator keeps."""


class ThumbnailProcesses:
    """At most a few processes, started when they are first needed and kept.

    :param processes: most pictures that are scaled at the same time.
    :param max_bytes: address space of each process.
    :param seconds: of a processor, for one picture.
    :param wall_seconds: by the clock, for one picture.
    :param wait_seconds: how long a request may wait for its turn.
    """

    def __init__(
        self,
        *,
        processes: int = PROCESSES,
        max_bytes: int = MAX_BYTES,
        seconds: int = SECONDS,
        wall_seconds: float = WALL_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._wait_seconds = wait_seconds
        self._threads = ThreadPoolExecutor(processes, "mediabatch-thumbnails")
        self._workers: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for _ in range(processes):
            self._workers.put(_Worker(max_bytes, seconds, wall_seconds))
        self._has_pillow = find_spec("PIL") is not None

    def make(self, source: Path, target: Path, *, edge: int, changed: bool = False) -> None:
        """Write a thumbnail. Without Pillow the file itself is taken, and the browser scales it.

        :param source: the fetched file.
        :param target: the file to write.
        :param edge: the longest edge in pixels.
        :param changed: whether the picture is marked as changed since the prediction.
        :raises NotAPictureError: no thumbnail can be made, or not within the limits.
        """
        if not self._has_pillow:
            with source.open("rb") as file:
                found = media_type(file.read(HEAD_BYTES))
            if found is None or not found.startswith("image/"):
                raise NotAPictureError("the bytes are not a picture")
            shutil.copyfile(source, target)
            return
        request = {"source": str(source), "target": str(target), "edge": edge, "changed": changed}
        answer = self._threads.submit(self._ask, request)  # in the order of the requests
        try:
            reason = answer.result(self._wait_seconds)
        except TimeoutError:
            if answer.cancel():
                raise NotAPictureError("many pictures are being scaled now; reload the page to try again") from None
            reason = answer.result()
        if reason is not None:
            raise NotAPictureError(reason)

    def _ask(self, request: dict[str, object]) -> str | None:
        worker = self._workers.get_nowait()  # there are as many as threads
        try:
            return worker.ask(request)
        finally:
            self._workers.put(worker)

    def close(self) -> None:
        """End the processes, once they have answered. No request may follow."""
        self._threads.shutdown()
        with suppress(queue.Empty):
            while True:
                self._workers.get_nowait().end()


class _Worker:
    """One process, used by one thread at a time."""

    def __init__(self, max_bytes: int, seconds: int, wall_seconds: float) -> None:
        self._max_bytes, self._seconds, self._wall_seconds = max_bytes, seconds, wall_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._pictures = 0

    def ask(self, request: dict[str, object]) -> str | None:
        """Why no thumbnail was written, or None when it was."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        self._pictures += 1
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline() if _has_answered(process.stdout, self._wall_seconds) else None
        except OSError:
            answer = b""
        if answer is None:
            self.end()
            return "this machine is too busy to scale the picture; reload the page to try again"
        if not answer:
            if self.end() == -signal.SIGXCPU:
                return f"the picture takes longer than {self._seconds} s of a processor to scale"
            return "the picture is damaged"
        if self._pictures >= MAX_PICTURES:
            self.end()
        reason: str | None = json.loads(answer)["reason"]
        return reason

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._process = subprocess.Popen(
                [sys.executable, "-m", WORKER, str(self._max_bytes), str(self._seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def end(self) -> int | None:
        """Kill the process, if there is one; how it ended, as ``returncode`` says it.

        A process whose output has ended is ending by itself, and what ended it is the reason.
        """
        process, self._process, self._pictures = self._process, None, 0
        if process is None:
            return None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
        return process.wait()


def _has_answered(pipe: IO[bytes], seconds: float) -> bool:
    """Whether there is something to read in time."""
    # An API server has more open files than select.select() can name.
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(seconds))
