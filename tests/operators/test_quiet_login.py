"""A task's log has what the task did, and not the connector's own lines about a login."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

CONNECTOR = logging.getLogger("snowflake.connector.connection")


@pytest.fixture
def at_info(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_login_logs_nothing(engine: Any, conn_id: str, at_info: pytest.LogCaptureFixture) -> None:
    with MediaBatchHook(conn_id).connect():
        pass
    assert [record.getMessage() for record in at_info.records if record.name.startswith("snowflake")] == []
    assert CONNECTOR.level == logging.NOTSET


def test_a_level_that_was_set_counts(engine: Any, conn_id: str, at_info: pytest.LogCaptureFixture) -> None:
    """As by Airflow's ``[logging] namespace_levels``."""
    with at_info.at_level(logging.INFO, logger=CONNECTOR.name), MediaBatchHook(conn_id).connect():
        pass
    assert any("Snowflake Connector for Python" in record.getMessage() for record in at_info.records)
