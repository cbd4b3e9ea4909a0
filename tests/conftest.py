"""Fixtures for every test: a really started local engine, reached by the unmodified clients."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from airflow_env import (  # noqa: F401  (fixtures and hooks)
    airflow_home,
    live_airflow,
    migrated_airflow_home,
    own_airflow_home,
    pytest_runtest_setup,
    pytest_runtest_teardown,
)

import airflow_provider_mediabatch
from airflow_provider_mediabatch.local import lifecycle

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection
    from snowflake.snowpark import Session

# Files whose tests share the running Airflow. A process that starts one of its own pays 20 s and a good part of a core.
WITH_LIVE_AIRFLOW = (
    "tests/live/",
    "tests/review/test_authority.py",
    "tests/review/test_document_pictures.py",
    "tests/review/test_failed.py",
    "tests/review/test_form_in_browser.py",
    "tests/review/test_hanging.py",
    "tests/review/test_load.py",
    "tests/review/test_review.py",
    "tests/examples/test_live_airflow.py",
)


class RunningEngine:
    """A started engine.

    :param state_dir: its state; read only, or the engine's own promises are not what is tested.
    """

    def __init__(self, state_dir: Path, faults: Path | None = None) -> None:
        self.state_dir = state_dir
        self._sessions: list[Session] = []
        self.status = start_unmeasured(state_dir, faults)

    @property
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments for the connector and for Snowpark's session builder."""
        return self.status.parameters | {"platform_detection_timeout_seconds": 0}

    @property
    def airflow_connection(self) -> str:
        """The value of ``AIRFLOW_CONN_SNOWFLAKE_DEFAULT``."""
        return self.status.airflow_connection

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.status.port}"

    def connect(self, **overrides: Any) -> SnowflakeConnection:
        """A new connection of the Snowflake connector."""
        import snowflake.connector

        return snowflake.connector.connect(**(self.parameters | overrides))

    def session(self, **overrides: Any) -> Session:
        """A new Snowpark session."""
        from snowflake.snowpark import Session

        session = Session.builder.configs(self.parameters | overrides).create()
        self._sessions.append(session)
        return session

    def restart(self, faults: Path | None = None) -> None:
        """Start the engine again on the same state after it was stopped or killed."""
        self.status = start_unmeasured(self.state_dir, faults)

    def stop(self) -> None:
        """Stop the engine. Sessions left open are closed before: each would try to reach it for ever at the end."""
        if self._sessions and lifecycle.status(self.state_dir) is None:
            self.restart()
        forget_clients()
        for session in self._sessions:
            with contextlib.suppress(Exception):
                session.close()
        lifecycle.stop(self.state_dir)


def start_unmeasured(state_dir: Path, faults: Path | None) -> lifecycle.EngineStatus:
    """Start an engine whose processes do not measure coverage: the provider is measured, not the engine."""
    with mock.patch.dict(os.environ):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
        return lifecycle.start(state_dir, faults=faults)


def forget_clients() -> None:
    """Have snowflake-ml let go of the connection that it keeps for its telemetry and asks for a heartbeat at each call:
    a test that comes later would wait for ever for one whose engine is gone.
    """
    telemetry = sys.modules.get("snowflake.ml._internal.telemetry")
    if telemetry is not None:
        telemetry._conn = None  # not its clear_cached_conn(), which closes a connection that others may use


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One engine for all tests that can share one: each uses names of its own."""
    running = RunningEngine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[RunningEngine]:
    """An engine of the test's own, to be killed or restarted."""
    running = RunningEngine(tmp_path / "engine")
    yield running
    running.stop()


def pytest_report_header() -> str:
    """Which package is tested: that of a checkout, or an installed one."""
    return f"package: {Path(airflow_provider_mediabatch.__file__).parent}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest begin first: at the end no process has much left while the others have nothing."""
    longest = ("live_airflow", "slow", "airflow_home", "own_airflow_home", "engine")

    def rank(item: pytest.Item) -> int:
        traits = {*getattr(item, "fixturenames", ()), *(mark.name for mark in item.iter_markers())}
        if item.path.parent.name in ("demo", "faults"):
            traits.add("slow")
        return next((number for number, name in enumerate(longest) if name in traits), len(longest))

    ranks: dict[Path, int] = {}
    for item in items:
        ranks[item.path] = min(rank(item), ranks.get(item.path, len(longest)))
    items.sort(key=lambda item: ranks[item.path])
    for item in items:
        if "live_airflow" in getattr(item, "fixturenames", ()) and not item.nodeid.startswith(WITH_LIVE_AIRFLOW):
            raise pytest.UsageError(f"{item.nodeid} uses live_airflow: name its file in WITH_LIVE_AIRFLOW")


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is nothing to share out
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a file run in one process, and those of all files with a running Airflow in one and the same."""
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "live_airflow" if nodeid.startswith(WITH_LIVE_AIRFLOW) else super()._split_scope(nodeid)

    return Files(config, log) if config.getvalue("dist") == "loadfile" else None
