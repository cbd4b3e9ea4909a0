"""A finished file arrives in a stage whatever else happens to its folder."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from airflow_provider_mediabatch.local.move_file import move_file


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
