"""How much memory a child takes, read by itself."""

from __future__ import annotations

from pathlib import Path


def private_mb() -> float:
    """Resident MB that this process shares with no other one (``smaps_rollup`` of proc(5))."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:"))) / 1024


def peak_mb() -> float:
    """Peak resident MB of this process since it was started (``VmHWM`` of proc(5)).

    Not ``ru_maxrss``: Linux lets that begin with the peak of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
