"""Moves finished files into a stage."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

_unloading = threading.Lock()  # one for all stages: two external ones may be one folder


def move_file(source: Path, destination: Path) -> None:
    """Rename a finished file into a stage, over one of that name; across file systems by copying.

    The folder is made as often as it is missing, because a ``REMOVE`` of the last file in it takes the folder away, and
    may do so at any moment: object stores have no folders.

    :param source: the finished file, outside every stage.
    :param destination: the path in the stage.
    :raises OSError: when the file system refuses it, or when ``source`` is gone.
    """
    while True:
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, destination)
            return
        except FileExistsError:  # mkdir found the folder, and looked again when it was gone
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISDIR(destination.parent.stat().st_mode):
                    raise
        except FileNotFoundError:
            if not source.exists():
                raise
        except OSError as error:
            if error.errno != errno.EXDEV:  # a bucket that is a link to another file system
                raise
            shutil.move(source, destination)
            return


def move_files(moves: Sequence[tuple[Path, Path]], *, overwrite: bool) -> bool:
    """Move the files of an unload into a stage, as :func:`move_file` does, and no two unloads at once.

    :param moves: the finished files, and their paths in the stage.
    :param overwrite: replace files of those names.
    :returns: False when a path is taken and ``overwrite`` is not given; nothing is moved then.
    :raises OSError: as :func:`move_file`.
    """
    with _unloading:
        if not overwrite and any(destination.exists() for _, destination in moves):
            return False
        for source, destination in moves:
            move_file(source, destination)
    return True
