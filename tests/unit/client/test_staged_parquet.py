"""Which column of staged Parquet a name means."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.client.staged_parquet import find_column


@pytest.mark.parametrize(
    ("name", "columns", "found"),
    [
        ("IMG", ["img", "IMG"], "IMG"),
        ("img", ["IMG", "img"], "img"),
        ("img", ["LABEL", "IMG"], "IMG"),
        ("img", ["LABEL"], None),
    ],
)
def test_the_exact_name_comes_before_another_case(name: str, columns: list[str], found: str | None) -> None:
    assert find_column(name, columns) == found
