"""The soak in short; ``make soak`` is the long one."""

from __future__ import annotations

import pytest
from faults import soak

SHORT = ["--batches", "20", "--files", "400", "--engine-kills", "1", "--minutes", "4", "--seed", "11"]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_short_soak() -> None:
    assert soak.main(SHORT) == 0
