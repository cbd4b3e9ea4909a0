"""What a process has started ends when it is killed, and is left alone when it says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

PARENT = """
import subprocess, sys, time
from airflow_provider_mediabatch.demo.watchdog import Watchdog

def start(text):
    # The shell heeds no SIGTERM, and has a child of its own.
    return subprocess.Popen(["sh", "-c", f"trap '' TERM; sleep 300 & {text}; wait"], start_new_session=True)

watchdog = Watchdog()
watched, forgotten = start("true"), start("true")
watchdog.watch(watched.pid)
watchdog.watch(forgotten.pid)
watchdog.forget(forgotten.pid)
print(watched.pid, forgotten.pid, watchdog._process.pid, flush=True)
if sys.argv[1] == "done":
    watchdog.close()
time.sleep(300)
"""


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("ending", ["killed", "done"])
def test_a_killed_process_takes_its_groups_with_it(ending: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, ending], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    watched, forgotten, watchdog = map(int, parent.stdout.readline().split())
    try:
        if ending == "done":
            deadline = time.monotonic() + 20
            while alive(watchdog) and time.monotonic() < deadline:
                time.sleep(0.05)
        assert alive(watched)
        assert alive(forgotten)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 30
        while alive(watchdog) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(watchdog)
        assert alive(watched) is (ending == "done")
        assert alive(forgotten)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        for group in (watched, forgotten):
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue
