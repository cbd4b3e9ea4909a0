"""While Snowflake builds the model's image, the statement has not returned and no job of the name is there."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from operators.job_requests import make_request, names, until
from operators.test_trigger import event_of, trigger_for

from airflow_provider_mediabatch.batch import job_outcomes, job_polling, submission
from airflow_provider_mediabatch.batch.job_polling import Phase
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.job_status import SubmissionState
from airflow_provider_mediabatch.exceptions import JobTimeoutError, MediaBatchError, SubmissionFailedError
from airflow_provider_mediabatch.local import faults

BUILD_SECONDS = 4
NO_CANCEL = {"match": "CANCEL_QUERY", "action": "error", "code": 3001, "sqlstate": "42501", "message": "not yours"}


@pytest.fixture(autouse=True)
def slow_build(media: Any) -> Iterator[None]:
    """An image build that takes some seconds."""
    with media.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = {BUILD_SECONDS}")
    yield
    with media.connect() as connection, connection.cursor() as cursor:
        cursor.execute("ALTER ACCOUNT UNSET MEDIABATCH_IMAGE_BUILD_SECONDS")


def building(media: Any, connection: Any) -> submission.JobRequest:
    request = make_request(media, connection)
    return replace(request, plan=replace(request.plan, image_build_spec={"force_rebuild": True}))


def test_submitting_does_not_wait_for_the_build(media: Any, conn_id: str) -> None:
    begin = time.monotonic()
    with media.connect() as connection:
        attempt = submission.submit(connection, conn_id, building(media, connection), 0)
    assert time.monotonic() - begin < BUILD_SECONDS
    with media.connect() as connection:
        assert jobs.describe(connection, attempt.job) is None
        assert jobs.query_state(connection, str(attempt.query_id))[0] is SubmissionState.RUNNING
    event = asyncio.run(event_of(trigger_for(conn_id, attempt)))
    assert event["outcome"] == "done"


def test_a_worker_killed_during_the_build_finds_its_statement_again(media: Any, conn_id: str) -> None:
    with media.connect() as connection:
        request = building(media, connection)
        first = submission.submit(connection, conn_id, request, 0)
    stored = {**first.to_dict(), "fingerprint": request.fingerprint}
    with media.connect() as connection:
        found = submission.find(connection, request, stored=stored)
        assert isinstance(found, submission.Attempt)
        assert (found.job, found.phase, found.query_id) == (first.job, Phase.SUBMITTING, first.query_id)
        assert asyncio.run(event_of(trigger_for(conn_id, found)))["outcome"] == "done"
        assert names(connection, request) == [request.job(0)]


def test_a_changed_plan_waits_for_the_job_that_is_being_started(media: Any, conn_id: str) -> None:
    """The listing or the validation was cleared: the job has another name, over the same files of a ledger."""
    with media.connect() as connection:
        request = building(media, connection)
        first = submission.submit(connection, conn_id, request, 0)
        stored = {**first.to_dict(), "fingerprint": request.fingerprint}
        changed = replace(request, stem=f"{request.stem}C", fingerprint="changed")
        claimed = replace(changed, manifest=replace(changed.manifest, ledger="MEDIA.PUBLIC.LEDGER"))
        with pytest.raises(MediaBatchError, match=f"Job {first.job} of an earlier try is still being started") as error:
            submission.find(connection, claimed, stored=stored)
        assert f"SYSTEM$CANCEL_QUERY('{first.query_id}')" in str(error.value)
        assert submission.find(connection, changed, stored=stored) == 0, "without a ledger no file is promised to it"
        assert asyncio.run(event_of(trigger_for(conn_id, first)))["outcome"] == "done"
        assert submission.find(connection, claimed, stored=stored) == 0


def test_a_build_that_ends_while_its_statement_is_looked_for(media: Any, conn_id: str) -> None:
    """There is no job at the first look, and a statement that has succeeded at the second: no job was dropped."""
    with media.connect() as connection:
        request = building(media, connection)
        first = submission.submit(connection, conn_id, request, 0)
    slow_look = {"endpoint": "monitor", "match": request.stem, "action": "delay", "seconds": BUILD_SECONDS + 1}
    faults.install(media.engine.state_dir, json.dumps({"rules": [slow_look]}))
    try:
        with media.connect() as connection:
            found = submission.find(connection, request, stored={**first.to_dict(), "fingerprint": request.fingerprint})
    finally:
        faults.install(media.engine.state_dir, None)
    assert isinstance(found, submission.Attempt)
    assert (found.job, found.generation) == (first.job, 0)


def test_a_note_that_was_lost_too_still_makes_one_job(media: Any, conn_id: str) -> None:
    """Nothing is stored: the second statement of the same name collides, and its wait ends with the first one's job."""
    with media.connect() as connection:
        request = building(media, connection)
        submission.submit(connection, conn_id, request, 0)
    with media.connect() as connection:
        assert submission.find(connection, request) == 0
        second = submission.submit(connection, conn_id, request, 0)
        assert asyncio.run(event_of(trigger_for(conn_id, second)))["outcome"] == "done"
        assert names(connection, request) == [request.job(0)]


def test_a_statement_that_the_monitoring_does_not_know_yet_is_waited_for(media: Any, conn_id: str) -> None:
    """Polls of a fifth of a second ask for it many times before the image is built."""
    with media.connect() as connection:
        attempt = submission.submit(connection, conn_id, building(media, connection), 0)
    unknown = replace(attempt, query_id=str(uuid.uuid4()))
    assert asyncio.run(event_of(trigger_for(conn_id, unknown)))["outcome"] == "done"


def test_a_statement_that_stays_unknown_is_not_called_refused(
    media: Any, connection: Any, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_polling, "UNKNOWN_QUERY_SECONDS", 0)
    job = building(media, connection).job(0)
    unknown = submission.Attempt(job, 0, Phase.SUBMITTING, time.time(), str(uuid.uuid4()))
    event = asyncio.run(event_of(trigger_for(conn_id, unknown)))
    error = str(job_outcomes.polling_error(event, unknown))
    assert f"DESCRIBE SERVICE {job}" in error
    assert "Whether the job was started and incurs cost is not known" in error


def test_an_error_of_the_monitoring_is_not_a_failed_statement(media: Any, conn_id: str) -> None:
    with media.connect() as connection:
        request = building(media, connection)
        attempt = submission.submit(connection, conn_id, request, 0)
    refused = {"endpoint": "monitor", "match": request.stem, "action": "error", "code": 603, "times": 2}
    faults.install(media.engine.state_dir, json.dumps({"rules": [refused]}))
    try:
        event = asyncio.run(event_of(trigger_for(conn_id, attempt)))
    finally:
        faults.install(media.engine.state_dir, None)
    assert event["outcome"] == "done", event


def test_a_submission_without_an_answer_finds_the_job_that_it_started(media: Any, conn_id: str) -> None:
    """The client gives up while the request is under way; Snowflake takes it, and builds the image."""
    with media.connect(socket_timeout=1, network_timeout=2) as connection:
        request = building(media, connection)
        slow = {"match": f"^EXECUTE INFERENCE.*{request.stem}", "action": "delay", "seconds": BUILD_SECONDS}
        faults.install(media.engine.state_dir, json.dumps({"rules": [slow]}))
        try:
            attempt = submission.submit(connection, conn_id, request, 0)
        finally:
            faults.install(media.engine.state_dir, None)
    assert (attempt.job, attempt.phase, attempt.query_id) == (request.job(0), Phase.RUNNING, None)
    assert asyncio.run(event_of(trigger_for(conn_id, attempt)))["outcome"] == "done"
    with media.connect() as connection:
        assert names(connection, request) == [request.job(0)]


@pytest.mark.parametrize("failure", [{"action": "session_gone"}, {"action": "error", "code": 390400}])
def test_a_submission_without_an_answer_is_not_called_refused(
    media: Any, connection: Any, conn_id: str, monkeypatch: pytest.MonkeyPatch, failure: dict[str, Any]
) -> None:
    monkeypatch.setattr(submission, "_LOOK_SECONDS", 0.0)
    request = building(media, connection)
    faults.install(media.engine.state_dir, json.dumps({"rules": [{"match": "^EXECUTE INFERENCE", **failure}]}))
    try:
        with pytest.raises(MediaBatchError, match=f"DESCRIBE SERVICE {request.job(0)}") as unanswered:
            submission.submit(connection, conn_id, request, 0)
    finally:
        faults.install(media.engine.state_dir, None)
    assert "Whether the job was started and incurs cost is not known" in str(unanswered.value)
    assert not isinstance(unanswered.value, SubmissionFailedError)


def test_ending_the_task_during_the_build_leaves_no_job(media: Any, conn_id: str) -> None:
    with media.connect() as connection:
        request = building(media, connection)
        attempt = submission.submit(connection, conn_id, request, 0)
    asyncio.run(trigger_for(conn_id, attempt).on_kill())
    time.sleep(BUILD_SECONDS + 1)
    with media.connect() as connection:
        assert [name for name in names(connection, request) if _status(connection, name) != "CANCELLED"] == []


def test_a_build_that_may_not_be_cancelled_is_followed_by_a_cancelled_job(media: Any, conn_id: str) -> None:
    with media.connect() as connection:
        attempt = submission.submit(connection, conn_id, building(media, connection), 0)
    faults.install(media.engine.state_dir, json.dumps({"rules": [NO_CANCEL]}))
    try:
        asyncio.run(trigger_for(conn_id, attempt).on_kill())
    finally:
        faults.install(media.engine.state_dir, None)
    with media.connect() as connection:
        until(connection, attempt.job, "CANCELLED")


def test_a_build_that_goes_on_is_not_called_cancelled(
    media: Any, connection: Any, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "END_SECONDS", 1.0)
    rows(connection, "ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 120")
    attempt = submission.submit(connection, conn_id, building(media, connection), 0)
    faults.install(media.engine.state_dir, json.dumps({"rules": [NO_CANCEL]}))
    try:
        event = asyncio.run(event_of(trigger_for(conn_id, attempt, deadline=time.time() + 0.5)))
        assert (event["outcome"], event["cancelled"]) == ("timeout", False)
        late = job_outcomes.outcome_error(connection, event, attempt, cancel_on_timeout=True)
        with pytest.raises(MediaBatchError, match=str(attempt.query_id)):
            asyncio.run(trigger_for(conn_id, attempt).on_kill())
    finally:
        faults.install(media.engine.state_dir, None)
    assert isinstance(late, JobTimeoutError)
    assert "not yours" in str(late), "what Snowflake said"
    assert "It may run, or still be started, and incur cost" in str(late)
    assert "was cancelled" not in str(late)
    again = job_outcomes.outcome_error(connection, event, attempt, cancel_on_timeout=True)
    assert "It was cancelled and incurs no more cost" in str(again)
    assert jobs.query_state(connection, str(attempt.query_id))[0] is SubmissionState.FAILED


def test_a_deadline_during_the_build_leaves_no_job(media: Any, conn_id: str) -> None:
    with media.connect() as connection:
        request = building(media, connection)
        attempt = submission.submit(connection, conn_id, request, 0)
    event = asyncio.run(event_of(trigger_for(conn_id, attempt, deadline=time.time() + 0.5)))
    assert (event["outcome"], event["cancelled"]) == ("timeout", True)
    time.sleep(BUILD_SECONDS + 1)
    with media.connect() as connection:
        assert [name for name in names(connection, request) if _status(connection, name) != "CANCELLED"] == []


def _status(connection: Any, job: str) -> str | None:
    info = jobs.describe(connection, job)
    return info.status if info else None
