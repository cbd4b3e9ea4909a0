"""The soak in short; ``make soak`` is the long one."""

from __future__ import annotations

import pytest
from faults import soak
from faults.schedule import kills, schedule

SHORT = ["--pairs", "2", "--files", "24", "--engine-kills", "1", "--minutes", "4", "--seed", "11"]


def test_a_seed_gives_one_schedule() -> None:
    assert schedule(7, 24, 1000) == schedule(7, 24, 1000) != schedule(8, 24, 1000)
    first, second = kills(7, "pair0a", "full"), kills(7, "pair0a", "full")
    moments = [first() for _ in range(50)]
    assert moments == [second() for _ in range(50)]
    assert sum(moment is not None for moment in moments) == 3
    runs = [run for pair in schedule(7, 24, 1000) for run in pair.runs]
    assert sum(pair.late for pair in schedule(7, 24, 1000)) == 1000
    assert any(run.cleared for run in runs)
    assert any(run.reprocess for run in runs)
    assert any(run.abandoned_at for run in runs)


@pytest.mark.timeout(400)
def test_short_soak() -> None:
    assert soak.main(SHORT) == 0
