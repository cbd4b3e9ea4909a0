"""The fault plan: each fault as the unmodified connector meets it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import snowflake.connector
from snowflake.connector.constants import QueryStatus
from snowflake.connector.errors import OperationalError, ProgrammingError

from airflow_provider_mediabatch.local.errors import FaultPlanError
from airflow_provider_mediabatch.local.faults import Faults, install, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import RunningEngine

    Plan = Callable[..., None]


@pytest.fixture
def plan(engine: RunningEngine) -> Iterator[Plan]:
    """Give the shared engine a plan for this test only."""

    def give(*rules: dict[str, Any], seed: int = 1) -> None:
        install(engine.state_dir, json.dumps({"seed": seed, "rules": list(rules)}))

    yield give
    install(engine.state_dir, None)


def fired(engine: RunningEngine, name: str) -> list[dict[str, Any]]:
    lines = (engine.state_dir / "faults.log").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if entry["rule"] == name]


def test_no_plan_no_fault(engine: RunningEngine) -> None:
    assert not (engine.state_dir / "faults.json").exists()


def test_delay_at_the_nth_statement(engine: RunningEngine, plan: Plan) -> None:
    plan({"name": "slow third", "match": "^SELECT 'delayed'", "nth": 3, "action": "delay", "seconds": 1})
    with engine.connect() as connection:
        seconds = []
        for _ in range(4):
            started = time.monotonic()
            connection.cursor().execute("SELECT 'delayed'")
            seconds.append(time.monotonic() - started)
    assert [value >= 1 for value in seconds] == [False, False, True, False]
    assert [entry["seen"] for entry in fired(engine, "slow third")] == [3]


@pytest.mark.parametrize("action", ["lost_reply", "drop", "http_503", "session_expired"])
def test_what_the_connector_repairs_is_executed_once(engine: RunningEngine, plan: Plan, action: str) -> None:
    """The connector sends the request again, or renews its token; the row is inserted once."""
    with engine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE TABLE repaired_{action} (a VARCHAR)")
        plan({"name": f"repaired {action}", "match": f"^INSERT INTO repaired_{action}", "nth": 1, "action": action})
        cursor.execute(f"INSERT INTO repaired_{action} VALUES ('x')")
        assert cursor.execute(f"SELECT a FROM repaired_{action}").fetchall() == [("x",)]
    assert len(fired(engine, f"repaired {action}")) == 1


def test_a_session_that_is_gone_must_log_in_again(engine: RunningEngine, plan: Plan) -> None:
    with engine.connect() as connection:
        plan({"match": "^SELECT 'gone'", "nth": 1, "action": "session_gone"})
        with pytest.raises(ProgrammingError, match="Session no longer exists"):
            connection.cursor().execute("SELECT 'gone'")
    with engine.connect() as connection:
        assert connection.cursor().execute("SELECT 'gone'").fetchone() == ("gone",)


def test_an_error_without_execution(engine: RunningEngine, plan: Plan) -> None:
    with engine.connect() as connection:
        cursor = connection.cursor()
        plan(
            {
                "match": "^CREATE TABLE taken",
                "nth": 1,
                "action": "error",
                "code": 2002,
                "sqlstate": "42710",
                "message": "taken",
            }
        )
        with pytest.raises(ProgrammingError, match="taken") as failed:
            cursor.execute("CREATE TABLE taken (a INT)")
        assert (failed.value.errno, failed.value.sqlstate) == (2002, "42710")
        cursor.execute("CREATE TABLE taken (a INT)")


def test_an_error_after_execution(engine: RunningEngine, plan: Plan) -> None:
    with engine.connect() as connection:
        cursor = connection.cursor()
        plan({"match": "^CREATE TABLE made", "nth": 1, "action": "error", "after": True})
        with pytest.raises(ProgrammingError):
            cursor.execute("CREATE TABLE made (a INT)")
        with pytest.raises(ProgrammingError, match="already exists"):
            cursor.execute("CREATE TABLE made (a INT)")


def test_an_error_in_the_status_of_an_asynchronous_statement(engine: RunningEngine, plan: Plan) -> None:
    with engine.connect() as connection:
        plan({"match": "^SELECT 'collides'", "action": "error", "where": "status", "code": 2002, "message": "exists"})
        query_id = connection.cursor().execute_async("SELECT 'collides'")["queryId"]
        while connection.is_still_running(connection.get_query_status(query_id)):
            pass
        assert connection.get_query_status(query_id) is QueryStatus.FAILED_WITH_ERROR
        with pytest.raises(ProgrammingError, match="exists") as failed:
            connection.get_query_status_throw_if_error(query_id)
        assert failed.value.errno == 2002


def test_an_error_in_the_status_after_execution(engine: RunningEngine, plan: Plan) -> None:
    with engine.connect() as connection:
        plan({"match": "^CREATE TABLE noted", "nth": 1, "action": "error", "where": "status", "after": True})
        query_id = connection.cursor().execute_async("CREATE TABLE noted (a INT)")["queryId"]
        while connection.is_still_running(connection.get_query_status(query_id)):
            pass
        assert connection.get_query_status(query_id) is QueryStatus.FAILED_WITH_ERROR
        with pytest.raises(ProgrammingError, match="already exists"):
            connection.cursor().execute("CREATE TABLE noted (a INT)")


def test_monitoring_fails_for_a_while(engine: RunningEngine, plan: Plan) -> None:
    with engine.connect() as connection:
        plan(
            {
                "name": "monitor",
                "endpoint": "monitor",
                "match": "'watched'",
                "every": 1,
                "times": 2,
                "action": "http_503",
            }
        )
        query_id = connection.cursor().execute_async("SELECT 'watched'")["queryId"]
        assert connection.get_query_status(query_id) is QueryStatus.SUCCESS
    assert len(fired(engine, "monitor")) == 2


def test_login_is_refused_with_503(engine: RunningEngine, plan: Plan) -> None:
    plan({"name": "login", "endpoint": "login", "action": "http_503"})
    with pytest.raises(OperationalError):
        engine.connect(login_timeout=3)
    assert fired(engine, "login")


def test_probability_is_repeatable(tmp_path: Path) -> None:
    text = json.dumps({"seed": 42, "rules": [{"match": "x", "probability": 0.3, "action": "drop"}]})

    def run() -> list[bool]:
        (tmp_path / "faults.json").unlink(missing_ok=True)
        install(tmp_path, text)
        faults = Faults(tmp_path)
        return [faults.on_request("query", "x") is not None for _ in range(200)]

    first = run()
    assert first == run()
    assert 30 < sum(first) < 90


def test_jobs(tmp_path: Path) -> None:
    rules = [
        {"job": "^MB_A", "nth": 1, "action": "job_failed"},
        {"job": "^MB_A", "nth": 1, "action": "job_internal_error"},
        {"job": "^MB_B", "times": 1, "action": "job_stuck_pending"},
    ]
    install(tmp_path, json.dumps({"rules": rules}))
    faults = Faults(tmp_path)
    asked = [faults.for_job(name) for name in ("MB_A", "MB_A", "MB_A", "MB_B", "MB_B", "OTHER")]
    assert asked == ["FAILED", "INTERNAL_ERROR", None, "PENDING", None, None]
    assert faults.on_request("query", "EXECUTE ... MB_A") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", "a fault plan is"),
        ('{"rules": [], "more": 1}', "a fault plan is"),
        ('{"rules": [7]}', "rule 1"),
        ('{"rules": [{"action": "explode"}]}', "action 'explode'"),
        ('{"rules": [{"match": "a"}]}', "action"),
        ('{"rules": [{"match": "(", "action": "drop"}]}', "rule 1"),
        ('{"rules": [{"action": "drop", "wen": 1}]}', "unknown: wen"),
        ('{"rules": [{"action": "drop", "nth": 1, "every": 2}]}', "only one of"),
        ('{"rules": [{"action": "drop", "every": 0}]}', "every"),
        ('{"rules": [{"action": "drop", "endpoint": "elsewhere"}]}', "endpoint"),
        ('{"rules": [{"job": "x", "action": "drop"}]}', "action 'drop'"),
    ],
)
def test_a_wrong_plan_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(FaultPlanError, match=why):
        parse(text)


def test_started_with_a_plan_and_changed_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_provider_mediabatch.cli.main import main
    from airflow_provider_mediabatch.local import lifecycle

    state = ["--state-dir", str(tmp_path / "engine")]
    plan = tmp_path / "plan.json"
    plan.write_text('{"rules": [{"match": "^SELECT 1", "action": "error", "message": "as planned"}]}')
    assert main(["local", "start", *state, "--faults", str(plan)]) == 0
    try:
        running = lifecycle.status(tmp_path / "engine")
        assert running is not None
        with snowflake.connector.connect(**running.parameters) as connection:
            cursor = connection.cursor()
            with pytest.raises(ProgrammingError, match="as planned"):
                cursor.execute("SELECT 1")
            assert main(["local", "faults", *state, "--clear"]) == 0
            assert cursor.execute("SELECT 1").fetchone() == (1,)
            plan.write_text("{}")
            assert main(["local", "faults", *state, str(plan)]) == 1
            assert "a fault plan is" in capsys.readouterr().err
    finally:
        lifecycle.stop(tmp_path / "engine")


def test_a_rule_for_the_sessions_of_a_query_tag_at_login_and_after(engine: RunningEngine, plan: Plan) -> None:
    """The plan of one client beside others, whatever they send."""
    plan(
        {"name": "tagged login", "endpoint": "login", "tag": "^TAGGED$", "nth": 1, "action": "http_503"},
        {"name": "tagged query", "tag": "^TAGGED$", "match": "^SELECT 'tag'", "action": "error", "message": "tagged"},
    )
    for tag in ("OTHER", "TAGGED"):
        with engine.connect(session_parameters={"QUERY_TAG": tag}) as connection:
            cursor = connection.cursor()
            if tag == "OTHER":
                assert cursor.execute("SELECT 'tag'").fetchone() == ("tag",)
            else:
                with pytest.raises(ProgrammingError, match="tagged"):
                    cursor.execute("SELECT 'tag'")
    assert [entry["tag"] for entry in fired(engine, "tagged login") + fired(engine, "tagged query")] == ["TAGGED"] * 2
