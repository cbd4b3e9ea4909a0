"""``mediabatch ledger`` and ``mediabatch runs`` on the engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_mediabatch.cli.main import main
from airflow_provider_mediabatch.client.connection import execute

COUNTS = ["done", "claimed", "quarantined", "released"]


def test_states_reasons_runs_and_releases(
    place: Any, engine: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER_TEST", engine.airflow_connection)
    where = ("--conn-id", "ledger_test", "--ledger", place.table)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([*arguments, *where])
        return status, *capsys.readouterr()

    def found(*arguments: str) -> Any:
        status, out, _ = run(*arguments, "--json")
        assert status == 0
        return json.loads(out)

    status, _, error = run("ledger", "show")
    assert (status, "does not exist" in error, len(error.splitlines())) == (1, True, 1)

    place.claim("one")
    broken, other = (f"{place.stage}/{name}.jpg" for name in "ab")
    quarantine = f"UPDATE {place.table} SET STATE = 'quarantined', ERROR = 'no picture'"
    execute(place.connection, f"{quarantine} WHERE FILE_PATH IN ('{broken}', '{other}')")
    shown = found("ledger", "show")
    assert {row["state"]: row["files"] for row in shown["states"]} == {"claimed": 1, "quarantined": 2}
    assert [(row["file_path"], row["error"]) for row in shown["failed"]] == [
        (broken, "no picture"),
        (other, "no picture"),
    ]
    (row,) = found("runs")
    assert (row["run_id"], row["claimed"], row["quarantined"], row["jobs"]) == ("one", 1, 2, 0)
    _, text, _ = run("ledger", "show")
    assert "no picture" in text
    _, text, _ = run("runs")
    header, line = text.splitlines()
    assert header.split() == ["dag_id", "run_id", "model_version", *COUNTS, "jobs", "updated_at"]
    assert line.split()[:7] == ["dag", "one", "V1", "0", "1", "2", "0"]

    assert found("ledger", "release-quarantined", broken) == {"released": 1}
    assert found("ledger", "release-quarantined", "--all") == {"released": 1}
    status, _, error = run("ledger", "release-run", "dag", "two")
    assert (status, "has claimed no file" in error) == (1, True)
    execute(place.connection, f"UPDATE {place.table} SET JOB_NAME = 'MEDIA.PUBLIC.UNSEEN', JOB_ROLE = 'OTHER'")
    status, _, error = run("ledger", "release-run", "dag", "one")
    assert (status, "may still process its files" in error) == (1, True), "another role's job that cannot be seen"
    execute(place.connection, f"UPDATE {place.table} SET JOB_ROLE = CURRENT_ROLE()")
    status, _, error = run("ledger", "release-run", "dag", "one")
    assert (status, "Snowflake may still be building its image" in error) == (1, True)
    execute(place.connection, f"UPDATE {place.table} SET UPDATED_AT = DATEADD(hour, -2, UPDATED_AT)")
    assert found("ledger", "release-run", "dag", "one") == {"released": 1}
    assert set(place.states().values()) == {"released"}
    with pytest.raises(SystemExit):
        run("ledger", "release-quarantined")
