"""Starting, watching and ending the processes of jobs, which outlive this one."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from airflow_provider_mediabatch.local.runner.spec import INTERNAL_ERROR, Status

log = logging.getLogger(__name__)

_START_TRIES = 3


class Launcher:
    """The fork server that job processes come from, kept alive.

    :param state_dir: its messages go to ``fork_server.log`` there.
    """

    def __init__(self, state_dir: Path) -> None:
        self._log = state_dir / "fork_server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._failures = 0
        self._closed = False

    @property
    def alive(self) -> bool:
        """Whether the fork server runs (it may still be importing)."""
        return self._process is not None and self._process.poll() is None

    @property
    def broken(self) -> bool:
        """Whether it ended several times in a row before it could fork anything."""
        return self._failures >= _START_TRIES

    def ensure(self) -> bool:
        """Start the fork server when there is none. True when it was started: requests to the last one are lost."""
        with self._lock:
            if self._closed or self.alive:
                return False
            if self._process is not None:
                self._failures += 1
                log.warning("the fork server ended with code %s", self._process.returncode)
            with open(self._log, "ab") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "airflow_provider_mediabatch.local.runner.fork_server"],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            return True

    def start(self, job_dir: Path) -> None:
        """Ask for the job in ``job_dir`` to be started. Asking again is harmless: a job starts once."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                with contextlib.suppress(OSError):  # it just died; the supervisor asks the next one
                    self._process.stdin.write(f"{job_dir}\n".encode())
                    self._process.stdin.flush()

    def worked(self) -> None:
        """Note that a job was started: the fork server is sound."""
        self._failures = 0

    def tail(self) -> str:
        """The last lines it wrote, for a message."""
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-5:])
        return ""

    def close(self) -> None:
        """End the fork server; jobs go on."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:  # still importing
                process.kill()
                process.wait(2)


def leader(status: Status) -> psutil.Process | None:
    """The job's leading process, or None when it is gone (or its pid is now another's)."""
    if not status.pid:
        return None
    try:
        process = psutil.Process(status.pid)
        same = abs(process.create_time() - status.process_started) < 2
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def kill(status: Status) -> None:
    """End the job's whole process group at once and wait until its leader is gone."""
    # Workers whose leader was killed keep the group alive; without any, the pid may be a stranger's by now.
    if not status.pid or (leader(status) is None and psutil.pid_exists(status.pid)):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(status.pid, signal.SIGKILL)
    end = time.monotonic() + 5
    while leader(status) is not None and time.monotonic() < end:
        time.sleep(0.005)


def observe(job_dir: Path) -> Status:
    """The job's status; a job whose processes were killed from outside becomes INTERNAL_ERROR here."""
    status = Status.load(job_dir)
    if status.pid and not status.terminal and leader(status) is None:
        status = Status.load(job_dir)  # it may have written its end since it was read
        if not status.terminal:
            kill(status)
            status.finish(
                job_dir, INTERNAL_ERROR, "the job's processes are gone: they were killed, or the machine was stopped"
            )
    return status


def usage(status: Status) -> list[tuple[float, int]]:
    """Processor seconds and bytes of memory of each of the job's workers."""
    process = leader(status)
    found = []
    for worker in process.children() if process is not None else []:
        with contextlib.suppress(psutil.Error):
            times = worker.cpu_times()
            found.append((times.user + times.system, worker.memory_info().rss))
    return found
