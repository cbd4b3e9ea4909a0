"""Time and memory of whole child processes, and the table they end up in.

Every figure comes from the operating system's accounting of a finished child (``wait4``). A shared machine's absolute
times drift, so comparisons run in turn (A B A B …) and what is quoted is the ratio of the medians, with the spread
beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Run:
    """One finished child: seconds of wall and CPU time, peak resident MB, and its last line (JSON)."""

    wall: float
    cpu: float
    peak_mb: float
    answer: dict[str, Any]


def run_child(module: str, *args: str, environment: dict[str, str] | None = None) -> Run:
    """Run ``python -m module args`` and account for it. Its last line of output is its answer, as JSON.

    :raises RuntimeError: with the child's output when it fails: a comparison with a failed side says nothing.
    """
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", module, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    out, err = child.stdout, child.stderr
    assert out is not None
    assert err is not None
    errors: list[str] = []
    drain = threading.Thread(target=lambda: errors.append(err.read()))
    drain.start()
    text = out.read()
    drain.join()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{module} {' '.join(args)} ended with {child.returncode}:\n{text}\n{errors[0][-4000:]}")
    lines = [line for line in text.splitlines() if line.strip()]
    answer = json.loads(lines[-1]) if lines else {}
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, answer)


@dataclass
class Comparison:
    """Runs of ours and of the other way, taken in turn.

    :param name: what is compared, with its size.
    :param ours: finished runs of this provider's way.
    :param other: finished runs of the way named by ``against``; empty for a figure that stands alone.
    :param budget: the design's budget in words.
    :param facts: counts that do not depend on the machine (statements, rows, logins).
    """

    name: str
    against: str
    budget: str
    ours: list[Run] = field(default_factory=list)
    other: list[Run] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def ratio(self, figure: str) -> float | None:
        """Median of the other way over median of ours: above 1, ours is lower."""
        if not self.other:
            return None
        ours = statistics.median(getattr(run, figure) for run in self.ours)
        return round(statistics.median(getattr(run, figure) for run in self.other) / ours, 2) if ours else None

    def medians(self, name: str) -> list[float]:
        """Medians of a figure that the children themselves answer: ours, the other's."""
        return [round(statistics.median(run.answer[name] for run in side), 3) for side in (self.ours, self.other)]

    def as_json(self) -> dict[str, Any]:
        def figures(runs: Sequence[Run]) -> dict[str, list[float]]:
            return {
                name: [round(value, 3) for value in (min(v), statistics.median(v), max(v))]
                for name in ("wall", "cpu", "peak_mb")
                if (v := [getattr(run, name) for run in runs])
            }

        return {
            "name": self.name,
            "against": self.against,
            "budget": self.budget,
            "ours": figures(self.ours),
            "other": figures(self.other),
            "ratios": {figure: self.ratio(figure) for figure in ("wall", "cpu", "peak_mb")},
            "facts": self.facts,
        }


def in_turn(
    comparison: Comparison,
    repeats: int,
    ours: Sequence[str],
    other: Sequence[str],
    environment: dict[str, str] | None = None,
) -> None:
    """Fill a comparison: ``repeats`` runs of each side, one after the other; first argument the child's module."""
    for _ in range(repeats):
        comparison.ours.append(run_child(*ours, environment=environment))
        comparison.other.append(run_child(*other, environment=environment))


def machine() -> dict[str, Any]:
    """What the figures were taken on: cores, memory, Python, and how noisy a fixed loop was over 20 runs."""
    times = []
    for _ in range(20):
        started = time.perf_counter()
        sum(range(1_000_000))
        times.append(time.perf_counter() - started)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "python": sys.version.split()[0],
        "noise": round(max(times) / min(times), 2),
    }
