"""Folders and files that may not be read, and files that change while they are uploaded to the engine."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from demo_command import demo
from PIL import Image

from airflow_provider_mediabatch.demo.inbox import Inbox
from airflow_provider_mediabatch.demo.own_files import PICTURES, upload

LOST = "it was there, and could not be read when it was uploaded: No such file or directory"


@pytest.fixture
def stage(engine: Any) -> Iterator[tuple[Any, str]]:
    """A session, and an empty folder on a stage."""
    with engine.session() as session:
        session.sql("CREATE OR REPLACE STAGE OWN_FILES ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
        yield session, "@OWN_FILES/mine"


def on_stage(session: Any, target: str) -> dict[str, int]:
    """Name to size of what is there."""
    return {Path(row["name"]).name: row["size"] for row in session.sql(f"LIST {target}/").collect()}


def pictures(folder: Path, count: int) -> dict[str, Path]:
    files = {f"{number:03}.jpg": folder / f"{number:03}.jpg" for number in range(count)}
    for path in files.values():
        Image.new("RGB", (8, 8)).save(path)
    return files


def test_files_that_vanish_during_the_upload_are_named(stage: tuple[Any, str], tmp_path: Path) -> None:
    session, target = stage
    files = pictures(tmp_path, 230)
    said: list[int] = []

    def progress(done: int) -> None:
        said.append(done)
        for name in ("205.jpg", "229.jpg"):
            files[name].unlink(missing_ok=True)

    lost = upload(session, files, target, progress)
    assert lost == dict.fromkeys(("205.jpg", "229.jpg"), LOST)
    assert set(on_stage(session, target)) == set(files) - set(lost)
    assert said == [200, 228]


def test_when_all_have_vanished_nothing_is_there(stage: tuple[Any, str], tmp_path: Path) -> None:
    session, target = stage
    files = pictures(tmp_path, 2)
    for path in files.values():
        path.unlink()
    assert upload(session, files, target) == dict.fromkeys(files, LOST)
    assert on_stage(session, target) == {}


def test_an_upload_that_fails_for_another_reason_raises(stage: tuple[Any, str], tmp_path: Path) -> None:
    session, _ = stage
    with pytest.raises(Exception, match="NO_SUCH_STAGE"):
        upload(session, pictures(tmp_path, 1), "@NO_SUCH_STAGE/mine")


def test_a_file_that_grows_during_the_upload_is_there(stage: tuple[Any, str], tmp_path: Path) -> None:
    session, target = stage
    files = pictures(tmp_path, 20)
    path, stop = files["010.jpg"], threading.Event()

    def grow() -> None:
        with path.open("ab") as file:
            while not stop.wait(0.001):
                file.write(bytes(10_000))
                file.flush()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        assert upload(session, files, target) == {}
    finally:
        stop.set()
        thread.join()
    assert 0 < on_stage(session, target)["010.jpg"] <= path.stat().st_size
    assert len(on_stage(session, target)) == 20


def test_a_photograph_that_vanishes_from_the_inbox_is_taken_when_it_comes_back(
    stage: tuple[Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, target = stage
    (path,) = pictures(tmp_path, 1).values()
    kept = shutil.copy(path, tmp_path.parent / "kept.jpg")
    inbox = Inbox(session, tmp_path, target, PICTURES)
    inbox.poll()
    read = Path.read_bytes

    def read_and_remove(self: Path) -> bytes:
        content = read(self)
        self.unlink()
        return content

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", read_and_remove)
        assert inbox.poll() == ({}, {path.name: LOST})
    shutil.copy(kept, path)
    inbox.poll()
    assert inbox.poll() == ({path.name: path}, {})


@contextmanager
def without_permission(path: Path) -> Iterator[list[str]]:
    """While the block runs nobody may read the path; what to put before a command so that root may not either."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        if os.geteuid() == 0:
            setpriv = shutil.which("setpriv")
            if setpriv is None:
                pytest.skip("root may read everything, and setpriv is not there to take that away")
            yield [setpriv, "--bounding-set", "-dac_override,-dac_read_search"]
        else:
            yield []
    finally:
        path.chmod(mode)


def test_a_folder_that_may_not_be_read_is_one_clear_line(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    pictures(folder, 1)
    with without_permission(folder) as before:
        done = demo(tmp_path / "state", "--files", str(folder), before=before)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"mediabatch: --files {folder} cannot be read: Permission denied\n"


def test_files_that_may_not_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (path,) = pictures(tmp_path / "mine", 1).values()
    with without_permission(path) as before:
        done = demo(tmp_path / "state", "--files", str(path.parent), before=before)
    assert done.returncode == 1
    assert done.stderr.endswith("no picture is there\n  000.jpg: it cannot be read: Permission denied\n")


@pytest.mark.parametrize("name", ["nowhere", "file", "loop"])
def test_what_is_no_folder_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    done = demo(tmp_path / "state", "--files", str(tmp_path / name))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"mediabatch: --files {tmp_path / name} is not a directory\n"
