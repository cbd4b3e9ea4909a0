"""Limits of comparisons that a statement on the engine would test slowly."""

from __future__ import annotations

import pytest
from sqlglot import exp

from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.sql import comparisons
from airflow_provider_mediabatch.local.sql.rewrite import Rewriter


def test_a_list_of_in_has_at_most_200_000_items() -> None:
    one = exp.Literal.number(1)
    listed = exp.In(this=one, expressions=[one] * 200_001)
    with pytest.raises(SnowflakeError, match="at most 200,000, got 200,001") as refused:
        comparisons._in(Rewriter.__new__(Rewriter), listed)
    assert refused.value.code == 1795
