"""Time of whole child processes, and the figures made of what they measure.

Every time comes from the operating system's accounting of a finished child (``wait4``); a peak of memory is read by the
child itself (:mod:`bench.children.memory`). A shared machine's absolute times drift, so both sides run in turn
(A B A B …) and what is judged is the ratio of the medians, with the spread beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

PEERS = os.path.join(sys.prefix, "peers", "bin", "python")
"""The Python that sees other vendors' providers as well; see ``scripts/setup-peers``."""


@dataclass(frozen=True)
class Run:
    """One finished child: seconds of wall and CPU time, and its last line (JSON)."""

    wall: float
    cpu: float
    answer: dict[str, Any]


def run_child(
    module: str,
    *args: str,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
    patience: float = 1800,
) -> Run:
    """Run ``python -m module args`` and account for it. Its last line of output is its answer, as JSON.

    :param patience: seconds after which the child is killed.
    :raises RuntimeError: with the child's output when it fails: a comparison with a failed side says nothing.
    """
    started = time.monotonic()
    child = subprocess.Popen(
        [python, "-m", module, *args],
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
    killer = threading.Timer(patience, child.kill)
    killer.start()
    text = out.read()
    killer.cancel()
    drain.join()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{module} {' '.join(args)} ended with {child.returncode}:\n{text}\n{errors[0][-4000:]}")
    lines = [line for line in text.splitlines() if line.strip()]
    answer = json.loads(lines[-1]) if lines else {}
    return Run(wall, usage.ru_utime + usage.ru_stime, answer)


@dataclass
class Figure:
    """One line of the table: what was measured, ours and the other way's.

    :param section: which of the measurements it belongs to.
    :param what: what is measured, with its size.
    :param unit: of both sides.
    :param ours: one number for each run.
    :param other: the same of the other way; empty for a figure that stands alone.
    :param against: the other way.
    :param ratio_at_least: the budget of other over ours.
    :param at_most: the budget of ours alone.
    :param note: what one has to know to read it.
    """

    section: str
    what: str
    unit: str
    ours: Sequence[float]
    other: Sequence[float] = ()
    against: str = ""
    ratio_at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    met: bool | None = field(init=False)
    ratio: float | None = field(init=False)

    def __post_init__(self) -> None:
        ours, other = middle(self.ours), middle(self.other) if self.other else None
        self.ratio = other / ours if other is not None and ours > 0 else None
        verdicts = []
        if self.ratio_at_least is not None and other is not None:
            verdicts.append(other >= self.ratio_at_least * ours)
        if self.at_most is not None:
            verdicts.append(ours <= self.at_most)
        self.met = all(verdicts) if verdicts else None

    @property
    def budget(self) -> str:
        """The budget in words, and whether it was met."""
        words = []
        if self.ratio_at_least is not None:
            words.append(f"≥ {number(self.ratio_at_least)}×")
        if self.at_most is not None:
            words.append(f"≤ {number(self.at_most)}")
        return f"{' and '.join(words)}: {'met' if self.met else 'NOT met'}" if words else ""

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``bench.json``."""
        return asdict(self)

    def as_row(self) -> str:
        """A row of the Markdown table."""
        what = f"{self.what} ({self.unit})" if self.unit else self.what
        ratio = f"{number(self.ratio)}×" if self.ratio is not None else ""
        other = f"{spread(self.other)} {self.against}".strip() if self.other else ""
        cells = (what, spread(self.ours), other, ratio, self.budget, self.note)
        return f"| {' | '.join(cells)} |"


def middle(values: Sequence[float]) -> float:
    """The median."""
    return float(statistics.median(values))


def number(value: float) -> str:
    """Three digits, thousands apart."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values: Sequence[float]) -> str:
    """The median, and what the runs lay between when they differ."""
    low, high = number(min(values)), number(max(values))
    text = number(middle(values))
    return text if low == high else f"{text} ({low}–{high})"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, Any]:
    """What the figures are taken on: cores, memory, load, Python, and how noisy a fixed loop is over 20 runs."""
    times = []
    for _ in range(20):
        started = time.perf_counter()
        sum(range(1_000_000))
        times.append(time.perf_counter() - started)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "load": round(os.getloadavg()[0], 1),
        "python": sys.version.split()[0],
        "noise": round(max(times) / min(times), 2),
    }
