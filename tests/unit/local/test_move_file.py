"""A finished file arrives in a stage whatever else happens to its folder, and takes no other's place unasked."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PosixPath
from typing import Any, ClassVar

import pytest

from airflow_provider_mediabatch.local.move_file import move_file, move_files


def test_a_folder_that_is_removed_again_and_again_is_made_again(tmp_path: Path) -> None:
    """REMOVE takes the folder of the last file with it, and other statements write into it at that moment."""
    stage, scratch, over = tmp_path / "stage", tmp_path / "scratch", threading.Event()
    scratch.mkdir()

    def remove() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                (stage / "out").rmdir()

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for number in range(500):
            (scratch / "part").write_text(str(number))
            move_file(scratch / "part", stage / "out" / "part")
            assert (stage / "out" / "part").read_text() == str(number)
            (stage / "out" / "part").unlink()
    finally:
        over.set()
        remover.join()


def test_a_source_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_file(tmp_path / "gone", tmp_path / "stage" / "part")


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "part").touch()
    (tmp_path / "stage").touch()
    with pytest.raises(FileExistsError):
        move_file(tmp_path / "part", tmp_path / "stage" / "part")


class MeetingPath(PosixPath):
    """A path where two threads meet after each has looked whether its file is there."""

    both: ClassVar[threading.Barrier]

    def exists(self, **options: Any) -> bool:
        found = super().exists(**options)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other waits for the lock
            self.both.wait()
        return found


def unload(folder: Path, stage: Path, *names: str, overwrite: bool = False) -> bool:
    """Whether files of these names, written in a folder of the unload's own, are in the stage now."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text(folder.name)
    return move_files([(folder / name, stage / name) for name in names], overwrite=overwrite)


def test_of_two_unloads_to_one_path_one_is_refused(tmp_path: Path) -> None:
    MeetingPath.both = threading.Barrier(2, timeout=1.0)
    stage = MeetingPath(tmp_path / "stage")
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda name: unload(tmp_path / name, stage, "data"), ("one", "other"))
    assert (one, other).count(True) == 1
    assert (tmp_path / "stage" / "data").read_text() == ("one" if one else "other")


def test_a_taken_name_leaves_every_file_of_the_unload_where_it_is(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    assert unload(tmp_path / "first", stage, "data_1")
    assert not unload(tmp_path / "second", stage, "data_0", "data_1")
    assert sorted(path.name for path in stage.iterdir()) == ["data_1"]
    assert (tmp_path / "second" / "data_0").exists()
    assert unload(tmp_path / "third", stage, "data_0", "data_1", overwrite=True)
    assert {path.read_text() for path in stage.iterdir()} == {"third"}
