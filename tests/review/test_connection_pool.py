"""A page's connection is not held by a request whose reader is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from airflow_provider_mediabatch.client.connection import value
from airflow_provider_mediabatch.local import faults
from airflow_provider_mediabatch.review.connection_pool import ConnectionBusyError, ConnectionPool

if TYPE_CHECKING:
    from conftest import RunningEngine
    from snowflake.connector import SnowflakeConnection

CONN_ID = "review_pool"


@pytest.fixture
def slow(engine: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine takes 2 seconds for each statement."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", engine.airflow_connection)
    plan = {"rules": [{"endpoint": "query", "action": "delay", "seconds": 2}]}
    faults.install(engine.state_dir, json.dumps(plan))
    try:
        yield
    finally:
        faults.install(engine.state_dir, None)


def test_a_request_of_many_slow_statements_ends_after_its_time(slow: None) -> None:
    sent: list[int] = []

    def work(connection: SnowflakeConnection) -> None:
        for number in range(30):
            sent.append(int(value(connection, f"SELECT {number}")))

    pool = ConnectionPool(seconds=5)
    begun = time.monotonic()
    with pytest.raises(ConnectionBusyError, match="slowly"):
        pool.run(CONN_ID, work)
    assert time.monotonic() - begun < 50
    assert len(sent) < 10
    assert pool.run(CONN_ID, lambda connection: value(connection, "SELECT 42")) == 42, "the next one has its own time"
