"""The stage triggers travel through Airflow's database, and share polls."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from airflow.triggers.base import BaseEventTrigger
from snowflake.connector.errors import ProgrammingError

from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark
from airflow_provider_mediabatch.triggers import stage_stream
from airflow_provider_mediabatch.triggers.stage_files import StageFilesTrigger, StageReadyTrigger
from airflow_provider_mediabatch.triggers.stage_stream import Snapshot, StageProducer


@pytest.mark.parametrize(
    "trigger",
    [
        StageFilesTrigger(
            stage_path="@D.S.I/a",
            asset_name="x",
            pattern=".*",
            poll_interval=3,
            settle=1,
            min_files=7,
            max_delay=9,
            overlap=5,
        ),
        StageFilesTrigger(
            stage_path='@D.S."my files"/a',
            asset_name="x",
            source="stream",
            stream="arrivals",
            refresh_directory=True,
        ),
        StageReadyTrigger(
            stage_path="@D.S.I/a",
            since="2026-01-01",
            ledger="L",
            subject={"model": "M"},
            min_files=3,
            max_delay=60,
            deadline=12.5,
            settle=1,
        ),
    ],
)
def test_serialize_round_trip(trigger: Any) -> None:
    path, arguments = trigger.serialize()
    again = type(trigger)(**arguments)
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    assert again.serialize() == trigger.serialize()
    assert BaseEventTrigger.hash(path, arguments) == BaseEventTrigger.hash(path, arguments)


def test_watchers_of_one_path_share_a_list_whatever_they_match() -> None:
    one = StageFilesTrigger(stage_path="@D.S.I/a", asset_name="x", pattern=".*jpg", settle=1)
    two = StageFilesTrigger(stage_path="@D.S.I/a", asset_name="y", pattern=".*png", settle=9)
    other = StageFilesTrigger(stage_path="@D.S.J/a", asset_name="y")
    assert one.shared_stream_key() == two.shared_stream_key()
    assert one.shared_stream_key() != other.shared_stream_key()


def test_watchers_of_one_snowflake_stream_share_its_polls_whatever_their_paths_are() -> None:
    """It has one offset, so one of them alone may move it."""

    def key(path: str, **arguments: Any) -> object:
        arguments = {"source": "stream", "stream": "arrivals", **arguments}
        return StageFilesTrigger(stage_path=path, asset_name=path, **arguments).shared_stream_key()

    one = key("@d.s.i/a/")
    assert key("@D.S.I/b/", poll_interval=3, pattern=".*jpg", stream="D.S.ARRIVALS") == one
    assert key("@D.S.J/a/", stream="D.S.ARRIVALS") != one
    assert key("@D.S.I/a/", stream='"arrivals"') != one
    assert StageFilesTrigger(stage_path="@D.S.I/a/", asset_name="x").shared_stream_key() != one


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"source": "events"}, "source='events' is neither 'list' nor 'stream'"),
        ({"stream": "S"}, "stream='S' is read with source='stream' only"),
        ({"source": "stream"}, "source='stream' needs stream="),
        ({"source": "stream", "stream": "A.B.C.D"}, "stream='A.B.C.D' has 4 parts"),
        ({"source": "stream", "stream": "my stream"}, "is not a Snowflake name"),
    ],
)
def test_sources_and_streams_that_do_not_go_together(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        StageFilesTrigger(stage_path="@D.S.I/a", asset_name="x", **arguments)


def test_a_missing_privilege_is_said_with_its_grant(caplog: pytest.LogCaptureFixture) -> None:
    trigger = StageFilesTrigger(stage_path="@D.S.I", asset_name="x", source="stream", stream="ARRIVALS")
    producer = StageProducer(trigger.serialize()[1])
    with caplog.at_level(logging.WARNING):
        producer._log_failure(
            ProgrammingError("Insufficient privileges to operate on stream 'ARRIVALS'", errno=3001), 1
        )
    assert "(GRANT SELECT ON STREAM ARRIVALS TO ROLE …)" in caplog.text


def test_snapshot_that_was_not_accepted_by_all_moves_no_watermark() -> None:
    """A watcher that failed gets the files again after its restart; the store is not even asked."""
    shared_stream = pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow 3.2 has no shared streams")
    producer = StageProducer(StageFilesTrigger(stage_path="@D.S.I", asset_name="x").serialize()[1])
    snapshot = Snapshot([], 0.0, seen={"x": StageWatermark(5.0)})
    outcome = shared_stream.AdvanceOutcome(acked=1, failed=1)
    asyncio.run(producer.advance([shared_stream.AdvanceItem(snapshot, outcome)]))


def test_permanent_errors_are_logged_as_such_and_polled_again_within_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A stage that is missing is made soon, a grant given: nobody restarts a triggerer for that."""
    producer = StageProducer(StageFilesTrigger(stage_path="@D.S.GONE", asset_name="x", poll_interval=30).serialize()[1])
    with caplog.at_level(logging.WARNING):
        assert producer._log_failure(InvalidInputError("stage @D.S.GONE does not exist"), 1) <= 60
        assert producer._log_failure(ProgrammingError("no such role", errno=390189), 50) <= 60
        assert producer._log_failure(ProgrammingError("the stage does not exist", errno=2003), 2) <= 60
        assert producer._log_failure(OSError("connection reset"), 50) <= 60
    missing, role, dropped, network = caplog.messages
    assert "@D.S.GONE does not exist" in missing
    assert "does not go away by itself" in missing
    assert "does not go away by itself" in role
    assert "does not go away by itself" in dropped
    assert "50 in a row" in network
    assert "does not go away by itself" not in network


def test_what_a_replaced_watcher_leaves_is_its_successors() -> None:
    """A changed asset is watched by a new trigger, which may begin a moment before the old one ends."""
    old = stage_stream.watching("key", "asset", 1.0, "in/")
    old.__enter__()
    with stage_stream.watching("key", "asset", 2.0, "out/") as horizon:
        old.__exit__(None, None, None)
        assert horizon == {"asset": 2.0}
        assert stage_stream.joined["key"]["asset"].path == "out/"
    assert not horizon
    assert not stage_stream.joined["key"]
