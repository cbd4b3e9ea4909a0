"""Apache's hook with the parameters that it leaves out, on the engine."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_mediabatch.client.connection import execute, value
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


def test_session_parameters_of_the_connection_do_not_change_what_statements_mean(
    conn_id: str, media: Any, monkeypatch: Any
) -> None:
    from airflow.sdk import Connection

    text = media.engine.airflow_connection
    make = Connection.from_uri if "://" in text else Connection.from_json
    other = make(text, conn_id="other")
    own = {"autocommit": False, "QUOTED_IDENTIFIERS_IGNORE_CASE": True, "STATEMENT_TIMEOUT_IN_SECONDS": 77}
    other.extra = json.dumps(json.loads(other.extra or "{}") | {"session_parameters": own})
    monkeypatch.setenv("AIRFLOW_CONN_MEDIABATCH_OTHER", other.as_json())
    hook = MediaBatchHook(snowflake_conn_id="mediabatch_other")
    with hook.connect() as connection:
        execute(connection, "CREATE OR REPLACE TABLE MEDIA.PUBLIC.COMMITTED (N NUMBER)")
        execute(connection, "INSERT INTO MEDIA.PUBLIC.COMMITTED VALUES (1)")
    given = hook._get_conn_params()["session_parameters"]
    assert given["STATEMENT_TIMEOUT_IN_SECONDS"] == 77, "what no statement depends on stays the connection's own"
    assert given["QUOTED_IDENTIFIERS_IGNORE_CASE"] is False
    with MediaBatchHook(snowflake_conn_id=conn_id).connect() as connection:
        assert value(connection, "SELECT COUNT(*) FROM MEDIA.PUBLIC.COMMITTED") == 1
