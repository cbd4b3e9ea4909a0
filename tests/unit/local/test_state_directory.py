"""The state directory: private, and a damaged file in it is named."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_mediabatch.local.catalog import Catalog
from airflow_provider_mediabatch.local.errors import StateDamagedError
from airflow_provider_mediabatch.local.lifecycle import LOCK_FILE, STATE_FILE, make_private
from airflow_provider_mediabatch.local.protocol.certificate import server_context
from airflow_provider_mediabatch.local.server_process import lock, serve
from airflow_provider_mediabatch.local.stores.tables.storage import Storage


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def test_a_directory_that_the_engine_uses_is_made_private(tmp_path: Path) -> None:
    for name, content in (("empty", None), ("used", STATE_FILE), ("others", "their.txt")):
        folder = tmp_path / name
        folder.mkdir(mode=0o755)
        if content is not None:
            (folder / content).touch()
        make_private(folder)
    make_private(tmp_path / "new")
    assert [mode(tmp_path / name) for name in ("new", "empty", "used", "others")] == [0o700, 0o700, 0o700, 0o755]


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("catalog.sqlite", lambda folder: Catalog(folder / "catalog.sqlite")),
        ("tables.duckdb", Storage),
        ("engine.pem", server_context),
        (STATE_FILE, serve),
    ],
)
def test_a_damaged_file_is_named(name: str, read: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / name).write_text("damaged " * 200)
    with pytest.raises(StateDamagedError) as refused:
        read(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / name} is damaged (")


@contextmanager
def locked(folder: Path, kind: int) -> Iterator[int]:
    """Hold the directory's lock."""
    file = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, kind)
    try:
        yield file
    finally:
        os.close(file)


def test_who_asks_whether_an_engine_runs_is_not_taken_for_one(tmp_path: Path) -> None:
    """The one who starts an engine asks again and again, and holds the lock each time for a moment."""
    with locked(tmp_path, fcntl.LOCK_SH) as asking:
        timer = threading.Timer(0.1, fcntl.flock, (asking, fcntl.LOCK_UN))
        timer.start()
        held = lock(tmp_path)
        timer.join()
    assert held is not None
    os.close(held)


def test_another_engine_keeps_the_directory(tmp_path: Path) -> None:
    with locked(tmp_path, fcntl.LOCK_EX):
        assert lock(tmp_path) is None
