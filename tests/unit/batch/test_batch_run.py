"""What a task is resumed with."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.batch.batch_run import resumed
from airflow_provider_mediabatch.exceptions import MediaBatchError


def test_a_triggers_event_brings_the_tasks_state_back() -> None:
    event = {"outcome": "done", "state": {"deadline": None}}
    assert resumed(event, "outcome") == (event, {"deadline": None})


@pytest.mark.parametrize("event", [None, "done", {"state": {}}, {"events": {}, "state": {}}])
def test_an_event_of_another_shape_is_refused_and_says_that_the_job_may_run(event: Any) -> None:
    with pytest.raises(MediaBatchError, match="It may run and incur cost"):
        resumed(event, "outcome")
