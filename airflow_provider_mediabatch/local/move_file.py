"""Moves a finished file into a stage."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path


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
