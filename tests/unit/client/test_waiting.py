"""How long a task sleeps between two questions about a statement that runs on the server."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.client.connection import status_pause


@pytest.mark.parametrize(("seconds", "asked"), [(0.8, 20), (9, 100), (60, 160), (600, 450)])
def test_a_statement_is_over_for_little_longer_than_it_took(seconds: float, asked: int) -> None:
    """At most 3 % longer beyond the first seconds, and half of that on average, for a bounded number of requests."""
    elapsed, requests = 0.0, 1
    while elapsed < seconds:
        pause = status_pause(elapsed)
        assert pause <= max(0.05, 0.03 * elapsed)
        assert 0 < pause <= 2
        elapsed += pause
        requests += 1
    assert requests <= asked
