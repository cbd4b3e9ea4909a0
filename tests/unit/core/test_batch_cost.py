"""One rate for what a batch is expected to cost and for what it did cost."""

from __future__ import annotations

from airflow_provider_mediabatch.core.batch_cost import CostPlan


def test_the_projection_and_the_cost_go_by_the_same_rate() -> None:
    rate = CostPlan(credits_per_hour=0.5, price_per_credit=3, currency="EUR")
    expected = rate.projected(files=3600, seconds_per_file=2, replicas=4)
    assert (expected.projected_seconds, expected.projected_cost) == (1800, 3)
    assert expected.cost(1800, 4) == expected.projected_cost
    assert expected.cost(900, None) == 0.375


def test_what_is_not_known_has_no_cost() -> None:
    assert CostPlan().projected(files=2, seconds_per_file=3, replicas=None) == CostPlan(projected_seconds=6)
    assert CostPlan(1, 1).projected(files=2, seconds_per_file=None, replicas=None).projected_cost is None
    assert CostPlan(1, 1).cost(None, 1) is None
    assert CostPlan(price_per_credit=1).cost(10, 1) is None
