"""Ends what a process has started when that process dies, by SIGKILL too: a small process at the other end of a pipe.

The pipe closes with the process that holds it, however it ends. Then the watchdog ends the process groups that it
knows, and the engine of a state directory. It has a session of its own, so that what kills the one spares the other.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""


class Watchdog:
    """Watches over this process.

    :param state_dir: of a local engine that is to be stopped as well.
    """

    def __init__(self, state_dir: Path | None = None) -> None:
        engine = [str(state_dir.resolve())] if state_dir else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "airflow_provider_mediabatch.demo.watchdog", *engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """End this process group with this process."""
        self._tell(f"watch {group}")

    def forget(self, group: int) -> None:
        """The group has ended: its number may come to be another's."""
        self._tell(f"forget {group}")

    def close(self) -> None:
        """Watch no more, and leave everything as it is."""
        self._tell("done")
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        # A watchdog that was killed is missed only when this process is killed, too.
        with contextlib.suppress(BrokenPipeError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.write(f"{line}\n".encode())
                self._process.stdin.flush()


def main() -> None:
    """Read what to watch until the pipe closes; then end it, unless it was said that all is done."""
    groups: list[int] = []
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        if word == "done":
            return
        if word == "watch":
            groups.append(int(number))
        elif word == "forget" and int(number) in groups:
            groups.remove(int(number))
    _end(groups)
    for state_dir in sys.argv[1:]:
        from airflow_provider_mediabatch.local import lifecycle

        lifecycle.stop(Path(state_dir))


def _end(groups: Collection[int]) -> None:
    for number, seconds in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 0.0)):
        alive = [group for group in groups if _signal(group, number)]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(_signal(group, 0) for group in alive):
            time.sleep(0.1)


def _signal(group: int, number: int) -> bool:
    """Send a signal; whether there was anything to send it to."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()
