"""While Snowflake hangs, the page asks to try again, and the API server answers everything else as before."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from airflow_provider_mediabatch.local import faults

if TYPE_CHECKING:
    from conftest import Review

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

FULL = "media_batch.full_batch"
READERS = 60


@pytest.fixture
def hanging(honest: Review) -> Iterator[Review]:
    """The engine takes a minute for each answer to the page's statements."""
    rules = [{"endpoint": endpoint, "action": "delay", "seconds": 60} for endpoint in ("query", "login", "monitor")]
    faults.install(honest.engine.state_dir, json.dumps({"rules": rules}))
    try:
        yield honest
    finally:
        faults.install(honest.engine.state_dir, None)


def seconds(review: Review, path: str) -> float:
    begun = time.monotonic()
    with urllib.request.urlopen(review.airflow.url + path, timeout=60) as reply:
        reply.read()
    return time.monotonic() - begun


def test_a_sync_route_beside_the_page_answers_at_once(hanging: Review) -> None:
    page = hanging.path("ui_honest", FULL, "-1")
    # A recording that no other test has looked at: the page would have it from its cache.
    preview = hanging.path("ui_honest", "media_batch.sample_batch", "-1", "preview", "1", "AUDIO")
    bearer = f"Bearer {hanging.token('admin')}"
    before = sorted(seconds(hanging, "/api/v2/version") for _ in range(20))
    with ThreadPoolExecutor(READERS) as readers:
        begun = time.monotonic()
        asked = [
            readers.submit(hanging.get, path, None, Authorization=bearer) for path in [page, preview] * (READERS // 2)
        ]
        time.sleep(2)
        # The slowest of each window: other processes of the machine may disturb one of them, a full pool all of them.
        windows = [max(seconds(hanging, "/api/v2/version") for _ in range(40)) for _ in range(4)]
        answers = [future.result() for future in asked]
    assert time.monotonic() - begun < 60
    assert min(windows) < 0.1 + before[len(before) // 2], (before, windows)
    texts = [body.decode() for _, _, body in answers]
    assert all("ry again" in text or "cannot be read now" in text for text in texts), texts[0]
    assert {headers["content-type"].partition(";")[0] for _, headers, _ in answers} == {"text/html", "image/svg+xml"}


@pytest.mark.slow
def test_the_page_is_there_again_when_snowflake_is(honest: Review) -> None:
    deadline = time.monotonic() + 90
    while b"tone 0.wav" not in honest.get(honest.path("ui_honest", FULL, "-1"))[2]:
        assert time.monotonic() < deadline
        time.sleep(2)
