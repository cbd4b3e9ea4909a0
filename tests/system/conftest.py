"""The real account's session, shared by the system tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from snowflake.snowpark import Session

CONNECTION = os.environ.get("MEDIABATCH_SYSTEM_CONNECTION")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A Snowpark session over the same connection that the operators use, through Apache's hook."""
    os.environ["AIRFLOW_CONN_MEDIABATCH_SYSTEM"] = CONNECTION or ""
    from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

    opened = MediaBatchHook(snowflake_conn_id="mediabatch_system").get_snowpark_session()
    yield opened
    opened.close()
