"""The page's own threads: a limited queue and a deadline."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from airflow_provider_mediabatch.review.request_threads import BusyError, RequestThreads


def test_the_result_and_the_error_of_the_work_come_back() -> None:
    threads = RequestThreads()
    assert asyncio.run(threads.run(lambda: 42)) == 42
    with pytest.raises(ZeroDivisionError):
        asyncio.run(threads.run(lambda: 1 // 0))


def test_work_that_takes_too_long_is_given_up_and_the_loop_goes_on() -> None:
    end = threading.Event()

    async def main() -> float:
        threads = RequestThreads(threads=1, seconds=0.3)
        hanging = [asyncio.create_task(threads.run(lambda: end.wait(20))) for _ in range(3)]
        begun = time.monotonic()
        await asyncio.sleep(0)
        slept = time.monotonic() - begun
        for task in hanging:
            with pytest.raises(BusyError, match="not answered in time"):
                await task
        return slept

    try:
        assert asyncio.run(main()) < 0.1
    finally:
        end.set()


def test_above_the_limit_a_request_is_refused_at_once_and_later_taken_again() -> None:
    end = threading.Event()

    async def main() -> None:
        threads = RequestThreads(threads=1, max_requests=2)
        waiting = [asyncio.create_task(threads.run(lambda: end.wait(20))) for _ in range(2)]
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        with pytest.raises(BusyError, match="Too many readers"):
            await threads.run(lambda: None)
        assert time.monotonic() - begun < 0.1
        end.set()
        await asyncio.gather(*waiting)
        assert await threads.run(lambda: "again") == "again"

    asyncio.run(main())
