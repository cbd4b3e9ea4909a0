"""A hundred pictures at once, twenty of them bombs, cost the API server neither memory nor its answers to others."""

from __future__ import annotations

import html
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import scene
from PIL import Image
from test_hanging import seconds

from airflow_provider_mediabatch.local import faults

if TYPE_CHECKING:
    from conftest import Review

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(900)]

FULL = "media_batch.full_batch"
BROWSERS = 8
"""Readers at once, each with as many requests at a time as a browser has."""
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def many(recordings: Review) -> Review:
    """A finished run over 160 photographs and 40 bombs of a few kilobytes: a hundred pictures for each of two looks."""
    with recordings.engine.session() as session:
        session.sql("CREATE STAGE UI_MANY ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
        bomb, photograph = io.BytesIO(), io.BytesIO()
        Image.new("P", (8000, 8000)).save(bomb, "PNG")
        Image.effect_noise((1600, 1200), 60).convert("RGB").save(photograph, "JPEG")
        for number in range(200):
            data = bomb if number % 5 == 0 else photograph
            # A comment behind the picture's end makes each of them a content of its own, as photographs are.
            stream = io.BytesIO(data.getvalue() + b"%d" % number)
            session.file.put_stream(stream, f"@UI_MANY/{number:03}.jpg", auto_compress=False)
    recordings.airflow.add_dag(scene.DAGS.with_name("many_pictures.py"), "ui_many")
    recordings.start("ui_many")
    assert recordings.wait_for("ui_many", "full_batch") == "success", recordings.states("ui_many")
    return recordings


@pytest.fixture(scope="module")
def addresses(many: Review) -> list[str]:
    """The thumbnails of all pages of the result, in its order."""
    found: dict[str, None] = {}
    for page in range(1, 21):
        body = many.get(many.path("ui_many", FULL, "-1") + f"?page={page}")[2].decode()
        found |= dict.fromkeys(html.unescape(text) for text in re.findall(r'src="([^"]*size=thumb[^"]*)"', body))
        if len(found) >= 200:
            break
    assert len(found) == 200
    return list(found)


def without_pictures(review: Review) -> float:
    """Seconds of the 99th percentile of another route while as many readers at once ask for Airflow's own version."""
    with Watched(review) as watched:
        fetch(review, ["/api/v2/version"] * 500)
    return watched.p99()


@pytest.fixture
def limit(many: Review) -> float:
    """Seconds that the 99th percentile of another route may take: 0.1, or on a busy machine what it is anyhow."""
    return max(0.1, without_pictures(many))


def others_are_served(review: Review, watched: Watched, limit: float) -> bool:
    """The machine may have become busier since the limit was measured: where it decides it is measured again."""
    reached = watched.p99()
    if reached >= limit:
        limit = max(limit, without_pictures(review))
    print(f"p99 {reached:.3f} s of at most {limit:.3f} s, memory {watched.grown / MIB:+.0f} MiB")
    return reached < limit


@pytest.fixture
def hanging(many: Review, addresses: list[str]) -> Iterator[None]:
    """The engine takes a minute for each answer, and has given the last of these when the test is over."""
    rules = [{"endpoint": endpoint, "action": "delay", "seconds": 60} for endpoint in ("query", "login", "monitor")]
    faults.install(many.engine.state_dir, json.dumps({"rules": rules}))
    try:
        yield
    finally:
        faults.install(many.engine.state_dir, None)
    until = time.monotonic() + 120
    while b"size=thumb" not in many.get(many.path("ui_many", FULL, "-1"))[2]:
        assert time.monotonic() < until, "the page has no results again"
        time.sleep(1)


class Watched:
    """The API server while a block runs: its peak memory, and how long it takes for requests of others.

    :param review: the running Airflow.
    """

    def __init__(self, review: Review) -> None:
        self._review = review
        self._process = Path(f"/proc/{review.airflow.processes['api-server'].pid}")
        self._ends = threading.Event()
        self.waits: list[float] = []

    def __enter__(self) -> Watched:
        (self._process / "clear_refs").write_text("5")  # resets VmHWM
        self._before = self._memory("VmRSS")
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._thread.join()
        self.grown = self._memory("VmHWM") - self._before

    def _ask(self) -> None:
        while not self._ends.is_set():
            self.waits.append(seconds(self._review, "/api/v2/version"))
            time.sleep(0.02)

    def _memory(self, name: str) -> int:
        (line,) = re.findall(rf"^{name}:\s+(\d+) kB$", (self._process / "status").read_text(), re.MULTILINE)
        return int(line) * 1024

    def p99(self, windows: int = 4) -> float:
        """The 99th percentile of the best of some windows: other processes may disturb one of them, a full pool all."""
        size = max(1, len(self.waits) // windows)
        cut = [sorted(self.waits[begin : begin + size]) for begin in range(0, size * windows, size)]
        return min(window[int(0.99 * (len(window) - 1))] for window in cut if window)


def fetch(review: Review, addresses: list[str]) -> list[tuple[int, bytes]]:
    bearer = f"Bearer {review.token('admin')}"
    with ThreadPoolExecutor(BROWSERS * 6) as browsers:
        answers = browsers.map(lambda path: review.get(path, None, Authorization=bearer), addresses)
        return [(status, body) for status, _, body in answers]


def test_pictures_while_snowflake_hangs(many: Review, addresses: list[str], limit: float, hanging: None) -> None:
    with Watched(many) as watched:
        answers = fetch(many, addresses[:100])
    assert all(status in (200, 503) and b"<svg" in body for status, body in answers)
    assert watched.grown < 300 * MIB
    assert others_are_served(many, watched, limit), sorted(watched.waits)[-10:]


def test_a_hundred_pictures_with_twenty_bombs(many: Review, addresses: list[str], limit: float) -> None:
    served = look(many, addresses[:100], limit)
    # Another process of the machine may have been busy for as long as the pictures took. New ones are asked for then,
    # because those of the first look are kept.
    assert served or look(many, addresses[100:], limit)


def look(many: Review, addresses: list[str], limit: float) -> bool:
    """Ask for a hundred pictures, and say whether others were served meanwhile."""
    with Watched(many) as watched:
        answers = fetch(many, addresses)
        for _ in range(20):  # "Try again", as the placeholders say, until the pictures are there
            waiting = [path for path, (_, body) in zip(addresses, answers, strict=True) if b"again" in body]
            if not waiting:
                break
            later = dict(zip(waiting, fetch(many, waiting), strict=True))
            answers = [later.get(path, answer) for path, answer in zip(addresses, answers, strict=True)]
    assert sum(body[:2] == b"\xff\xd8" or body[:4] == b"RIFF" for _, body in answers) == 80
    assert sum(b"pixels" in body for _, body in answers) == 20
    assert watched.grown < 300 * MIB
    return others_are_served(many, watched, limit)
