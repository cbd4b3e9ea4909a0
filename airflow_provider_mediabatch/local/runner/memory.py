"""What the kernel says of used up memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_FIRST, _SECOND = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def oom_kills() -> int:
    """How many processes of this process's control group the kernel has ended, because memory was used up: that of the
    group, which is what limits a container, or all of the machine's. 0 where the system does not count them.
    """
    for counts in _counts():
        try:
            found = _KILLS.search(counts.read_text())
        except OSError:
            continue
        if found is not None:
            return int(found[1])
    return 0


def _counts() -> Iterator[Path]:
    """The files that may have the count, for version 1 and 2 of Linux's control groups (``cgroups(7)``)."""
    try:
        groups = [line.split(":", 2) for line in _GROUPS.read_text().splitlines()]
    except OSError:
        return
    for _, controllers, group in groups:
        if "memory" in controllers.split(","):
            folder, name = _FIRST, "memory.oom_control"
        elif not controllers:
            folder, name = _SECOND, "memory.events.local"
        else:
            continue
        yield folder / group.lstrip("/") / name
        yield folder / name  # in a container, whose own group is at the top
