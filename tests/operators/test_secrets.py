"""The password stays in the connection: not in logs, XComs, Airflow's database, statements or jobs' files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written import holding

DAGS = Path(__file__).parent / "dags"


@pytest.mark.slow
def test_password_is_nowhere_after_a_run(
    media: Any, own_airflow_home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The most talkative that Airflow and the connector can be set to.
    monkeypatch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "DEBUG")
    secret = media.engine.parameters["password"]
    assert len(secret) > 20
    run = own_airflow_home.run_dag(DAGS / "batch.py", "deferred")
    assert run.state == "success", run.log.read_text()[-4000:]
    assert secret not in run.log.read_text()
    assert secret not in repr(run.xcoms)
    assert holding(tmp_path, secret) == []
    # The engine's own note of it, which only its owner can read, is all there is: no statement, job or log holds it.
    for name in holding(media.engine.state_dir, secret):
        path = media.engine.state_dir / name
        assert path.stat().st_mode & 0o077 == 0, name
        assert path.suffix == ".json", name
        assert path.parent == media.engine.state_dir, name
