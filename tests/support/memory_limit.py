"""A control group with a limit of memory, which is what a container has: the kernel ends what goes beyond it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest


class MemoryLimit:
    """A group below this process's own, for version 1 and 2 of Linux's control groups.

    :param limit: bytes that its processes may use together.
    :raises OSError: where none can be made, because the user may not, or the version allows none beside processes.
    """

    def __init__(self, limit: int) -> None:
        self.parent, is_first = _own_group()
        self.group = self.parent / f"mediabatch-{os.getpid()}"
        if not is_first and "memory" not in (self.parent / "cgroup.subtree_control").read_text().split():
            (self.parent / "cgroup.subtree_control").write_text("+memory")
        self.group.mkdir()
        try:
            (self.group / ("memory.limit_in_bytes" if is_first else "memory.max")).write_text(str(limit))
            swap = self.group / ("memory.memsw.limit_in_bytes" if is_first else "memory.swap.max")
            if swap.exists():
                swap.write_text(str(limit if is_first else 0))
        except OSError:
            self.group.rmdir()
            raise

    def take(self, process: psutil.Process) -> None:
        """Put a process into the group. Those that it starts from now on are in it too."""
        (self.group / "cgroup.procs").write_text(str(process.pid))

    def remove(self) -> None:
        """Give its processes back and remove it."""
        for pid in (self.group / "cgroup.procs").read_text().split():
            (self.parent / "cgroup.procs").write_text(pid)
        self.group.rmdir()


def _own_group() -> tuple[Path, bool]:
    """The folder of this process's group that counts memory, and whether it is of version 1."""
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(",") and "memory" in groups:
            return _below(place, groups["memory"]), True
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2" and "memory" in (Path(place) / "cgroup.controllers").read_text().split():
            return _below(place, groups[""]), False
    raise OSError("no control group here counts memory")


def _below(place: str, group: str) -> Path:
    """A container sees its own group at the top, under whatever name it has outside."""
    found = Path(place) / group.lstrip("/")
    return found if found.is_dir() else Path(place)


@contextmanager
def limited_jobs(engine_pid: int, limit: int) -> Iterator[None]:
    """While the block runs, an engine's jobs may use so much memory together.

    :param engine_pid: the engine's process.
    :param limit: in bytes.
    """
    try:
        memory = MemoryLimit(limit)
    except OSError as error:
        pytest.skip(f"no control group with a memory limit can be made here: {error}")
    try:
        children = psutil.Process(engine_pid).children()
        memory.take(next(child for child in children if "runner.fork_server" in " ".join(child.cmdline())))
        yield
    finally:
        memory.remove()
