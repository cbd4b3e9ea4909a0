"""One demo at a time works on a state directory: two would stop each other's engine and share one Airflow."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from airflow_provider_mediabatch.demo import DemoError

LOCK_FILE = "demo.lock"


class DemoLock:
    """The lock that a demo holds until its process ends.

    :param file: the locked file.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.say("")

    def say(self, text: str) -> None:
        """Note what another demo, which is refused, is to say of this one."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"process {os.getpid()}" + (f", {text}" if text else ""))
        self._file.flush()


@contextmanager
def alone(state_dir: Path) -> Iterator[DemoLock]:
    """Hold the state directory's lock.

    :raises DemoError: while another demo holds it.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state_dir / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise DemoError(
                f"another demo works on {state_dir} ({file.read()}): end it with Ctrl-C, or give another --state-dir"
            ) from None
        yield DemoLock(file)
