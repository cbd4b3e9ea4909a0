"""Apache's hook with the parameters that it leaves out, on the engine."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from airflow.sdk.execution_time.context import set_current_context
from operators.job_requests import Instance

from airflow_provider_mediabatch.client.connection import execute, rows, value
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
    own = {"autocommit": False, "QUOTED_IDENTIFIERS_IGNORE_CASE": True, "STATEMENT_TIMEOUT_IN_SECONDS": 77}
    monkeypatch.setenv("AIRFLOW_CONN_MEDIABATCH_OTHER", with_session_parameters(media, **own))
    hook = MediaBatchHook(snowflake_conn_id="mediabatch_other")
    with hook.connect() as connection:
        (timeout,) = rows(connection, "SHOW PARAMETERS LIKE 'LOCK_TIMEOUT' IN SESSION")
        assert timeout["value"] == "400", "longer than the 300 s of a killed worker's idle transaction"
        execute(connection, "CREATE OR REPLACE TABLE MEDIA.PUBLIC.COMMITTED (N NUMBER)")
        execute(connection, "INSERT INTO MEDIA.PUBLIC.COMMITTED VALUES (1)")
    given = hook._get_conn_params()["session_parameters"]
    assert given["STATEMENT_TIMEOUT_IN_SECONDS"] == 77, "what no statement depends on stays the connection's own"
    assert given["QUOTED_IDENTIFIERS_IGNORE_CASE"] is False
    with MediaBatchHook(snowflake_conn_id=conn_id).connect() as connection:
        assert value(connection, "SELECT COUNT(*) FROM MEDIA.PUBLIC.COMMITTED") == 1


def test_every_statement_of_a_task_has_its_tag(conn_id: str, media: Any, monkeypatch: Any) -> None:
    def tags(hook_conn_id: str) -> set[str]:
        with MediaBatchHook(snowflake_conn_id=hook_conn_id).connect() as connection:
            for statement in ("SELECT 1", "SHOW STAGES IN SCHEMA MEDIA.PUBLIC", "BEGIN", "ROLLBACK"):
                execute(connection, statement)
            session = connection.session_id
        with sqlite3.connect(media.engine.state_dir / "catalog.sqlite") as catalog:
            return {row[0] for row in catalog.execute("SELECT tag FROM queries WHERE session_id = ?", (session,))}

    ti = Instance.model_construct(
        dag_id="d" * 250, task_id='group.Bilder "neu" \U0001f600', run_id="r", map_index=3, try_number=2
    )
    with set_current_context({"ti": ti}):  # type: ignore[typeddict-item]
        (tag,) = tags(conn_id)
    assert json.loads(tag) == {
        "app": "airflow-provider-mediabatch",
        **{"dag": ti.dag_id, "task": ti.task_id, "run": "r", "map_index": 3, "try": 2},
    }
    assert tags(conn_id) == {'{"app": "airflow-provider-mediabatch"}'}, "outside of a task"
    monkeypatch.setenv("AIRFLOW_CONN_TAGGED", with_session_parameters(media, QUERY_TAG="cost centre 7"))
    assert tags("tagged") == {"cost centre 7"}, "a tag of the connection's own stands"


def with_session_parameters(media: Any, **parameters: Any) -> str:
    """The engine's connection with session parameters of its own, as ``AIRFLOW_CONN_…`` has it."""
    from airflow.sdk import Connection

    text = media.engine.airflow_connection
    make = Connection.from_uri if "://" in text else Connection.from_json
    other = make(text, conn_id="other")
    other.extra = json.dumps(json.loads(other.extra or "{}") | {"session_parameters": parameters})
    return str(other.as_json())
