"""One job for each piece of work: found by name, attached to, adopted, or given the next generation."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from operators.job_requests import make_request, make_role, names, until

from airflow_provider_mediabatch.batch import submission, wait_for_job
from airflow_provider_mediabatch.batch.job_outcomes import verify_output
from airflow_provider_mediabatch.batch.job_polling import JobPoller, Outcome, Phase, PollDecision
from airflow_provider_mediabatch.client import jobs, stages
from airflow_provider_mediabatch.client.connection import rows, still_connected
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.exceptions import (
    IncompleteOutputError,
    JobNotVisibleError,
    MediaBatchError,
    SubmissionFailedError,
)


def run(conn_id: str, attempt: submission.Attempt, deadline: float = 60) -> PollDecision:
    poller = JobPoller(
        started=time.time(), deadline=time.time() + deadline, poll_interval=0.2, phase=Phase(attempt.phase or "running")
    )
    return wait_for_job.wait(
        conn_id, poller, job=attempt.job, query_id=attempt.query_id, report=lambda _: None, cancel_on_timeout=True
    )


def test_submit_wait_adopt(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection)
    assert submission.find(connection, request) == 0
    attempt = submission.submit(connection, conn_id, request, 0)
    assert attempt.phase == Phase.SUBMITTING
    assert attempt.query_id
    assert run(conn_id, attempt).outcome is Outcome.DONE
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    assert staged.count(request.location(attempt.job)) == 2

    adopted = submission.find(connection, request)
    assert isinstance(adopted, submission.Attempt)
    assert adopted.adopted
    assert adopted.phase is None
    assert 0 < (jobs.seconds(connection, attempt.job) or 0) < 60
    assert jobs.seconds(connection, request.job(7)) is None
    assert names(connection, request) == [request.job(0)]


def test_running_job_is_attached_to_and_cancelled_one_makes_way(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection, mode="endless")
    first = submission.submit(connection, conn_id, request, 0)
    until(connection, first.job, "RUNNING")
    found = submission.find(connection, request)
    assert isinstance(found, submission.Attempt)
    assert (found.job, found.phase) == (first.job, Phase.RUNNING)

    assert jobs.cancel(connection, first.job)
    assert run(conn_id, found).outcome is Outcome.FAILED
    assert jobs.describe(connection, first.job) is not None, "cancelled, not dropped: its logs stay"
    assert submission.find(connection, request) == 1


def test_a_job_that_is_not_there_is_not_called_cancelled(media: Any, connection: Any) -> None:
    job = make_request(media, connection).job(0)
    with pytest.raises(MediaBatchError, match=f"no job {job} to cancel, or this role may not see it"):
        jobs.cancel(connection, job)


def test_a_job_that_the_next_try_s_role_cannot_see_is_not_followed_by_a_second_one(
    media: Any, connection: Any, conn_id: str
) -> None:
    request = make_request(media, connection, mode="endless")
    first = submission.submit(connection, conn_id, request, 0)
    until(connection, first.job, "RUNNING")
    noted = {"fingerprint": request.fingerprint, **first.to_dict()}
    role = make_role(connection)
    with media.engine.connect(role=role) as other, pytest.raises(JobNotVisibleError, match="MONITOR ON SERVICE"):
        submission.find(other, request, stored=noted)
    rows(connection, f"DROP SERVICE {first.job}")
    assert submission.find(connection, request, stored=noted) == 1, "the role that submitted it knows that it is gone"


def test_second_submission_of_a_name_attaches(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection, mode="endless")
    first = submission.submit(connection, conn_id, request, 0)
    until(connection, first.job, "RUNNING")
    second = submission.submit(connection, conn_id, request, 0)
    decision = run(conn_id, second, deadline=3)
    assert decision.outcome is Outcome.TIMEOUT, decision
    assert names(connection, request) == [request.job(0)]
    until(connection, first.job, "CANCELLED")


def test_failed_job_has_logs_and_makes_way(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection, mode="fail")
    attempt = submission.submit(connection, conn_id, request, 0)
    assert run(conn_id, attempt).outcome is Outcome.FAILED
    assert "cannot read this picture" in jobs.logs(connection, attempt.job)
    assert not stages.output_folder(connection, request.location(attempt.job)).success
    assert submission.find(connection, request) == 1


def test_refused_statement_names_what_snowflake_said(media: Any, connection: Any, conn_id: str) -> None:
    from dataclasses import replace

    request = make_request(media, connection)
    request = replace(request, plan=replace(request.plan, compute_pool="NO_SUCH_POOL"))
    try:
        attempt = submission.submit(connection, conn_id, request, 0)
    except SubmissionFailedError as error:
        text = str(error)
    else:
        decision = run(conn_id, attempt)
        assert decision.outcome is Outcome.REJECTED
        text = str(submission.submission_error(attempt.job, decision.error or ""))
    assert "NO_SUCH_POOL" in text
    assert "Nothing was started" in text
    assert submission.find(connection, request) == 0


def test_stored_query_of_a_dropped_job_leads_to_the_next_name(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection)
    attempt = submission.submit(connection, conn_id, request, 0)
    assert run(conn_id, attempt).outcome is Outcome.DONE
    rows(connection, f"DROP SERVICE {attempt.job}")
    stored = {**attempt.to_dict(), "fingerprint": request.fingerprint}
    assert submission.find(connection, request, stored=stored) == 1
    assert submission.find(connection, request, stored={**stored, "fingerprint": "other"}) == 0


def test_dropped_job_is_gone(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection)
    attempt = submission.submit(connection, conn_id, request, 0)
    assert run(conn_id, attempt).outcome is Outcome.DONE
    rows(connection, f"DROP SERVICE {attempt.job}")
    gone = submission.Attempt(attempt.job, 0, Phase.RUNNING, time.time())
    assert run(conn_id, gone).outcome is Outcome.GONE


def test_another_roles_job_is_neither_used_nor_started_again(
    media: Any, connection: Any, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two roles with all the privileges a batch needs; the second meets the first one's job and cannot see it."""
    request = make_request(media, connection)
    roles = [f"SUBMITTER_{uuid.uuid4().hex[:8].upper()}" for _ in range(2)]
    for role in roles:
        for grant in (
            *("USAGE ON DATABASE MEDIA", "USAGE ON SCHEMA MEDIA.PUBLIC", "CREATE SERVICE ON SCHEMA MEDIA.PUBLIC"),
            *("USAGE ON WAREHOUSE COMPUTE_WH", "USAGE ON COMPUTE POOL LOCAL_POOL", f"READ ON MODEL {media.model}"),
            *("READ ON STAGE MEDIA.PUBLIC.OP_FILES", "READ, WRITE ON STAGE MEDIA.PUBLIC.OP_WORK"),
        ):
            rows(connection, f"CREATE ROLE IF NOT EXISTS {role}")
            rows(connection, f"GRANT {grant} TO ROLE {role}")
        rows(connection, f"GRANT ROLE {role} TO USER {media.engine.parameters['user']}")

    def run_as(role: str) -> str:
        settings = json.loads(media.engine.airflow_connection)
        settings["extra"] = {**settings["extra"], "role": role}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(settings))
        with media.engine.connect(role=role) as own:
            assert submission.find(own, request) == 0
            attempt = submission.submit(own, conn_id, request, 0)
            decision = run(conn_id, attempt)
            if decision.outcome is Outcome.REJECTED:
                raise submission.submission_error(attempt.job, str(decision.error))
            return attempt.job

    job = run_as(roles[0])
    with pytest.raises(JobNotVisibleError, match="GRANT MONITOR ON SERVICE") as refused:
        run_as(roles[1])
    assert job in str(refused.value)
    assert names(connection, request) == [job]
    rows(connection, f"GRANT MONITOR ON SERVICE {job} TO ROLE {roles[1]}")
    with media.engine.connect(role=roles[1]) as own:
        adopted = submission.find(own, request)
    assert isinstance(adopted, submission.Attempt)
    assert (adopted.job, adopted.adopted) == (job, True)


def test_waiting_and_the_end_use_the_tasks_connection(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection)
    with media.connect() as own:
        attempt = submission.submit(own, conn_id, request, 0)
        before = own.session_id
        poller = JobPoller(
            started=time.time(), deadline=time.time() + 60, poll_interval=0.2, phase=Phase(attempt.phase)
        )
        # A connection id that leads nowhere: no login is made.
        decision = wait_for_job.wait(
            "nowhere",
            poller,
            connection=own,
            job=attempt.job,
            query_id=attempt.query_id,
            report=lambda _: None,
            cancel_on_timeout=True,
        )
        assert decision.outcome is Outcome.DONE
        with still_connected("nowhere", own) as opened:
            assert opened is own
        assert own.session_id == before
    with still_connected(conn_id, own) as opened:
        assert opened is not own, "it was closed: one login more"
        assert jobs.describe(opened, attempt.job) is not None


def test_a_poll_over_a_lost_connection_logs_in_again(media: Any, connection: Any, conn_id: str) -> None:
    request = make_request(media, connection)
    attempt = submission.submit(connection, conn_id, request, 0)
    lost = media.connect()
    lost.close()
    poller = JobPoller(started=time.time(), deadline=time.time() + 60, poll_interval=0.2, phase=Phase(attempt.phase))
    errors: list[str | None] = []
    decision = wait_for_job.wait(
        conn_id,
        poller,
        connection=lost,
        job=attempt.job,
        query_id=attempt.query_id,
        report=lambda decision: errors.append(decision.error),
        cancel_on_timeout=True,
    )
    assert decision.outcome is Outcome.DONE
    assert errors[0] is not None


@pytest.mark.parametrize(
    ("rows_written", "says"),
    [
        (["f00", "f00"], "is missing"),
        (["f00"], "1 rows"),
        (["f00", "f01", "f01"], "3 rows"),
    ],
)
def test_output_is_verified_by_what_it_holds(media: Any, connection: Any, rows_written: list[str], says: str) -> None:
    request = make_request(media, connection)
    attempt = submission.Attempt(request.job(0), 0, None, 0.0)
    folder = request.location(attempt.job)
    values = " UNION ALL ".join(f"SELECT '{media.files}{name}.bin' AS \"IMG\", 1 AS N" for name in rows_written)
    rows(connection, f"COPY INTO {folder} FROM ({values}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    rows(connection, f"COPY INTO {folder}_SUCCESS FROM (SELECT 1 AS N) SINGLE = TRUE FILE_FORMAT = (TYPE = PARQUET)")
    with pytest.raises(IncompleteOutputError, match=says) as caught:
        verify_output(connection, request, attempt)
    if says == "is missing":
        assert "f01.bin" in str(caught.value)
