"""A deferrable task waits some seconds in place first: what ends in its process, and what is left to its trigger."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from operators.job_requests import make_request, until
from operators.test_clearing import task_of
from operators.test_trigger import event_of, fault

from airflow_provider_mediabatch.batch import submission
from airflow_provider_mediabatch.batch.job_polling import Phase
from airflow_provider_mediabatch.batch.wait_for_job import JobWait
from airflow_provider_mediabatch.client import connection as connection_module
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.exceptions import JobFailedError, JobTimeoutError
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator

__all__ = ["fault"]
OUTAGE = {"action": "http_503", "times": 12}
"""More requests than are sent within a limit of two seconds; without a limit it is over after a minute or two."""


def deferrable(media: Any, connection: Any, conn_id: str, params: dict[str, Any], **arguments: Any) -> tuple[Any, Any]:
    """FullBatch over new files, deferrable, with the default seconds in place; and the context of its first try."""
    operator, context = task_of(make_request(media, connection, **params), conn_id, **arguments)
    operator.deferrable = True
    return operator, context


def test_a_job_of_a_second_ends_without_a_deferral(media: Any, connection: Any, conn_id: str) -> None:
    operator, context = deferrable(media, connection, conn_id, {})
    assert operator.execute(context)["rows"] == 2


def test_a_job_that_fails_at_once_fails_the_task_without_a_deferral(media: Any, connection: Any, conn_id: str) -> None:
    operator, context = deferrable(media, connection, conn_id, {"mode": "fail"})
    with pytest.raises(JobFailedError):
        operator.execute(context)


def test_a_longer_job_is_left_to_the_trigger(media: Any, connection: Any, conn_id: str) -> None:
    operator, context = deferrable(media, connection, conn_id, {"mode": "endless"}, defer_after=2)
    began = time.monotonic()
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert time.monotonic() - began < 10
    job = deferred.value.trigger.job
    until(connection, job, "RUNNING")
    jobs.cancel(connection, job)
    event = asyncio.run(event_of(deferred.value.trigger))
    with pytest.raises(JobFailedError, match="CANCELLED"):
        operator.execute_complete(context, event)


def test_a_trigger_that_no_triggerer_can_run_leaves_the_job_to_the_task(
    media: Any, connection: Any, conn_id: str
) -> None:
    """Airflow fails it and gives the task no state: the task finds its job as a retry does, and waits in place."""
    operator, context = deferrable(media, connection, conn_id, {"mode": "slow"}, defer_after=0)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert deferred.value.timeout is None, "the task has no deadline"
    failed = {"error": "Trigger failure", "traceback": ["ModuleNotFoundError: No module named …"]}
    result = operator.resume_execution("__fail__", failed, context)
    assert (result["job"], result["rows"]) == (deferred.value.trigger.job, 2)


def test_a_job_that_no_triggerer_has_ended_in_time_is_ended_by_the_task(
    media: Any, connection: Any, conn_id: str
) -> None:
    operator, context = deferrable(media, connection, conn_id, {"mode": "endless"}, defer_after=0, timeout=3)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert timedelta(minutes=10) < deferred.value.timeout <= timedelta(minutes=10, seconds=3)
    job = deferred.value.trigger.job
    time.sleep(3)
    with pytest.raises(JobTimeoutError):
        operator.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    until(connection, job, "CANCELLED")


def test_the_alarm_of_airflow_keeps_a_job_that_shall_go_on(media: Any, connection: Any, conn_id: str) -> None:
    """It rings inside a poll that takes longer than what is left, and Airflow calls ``on_kill`` then."""
    attempt = submission.submit(connection, conn_id, make_request(media, connection, mode="endless"), 0)
    until(connection, attempt.job, "RUNNING")
    task = FullBatchOperator(
        task_id="full",
        manifest={},
        plan={},
        snowflake_conn_id=conn_id,
        cancel_on_timeout=False,
        execution_timeout=timedelta(seconds=1),
    ).prepare_for_execution()
    task._running_jobs.replace([(attempt.job, attempt.query_id)])
    time.sleep(1)
    task.on_kill()
    assert task._running_jobs.ended, "it starts no further one"
    until(connection, attempt.job, "RUNNING")
    task.cancel_on_timeout = True
    task.on_kill()
    until(connection, attempt.job, "CANCELLED")


@pytest.mark.parametrize("failure", [{"action": "session_gone"}, {"action": "error", "code": 3001, "message": "no"}])
def test_a_poll_that_fails_in_place_leaves_the_job_to_the_trigger(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None], failure: dict[str, Any]
) -> None:
    operator, context = deferrable(media, connection, conn_id, {"mode": "slow"})
    # A session that is gone, and what the trigger takes for a missing privilege: the task decides nothing by itself.
    fault({"match": "^DESCRIBE SERVICE", "nth": 2, **failure}, {"endpoint": "monitor", "nth": 1, **failure})
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    fault()
    event = asyncio.run(event_of(deferred.value.trigger))
    assert operator.execute_complete(context, event)["rows"] == 2


def test_an_outage_leaves_the_job_to_the_trigger(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "NETWORK_TIMEOUT", 2)
    operator, context = deferrable(media, connection, conn_id, {}, defer_after=600)
    fault({**OUTAGE, "endpoint": "monitor"})
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    fault()
    event = asyncio.run(event_of(deferred.value.trigger))
    assert operator.execute_complete(context, event)["rows"] == 2


def test_an_outage_does_not_hide_the_end_of_the_time(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "NETWORK_TIMEOUT", 2)
    request = make_request(media, connection, mode="endless")
    attempt = submission.submit(connection, conn_id, request, 0)
    until(connection, attempt.job, "RUNNING")
    wait = JobWait(
        conn_id, deferrable=False, deadline=time.time() + 3, poll_interval=None, cancel_on_timeout=True, defer_after=0
    )
    fault(
        {
            **OUTAGE,
            "match": f"^DESCRIBE SERVICE.*{request.stem}",
        }
    )
    with media.connect() as own:
        event = wait.in_place(replace(attempt, phase=Phase.RUNNING, query_id=None), logging.getLogger(__name__), own)
    assert event["outcome"] == "timeout"
    assert event["error"] is not None, "by a poll that failed"
    jobs.cancel(connection, attempt.job)


def test_a_limit_of_the_connection_s_own_stays(media: Any) -> None:
    with media.connect(network_timeout=7) as own, media.connect() as other:
        for opened in (own, other):
            connection_module.limit_retries(opened)
        assert (own.network_timeout, other.network_timeout) == (7, connection_module.NETWORK_TIMEOUT)


def test_what_is_left_of_the_time_is_the_triggers(media: Any, connection: Any, conn_id: str) -> None:
    """The trigger, which knows what a timeout does to the job, has the end of the time for itself."""
    operator, context = deferrable(media, connection, conn_id, {"mode": "endless"}, timeout=6)
    began = time.monotonic()
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert time.monotonic() - began < 5
    event = asyncio.run(event_of(deferred.value.trigger))
    assert (event["outcome"], event["cancelled"]) == ("timeout", True)


def test_no_seconds_in_place(media: Any, connection: Any, conn_id: str) -> None:
    operator, context = deferrable(media, connection, conn_id, {}, defer_after=0)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    until(connection, deferred.value.trigger.job, "DONE")
