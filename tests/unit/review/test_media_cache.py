"""Files that are made once: limited size, and nobody waits for ever for what another one makes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_provider_mediabatch.review.media_cache import MediaCache
from airflow_provider_mediabatch.review.request_threads import BusyError


def test_a_file_is_made_once_however_many_ask() -> None:
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        time.sleep(0.1)
        target.write_text("x")

    cache = MediaCache()
    with ThreadPoolExecutor(4) as readers:
        found = set(readers.map(lambda _: cache.get(("a",), make), range(4)))
    assert len(made) == 1
    assert [path.read_text() for path in found] == ["x"]


def test_who_waits_for_another_request_is_asked_to_try_again() -> None:
    begun, end = threading.Event(), threading.Event()

    def make(target: Path) -> None:
        begun.set()
        end.wait(60)
        target.write_text("x")

    cache = MediaCache(wait_seconds=0.2)
    first = threading.Thread(target=cache.get, args=(("a",), make))
    first.start()
    try:
        assert begun.wait(60)
        with pytest.raises(BusyError, match="try again"):
            cache.get(("a",), make)
    finally:
        end.set()
        first.join()
    assert cache.get(("a",), make).read_text() == "x"


def test_the_files_that_were_used_longest_ago_are_deleted() -> None:
    cache = MediaCache(max_bytes=25)

    def make(target: Path) -> None:
        time.sleep(0.02)  # a file system's clock may be as coarse
        target.write_bytes(b"x" * 10)

    paths = [cache.get((name,), make) for name in "abc"]
    assert [path.exists() for path in paths] == [False, True, True]
