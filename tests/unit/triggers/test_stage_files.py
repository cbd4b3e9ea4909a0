"""The stage triggers travel through Airflow's database, and share looks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.triggers.base import BaseEventTrigger
from airflow.triggers.shared_stream import AdvanceItem, AdvanceOutcome

from airflow_provider_mediabatch.triggers import stage_files
from airflow_provider_mediabatch.triggers.stage_files import Snapshot, StageFilesTrigger, StageReadyTrigger


@pytest.mark.parametrize(
    "trigger",
    [
        StageFilesTrigger(stage_path="@D.S.I/a", asset_name="x", pattern=".*", poll_interval=3, settle=1, max_wait=9),
        StageReadyTrigger(
            stage_path="@D.S.I/a", since="2026-01-01", subject={"ledger": "L"}, min_files=3, deadline=12.5, settle=1
        ),
    ],
)
def test_serialize_round_trip(trigger: Any) -> None:
    path, arguments = trigger.serialize()
    again = type(trigger)(**arguments)
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    assert again.serialize() == trigger.serialize()
    assert BaseEventTrigger.hash(path, arguments) == BaseEventTrigger.hash(path, arguments)


def test_watchers_of_one_path_share_a_look_whatever_they_match() -> None:
    one = StageFilesTrigger(stage_path="@D.S.I/a", asset_name="x", pattern=".*jpg", settle=1)
    two = StageFilesTrigger(stage_path="@D.S.I/a", asset_name="y", pattern=".*png", settle=9)
    other = StageFilesTrigger(stage_path="@D.S.J/a", asset_name="y")
    assert one.shared_stream_key() == two.shared_stream_key()
    assert one.shared_stream_key() != other.shared_stream_key()


def test_look_that_was_not_accepted_by_all_moves_no_watermark() -> None:
    """A watcher that failed gets the look again after its restart; the store is not even asked."""
    producer = stage_files.StageProducer(StageFilesTrigger(stage_path="@D.S.I", asset_name="x").serialize()[1])
    snapshot = Snapshot([], 0.0, seen={"x": stage_files.Watermark(5.0)})
    asyncio.run(producer.advance([AdvanceItem(snapshot, AdvanceOutcome(acked=1, failed=1))]))
