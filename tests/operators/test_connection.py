"""Apache's hook with our two parameters, on the engine."""

from __future__ import annotations

from typing import Any

from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook


def test_connection_is_tested_for_real(conn_id: str) -> None:
    assert MediaBatchHook(snowflake_conn_id=conn_id).test_connection() == (True, "Connection successfully tested")


def test_a_wrong_password_is_told(media: Any, monkeypatch: Any) -> None:
    from airflow.sdk import Connection

    good = (
        Connection.from_uri(media.engine.airflow_connection, conn_id="good")
        if "://" in (media.engine.airflow_connection)
        else Connection.from_json(media.engine.airflow_connection, conn_id="good")
    )
    good.password = "wrong"
    monkeypatch.setenv("AIRFLOW_CONN_MEDIABATCH_WRONG", good.as_json())
    ok, message = MediaBatchHook(snowflake_conn_id="mediabatch_wrong").test_connection()
    assert not ok
    assert "password" in message.lower()


def test_network_timeout_reaches_the_connector(conn_id: str) -> None:
    hook = MediaBatchHook(snowflake_conn_id=conn_id, network_timeout=7)
    with hook.connect() as connection:
        assert connection.network_timeout == 7
