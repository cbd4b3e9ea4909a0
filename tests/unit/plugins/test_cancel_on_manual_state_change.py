"""What marks of many tasks cost the API server. That a mark ends a job is tested on a running Airflow."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from airflow_provider_mediabatch.plugins.cancel_on_manual_state_change import _Worker


def until_idle(worker: _Worker[int]) -> None:
    deadline = time.monotonic() + 10
    while worker._is_running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_five_hundred_marks_are_one_thread_and_few_turns() -> None:
    turns: list[list[int]] = []
    threads = set()

    def handle(items: list[int]) -> None:
        threads.add(threading.current_thread())
        time.sleep(0.2)
        turns.append(items)

    worker = _Worker(handle)
    for number in range(500):
        worker.put(number)
    until_idle(worker)
    assert len(threads) == 1
    assert len(turns) <= 3
    assert [number for turn in turns for number in turn] == list(range(500))
    worker.put(500)
    until_idle(worker)
    assert turns[-1] == [500], "the thread has ended, and another one goes on"


def test_an_error_does_not_end_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    handled = []
    first = threading.Event()

    def handle(items: list[int]) -> None:
        if not first.is_set():
            first.set()
            time.sleep(0.2)
            raise ValueError("no database")
        handled.extend(items)

    worker = _Worker(handle)
    with caplog.at_level(logging.ERROR):
        worker.put(1)
        assert first.wait(10)
        worker.put(2, 3)
        until_idle(worker)
    assert handled == [2, 3]
    assert "could not be cancelled: [1]" in caplog.text
