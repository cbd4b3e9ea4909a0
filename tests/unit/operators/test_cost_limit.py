"""A run that is expected to cost too much is refused, and so is a limit that cannot be checked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.operators.cost_limit import check_max_cost, cost_plan

MANIFEST = Manifest("@DB.SC.WORK/m/", {"IMG": "VARCHAR"}, ("IMG",), 100, 100, 20, "d" * 32)
SAMPLE = SampleReport(True, "J", "L", "M", "p", "m", (), (), 2, seconds_per_file=36.0, run_files=1000)


def check(max_cost: Any, sample: SampleReport | None = SAMPLE, **task: Any) -> None:
    priced: Any = SimpleNamespace(**{"credits_per_hour": "0.5", "price_per_credit": 2, "currency": "EUR", **task})
    plan: Any = SimpleNamespace(replicas=2)
    check_max_cost(max_cost, cost_plan(priced, MANIFEST, plan, sample), MANIFEST, sample)


def test_all_shards_count_together() -> None:
    # 100 files of this shard cost 1 EUR, and the run has ten such shards.
    check(10)
    with pytest.raises(InvalidInputError, match=r"1,000 files is expected to cost 10\.00 EUR, more than max_cost=9\.5"):
        check("9.5")
    check(9.5, replace(SAMPLE, run_files=0))
    check(9.5, replace(SAMPLE, more_quarantined=60))


@pytest.mark.parametrize("nothing", [None, "", "None"])
def test_without_a_limit_nothing_is_needed(nothing: Any) -> None:
    check(nothing, None, credits_per_hour=None)


def test_a_limit_that_cannot_be_checked_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot be checked without credits_per_hour"):
        check(5, credits_per_hour=None)
    with pytest.raises(InvalidInputError, match="without sample"):
        check(5, replace(SAMPLE, seconds_per_file=None))
    with pytest.raises(InvalidInputError, match="max_cost='cheap'"):
        check("cheap")
