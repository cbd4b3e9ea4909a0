"""The trigger against the engine: one login, one listing an interval, faults, deadlines, and what ends a job."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from operators.job_requests import make_request, names, ring_when_running, statements, until

from airflow_provider_mediabatch.batch import submission
from airflow_provider_mediabatch.batch.job_polling import Phase
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.exceptions import JobNotVisibleError, SubmissionFailedError
from airflow_provider_mediabatch.local import faults
from airflow_provider_mediabatch.triggers import shared_connection
from airflow_provider_mediabatch.triggers.batch_job import BatchJobTrigger, new_lines


@pytest.fixture
def fault(media: Any) -> Iterator[Callable[..., None]]:
    """``fault({...}, …)`` gives the engine a plan with these rules, until the test ends."""

    def install(*rules: dict[str, Any]) -> None:
        faults.install(media.engine.state_dir, json.dumps({"rules": list(rules)}))

    yield install
    faults.install(media.engine.state_dir, None)


def trigger_for(conn_id: str, attempt: submission.Attempt, **changes: Any) -> BatchJobTrigger:
    arguments: dict[str, Any] = {
        "snowflake_conn_id": conn_id,
        "job": attempt.job,
        "query_id": attempt.query_id,
        "phase": str(attempt.phase),
        "poll_interval": 0.2,
        "state": {"x": 1},
    }
    return BatchJobTrigger(**{**arguments, **changes})


async def event_of(trigger: BatchJobTrigger) -> dict[str, Any]:
    async for event in trigger.run():
        payload: dict[str, Any] = event.payload
        return payload
    raise AssertionError("the trigger ended without an event")


def test_serialize_round_trip() -> None:
    trigger = BatchJobTrigger(
        snowflake_conn_id="c",
        job="DB.SC.J",
        query_id="q",
        phase="submitting",
        started=1.5,
        deadline=9.0,
        poll_interval=2.0,
        output_location="@A.B.C/x/",
        cancel_on_timeout=False,
        state={"attempt": {"job": "J"}},
    )
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_mediabatch.triggers.batch_job.BatchJobTrigger"
    assert BatchJobTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)


def test_many_jobs_one_login_one_listing_an_interval(media: Any, connection: Any, conn_id: str) -> None:
    attempts = [
        submission.submit(connection, conn_id, make_request(media, connection, mode="slow"), 0) for _ in range(4)
    ]
    since = time.time()

    async def wait() -> list[dict[str, Any]]:
        return list(
            await asyncio.gather(*(event_of(trigger_for(conn_id, item, poll_interval=0.3)) for item in attempts))
        )

    events = asyncio.run(wait())
    took = time.time() - since
    assert [(event["outcome"], event["state"]) for event in events] == [("done", {"x": 1})] * 4
    sent = statements(media, since)
    listings = [text for text in sent if text.startswith("SHOW JOB SERVICES LIKE 'MB")]
    assert 1 <= len(listings) <= took / 0.27 + 1, (took, sent)
    assert not any(shared_connection._shared.values()), "closed when the last one left"


def test_image_build_then_the_job(media: Any, connection: Any, conn_id: str) -> None:
    attempt = submission.submit(connection, conn_id, make_request(media, connection), 0)
    assert attempt.phase == Phase.SUBMITTING
    event = asyncio.run(event_of(trigger_for(conn_id, attempt)))
    assert (event["outcome"], event["status"]) == ("done", "DONE")


def test_deadline_cancels_the_job(media: Any, connection: Any, conn_id: str) -> None:
    attempt = submission.submit(connection, conn_id, make_request(media, connection, mode="endless"), 0)
    event = asyncio.run(event_of(trigger_for(conn_id, attempt, deadline=time.time() + 2)))
    assert (event["outcome"], event["cancelled"]) == ("timeout", True)
    until(connection, attempt.job, "CANCELLED")


def test_deadline_leaves_the_job_when_told_to(media: Any, connection: Any, conn_id: str) -> None:
    attempt = submission.submit(connection, conn_id, make_request(media, connection, mode="endless"), 0)
    until(connection, attempt.job, "RUNNING")
    event = asyncio.run(event_of(trigger_for(conn_id, attempt, deadline=time.time() + 1, cancel_on_timeout=False)))
    assert (event["outcome"], event["cancelled"]) == ("timeout", False)
    until(connection, attempt.job, "RUNNING")
    jobs.cancel(connection, attempt.job)


def test_a_user_ending_the_task_cancels_but_a_restart_does_not(media: Any, connection: Any, conn_id: str) -> None:
    attempt = submission.submit(connection, conn_id, make_request(media, connection, mode="endless"), 0)
    until(connection, attempt.job, "RUNNING")

    async def restart() -> None:
        waiting = asyncio.create_task(event_of(trigger_for(conn_id, attempt)))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await trigger_for(conn_id, attempt).cleanup()

    asyncio.run(restart())
    asyncio.run(trigger_for(conn_id, attempt, in_dag_test=True).on_kill())
    until(connection, attempt.job, "RUNNING")
    asyncio.run(trigger_for(conn_id, attempt).on_kill())
    until(connection, attempt.job, "CANCELLED")


def test_a_killed_worker_process_cancels_what_it_waits_for(media: Any, connection: Any, conn_id: str) -> None:
    from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator

    attempt = submission.submit(connection, conn_id, make_request(media, connection, mode="endless"), 0)
    until(connection, attempt.job, "RUNNING")
    task = FullBatchOperator(task_id="full", manifest={}, plan={}, snowflake_conn_id=conn_id)
    task.on_kill()
    until(connection, attempt.job, "RUNNING")
    task._running_jobs.replace([(attempt.job, attempt.query_id)])
    task.on_kill()
    until(connection, attempt.job, "CANCELLED")


def test_a_worker_stopped_before_it_hears_of_its_job_cancels_it(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None]
) -> None:
    """As by ``execution_timeout``: an alarm in the middle of submitting, then Airflow calls ``on_kill``."""
    from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator

    request = make_request(media, connection, mode="endless")
    submits = f"^EXECUTE INFERENCE.*{request.stem}"
    fault(
        {"match": submits, "nth": 1, "action": "lost_reply"},
        {"match": submits, "nth": 1, "action": "delay", "seconds": 9},
    )
    task = FullBatchOperator(task_id="full", manifest={}, plan={}, snowflake_conn_id=conn_id)
    context: Any = {"ti": None}

    with ring_when_running(media, request.job(0)), pytest.raises(KeyboardInterrupt):
        task._batch_run(context, request, task._job_wait(context)).find_or_submit(connection)
    task.on_kill()
    with media.connect() as second:
        until(second, request.job(0), "CANCELLED")


@pytest.mark.parametrize(
    "rule",
    [
        {"match": "^SHOW JOB SERVICES", "action": "error", "code": 603, "message": "internal", "times": 3},
        {"match": "^SHOW JOB SERVICES", "action": "session_gone", "nth": 2},
        {"match": "^SHOW JOB SERVICES", "action": "session_expired", "nth": 1},
        {"match": "^SHOW JOB SERVICES", "action": "http_503", "nth": 1},
        {"match": "^SHOW JOB SERVICES", "action": "lost_reply", "nth": 1},
        {"endpoint": "monitor", "action": "session_gone", "nth": 1},
        {"endpoint": "login", "action": "http_503", "nth": 1},
    ],
    ids=lambda rule: f"{rule['action']}-{rule.get('endpoint', 'query')}",
)
def test_a_failed_poll_is_not_a_failed_job(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None], rule: dict[str, Any]
) -> None:
    attempt = submission.submit(connection, conn_id, make_request(media, connection, mode="slow"), 0)
    fault(rule)
    event = asyncio.run(event_of(trigger_for(conn_id, attempt)))
    assert event["outcome"] == "done", event


def test_a_missing_privilege_ends_the_waiting_at_once_and_leaves_the_job(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None]
) -> None:
    attempt = submission.submit(connection, conn_id, make_request(media, connection, mode="endless"), 0)
    until(connection, attempt.job, "RUNNING")
    fault({"match": "^SHOW JOB SERVICES", "action": "error", "code": 3001, "message": "Insufficient privileges"})
    event = asyncio.run(event_of(trigger_for(conn_id, attempt)))
    assert event["outcome"] == "forbidden"
    assert "Insufficient privileges" in event["error"]
    until(connection, attempt.job, "RUNNING")
    jobs.cancel(connection, attempt.job)


def test_a_job_missing_in_the_listing_is_described(media: Any, connection: Any, conn_id: str) -> None:
    """Only names that begin with MB_ are listed; this one is not among them."""
    from dataclasses import replace

    request = make_request(media, connection)
    attempt = submission.submit(connection, conn_id, replace(request, stem=request.stem.replace("MB_", "XX_")), 0)
    assert asyncio.run(event_of(trigger_for(conn_id, attempt)))["outcome"] == "done"


@pytest.mark.parametrize("action", ["lost_reply", "http_503", "drop"])
def test_lost_replies_of_the_submission_make_no_second_job(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None], action: str
) -> None:
    request = make_request(media, connection)
    fault({"match": "^EXECUTE INFERENCE", "action": action, "nth": 1})
    attempt = submission.submit(connection, conn_id, request, 0)
    assert asyncio.run(event_of(trigger_for(conn_id, attempt)))["outcome"] == "done"
    assert names(connection, request) == [request.job(0)]


EXISTS = {"match": "^EXECUTE INFERENCE", "action": "error", "code": 2002, "sqlstate": "42710"}


def test_an_error_after_the_job_was_made_attaches_to_it(
    media: Any, connection: Any, conn_id: str, fault: Callable[..., None]
) -> None:
    request = make_request(media, connection)
    fault({**EXISTS, "message": "Object already exists.", "after": True, "nth": 1})
    attempt = submission.submit(connection, conn_id, request, 0)
    assert asyncio.run(event_of(trigger_for(conn_id, attempt)))["outcome"] == "done"
    assert names(connection, request) == [request.job(0)]


@pytest.mark.parametrize("where", ["reply", "status"])
@pytest.mark.parametrize(("code", "kind"), [(2002, JobNotVisibleError), (3001, SubmissionFailedError)])
def test_a_refused_submission_without_a_visible_job(
    media: Any,
    connection: Any,
    conn_id: str,
    fault: Callable[..., None],
    where: str,
    code: int,
    kind: type[Exception],
) -> None:
    request = make_request(media, connection)
    place = {"where": "status"} if where == "status" else {}
    fault({**EXISTS, "code": code, "message": "Object 'J' already exists.", **place})
    with pytest.raises(kind, match=r"exists already|refused to start"):
        _submit_and_wait(connection, conn_id, request)
    assert names(connection, request) == []


def _submit_and_wait(connection: Any, conn_id: str, request: submission.JobRequest) -> None:
    attempt = submission.submit(connection, conn_id, request, 0)
    event = asyncio.run(event_of(trigger_for(conn_id, attempt)))
    assert event["outcome"] == "rejected"
    raise submission.submission_error(attempt.job, event["error"])


def test_new_lines_of_a_log_tail() -> None:
    assert new_lines("", "a\nb") == "a\nb"
    assert new_lines("a\nb", "a\nb") == ""
    assert new_lines("a\nb", "b\nc") == "c"
    assert new_lines("a\nb", "x\ny") == "x\ny"
