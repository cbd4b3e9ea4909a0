"""Apache's own operators reach the engine with the environment that ``mediabatch local env`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import snowflake.connector
from snowflake.connector.errors import OperationalError

if TYPE_CHECKING:
    from tests.conftest import RunningEngine

DAG_FILE = Path(__file__).parent / "dags" / "apache.py"


def test_apaches_operators_run_as_they_are(engine: RunningEngine, airflow_home: Any) -> None:
    run = airflow_home.run_dag(DAG_FILE, "apache", environment=engine.status.environment)
    assert run.state == "success", run.log.read_text()[-6000:]
    assert [run.returned(task) for task in ("operator", "decorated")] == [1, "fig"]
    assert run.returned("hook") == [1, "ACCOUNTADMIN", 2]


def test_tls_needs_the_certificate_and_the_password(engine: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    secure = engine.parameters | {"protocol": "https", "insecure_mode": True, "login_timeout": 5}
    with pytest.raises(OperationalError, match=r"(?i)certificate.verify.failed"):
        snowflake.connector.connect(**secure)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", engine.status.environment["REQUESTS_CA_BUNDLE"])
    with snowflake.connector.connect(**secure) as connection:
        large = "SELECT SEQ4() AS N, REPEAT('x', 100) AS T FROM TABLE(GENERATOR(ROWCOUNT => 200000))"
        assert len(connection.cursor().execute(large).fetchall()) == 200_000
    with pytest.raises(snowflake.connector.errors.DatabaseError, match="password"):
        snowflake.connector.connect(**secure | {"password": "wrong"})
