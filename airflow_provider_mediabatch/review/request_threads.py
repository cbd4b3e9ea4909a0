"""The threads that the review page's requests run in.

A request waits for Snowflake, and the API server's own threads take every task's heartbeat. So the page has a few
threads of its own, a limited queue in front of them, and a deadline.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 8
MAX_REQUESTS = 100
SECONDS = 20.0


class BusyError(Exception):
    """The page cannot answer this request now. The text gives the reason and may be shown to a reader."""


class RequestThreads:
    """A small pool with a limited queue.

    :param threads: requests that run at the same time.
    :param max_requests: requests that run or wait. Any further one is refused at once.
    :param seconds: how long a request may take, waiting included.
    """

    def __init__(self, *, threads: int = THREADS, max_requests: int = MAX_REQUESTS, seconds: float = SECONDS) -> None:
        self._executor = ThreadPoolExecutor(threads, "mediabatch-review")
        self._free = threading.BoundedSemaphore(max_requests)
        self._seconds = seconds

    async def run(self, work: Callable[[], T]) -> T:
        """The result of ``work``, which runs in one of the threads.

        :param work: what to do. When the time is over it is left to end by itself.
        :raises BusyError: too many requests are waiting, or the time is over.
        """
        if not self._free.acquire(blocking=False):
            raise BusyError("Too many readers are waiting for Snowflake. Try again in a minute.")
        future = self._executor.submit(work)
        future.add_done_callback(lambda _: self._free.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            raise BusyError("Snowflake has not answered in time. Try again in a minute.") from None
