"""What is fetched from a web address ends in time and in size, whatever the server sends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.client.media import MediaUnavailableError, download


class Handler(BaseHTTPRequestHandler):
    """``/N/PAUSE`` sends N pieces of 1,000 bytes, with a pause before each."""

    def do_GET(self) -> None:
        _, count, pause = self.path.split("/")
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):  # the client has left
            for _ in range(int(count)):
                time.sleep(float(pause))
                self.wfile.write(b"x" * 1000)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_file_is_fetched_whole(address: str, tmp_path: Path) -> None:
    download(f"{address}/5/0", tmp_path / "file", max_bytes=5000, seconds=60)
    assert (tmp_path / "file").read_bytes() == b"x" * 5000


def test_no_more_is_written_than_may_be(address: str, tmp_path: Path) -> None:
    with pytest.raises(MediaUnavailableError, match="larger"):
        download(f"{address}/100000/0", tmp_path / "file", max_bytes=4999, seconds=60)
    assert (tmp_path / "file").stat().st_size <= 4999


def test_a_server_that_sends_a_little_at_a_time_is_left(address: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(MediaUnavailableError, match="longer than 2 s"):
        download(f"{address}/600/0.2", tmp_path / "file", max_bytes=10**9, seconds=2)
    assert time.monotonic() - begun < 60
