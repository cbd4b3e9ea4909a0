"""Addresses in Snowsight."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.links.snowsight import location_url, statement_url

ACCOUNT, HOST = "myorg-acct", "myorg-acct.snowflakecomputing.com"


def test_a_statement() -> None:
    assert statement_url(ACCOUNT, HOST, "q1") == (
        "https://app.snowflake.com/myorg/acct/#/compute/history/queries/q1/detail"
    )
    assert statement_url("local", "127.0.0.1", "q1") == ""
    assert statement_url("a-b", "a-b.snowflakecomputing.com", None) == ""


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("@DB.SC.OUT/run/MB_X/", "DB/schemas/SC/stage/OUT"),
        ('@"my db".SC."a/b"/x/', "my%20db/schemas/SC/stage/a%2Fb"),
        ("DB.SC.RESULTS", "DB/schemas/SC/table/RESULTS"),
        ('DB.SC."results 1"', "DB/schemas/SC/table/results%201"),
    ],
)
def test_a_stage_or_a_table(location: str, expected: str) -> None:
    assert location_url(ACCOUNT, HOST, location) == f"https://app.snowflake.com/myorg/acct/#/data/databases/{expected}"
    assert location_url("local", "127.0.0.1", location) == ""
