"""What happens in a soak, from its seed alone: its runs, what becomes of them, and when workers are killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

TASKS = ("list", "validate", "sample", "full", "load")
_CLEARED, _REPROCESSES, _ABANDONED = 0.4, 0.15, 0.15
_KILLED = 0.25
"""Share of the tasks' processes that are killed."""
_MAX_KILLS = 3
"""In one task, so that it ends at last."""
_SECONDS_TO_KILL = 0.6


@dataclass(frozen=True)
class Run:
    """One run of the whole DAG.

    :param name: its run id.
    :param deferrable: of its tasks that have a job.
    :param reprocess: a back-fill that does once more what is done.
    :param abandoned_at: the task whose worker is killed for good; None: the run comes to its end.
    :param cleared: run again after its end, with files that came meanwhile.
    """

    name: str
    deferrable: bool
    reprocess: bool
    abandoned_at: str | None
    cleared: bool


@dataclass(frozen=True)
class Pair:
    """Two runs over the same files at the same time.

    :param late: how many files come after the first run began.
    :param wait: seconds until they come.
    """

    runs: tuple[Run, Run]
    late: int
    wait: float


def schedule(seed: int, pairs: int, files: int) -> list[Pair]:
    """All pairs of a soak in their order.

    :param files: how many come late, in all of it.
    """
    rng = random.Random(f"{seed}/schedule")
    found = []
    for number in range(pairs):
        runs = (_run(rng, f"pair{number}a", may_reprocess=False), _run(rng, f"pair{number}b", may_reprocess=number > 0))
        late = files * (number + 1) // pairs - files * number // pairs
        found.append(Pair(runs, late, rng.uniform(0, 4)))
    return found


def _run(rng: random.Random, name: str, *, may_reprocess: bool) -> Run:
    deferrable, chance = rng.random() < 0.5, rng.random()
    reprocess = may_reprocess and chance < _REPROCESSES
    abandoned = not reprocess and rng.random() < _ABANDONED
    return Run(
        name,
        deferrable,
        reprocess,
        abandoned_at=rng.choice(TASKS) if abandoned else None,
        cleared=not reprocess and not abandoned and rng.random() < _CLEARED,
    )


def kills(seed: int, run: str, task: str) -> Callable[[], float | None]:
    """For one task: gives each of its steps the seconds after which its process is killed; None: it is left alone."""
    rng = random.Random(f"{seed}/{run}/{task}")
    left = [_MAX_KILLS]

    def next_step() -> float | None:
        seconds, doomed = rng.expovariate(1 / _SECONDS_TO_KILL), rng.random() < _KILLED
        if not doomed or not left[0]:
            return None
        left[0] -= 1
        return seconds

    return next_step
