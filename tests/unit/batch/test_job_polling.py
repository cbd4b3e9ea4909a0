from __future__ import annotations

import random

import pytest

from airflow_provider_mediabatch.batch.job_polling import (
    MAX_FAILURES,
    MAX_UNKNOWN_QUERY,
    UNKNOWN_QUERY_SECONDS,
    JobPoller,
    Outcome,
    Phase,
    backoff,
    interval,
)
from airflow_provider_mediabatch.core.job_status import SubmissionState


def poller(**arguments: object) -> JobPoller:
    return JobPoller(**{"started": 0.0, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "CANCELLING", "SUSPENDING", "DELETING", "SOMETHING_NEW"])
def test_a_job_that_goes_on_is_polled_again(status: str) -> None:
    decision = poller().after_job_status(status, now=1.0)
    assert decision.outcome is None
    assert decision.delay > 0
    assert decision.status == status


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("DONE", Outcome.DONE),
        ("FAILED", Outcome.FAILED),
        ("CANCELLED", Outcome.FAILED),
        ("INTERNAL_ERROR", Outcome.FAILED),
        ("DELETED", Outcome.FAILED),
        ("failed", Outcome.FAILED),
        (None, Outcome.GONE),
    ],
)
def test_ends(status: str | None, outcome: Outcome) -> None:
    assert poller().after_job_status(status, now=1.0).outcome is outcome


def test_interval_grows_and_can_be_set() -> None:
    assert interval(0, None) == 0.3
    assert interval(6, None) == 2
    assert interval(24, None) == 7, "a third would be 8"
    assert 7 < interval(100, None) < 30
    assert interval(1e6, None) == 30
    assert interval(1e6, 2.5) == 2.5


def test_deadline_is_a_point_in_time() -> None:
    waiting = poller(deadline=100.0, poll_interval=30.0)
    assert waiting.after_job_status("RUNNING", now=10.0).delay == 30
    assert waiting.after_job_status("RUNNING", now=95.0).delay == 5
    assert waiting.after_job_status("RUNNING", now=100.0).outcome is Outcome.TIMEOUT
    assert waiting.after_job_status("DONE", now=200.0).outcome is Outcome.DONE


def test_deadline_also_ends_an_image_build_and_failing_polls() -> None:
    building = poller(deadline=10.0, phase=Phase.SUBMITTING)
    assert building.after_query_state(SubmissionState.RUNNING, None, None, now=11.0).outcome is Outcome.TIMEOUT
    assert poller(deadline=10.0).after_poll_error("down", permanent=False, now=11.0).outcome is Outcome.TIMEOUT


def test_failures_in_a_row_end_it_and_a_success_starts_over() -> None:
    waiting = poller()
    for _ in range(MAX_FAILURES - 1):
        assert waiting.after_poll_error("down", permanent=False, now=1.0).outcome is None
    waiting.after_job_status("RUNNING", now=1.0)
    for _ in range(MAX_FAILURES - 1):
        assert waiting.after_poll_error("down", permanent=False, now=1.0).outcome is None
    assert waiting.after_poll_error("down", permanent=False, now=1.0).outcome is Outcome.UNREACHABLE


def test_permanent_errors_end_it_at_once() -> None:
    assert poller().after_poll_error("no", permanent=True, now=1.0).outcome is Outcome.FORBIDDEN


def test_backoff_grows_with_jitter() -> None:
    rng = random.Random(1)
    for failures in range(1, 12):
        assert 0.5 * min(60, 5 * 2**failures) <= backoff(failures, 5.0, rng) <= 60
    assert backoff(9, 0.1, rng) <= 1.2


def test_an_outage_of_minutes_does_not_end_the_wait_for_a_young_job() -> None:
    waiting, now = poller(), 1.0
    while (decision := waiting.after_poll_error("no answer", permanent=False, now=now)).outcome is None:
        now += decision.delay
    assert now > 180


def test_statement_still_runs() -> None:
    building = poller(phase=Phase.SUBMITTING)
    assert building.after_query_state(SubmissionState.RUNNING, None, None, now=1.0).outcome is None
    assert building.phase is Phase.SUBMITTING


def test_statement_succeeded_then_the_job_is_watched() -> None:
    building = poller(phase=Phase.SUBMITTING)
    assert building.after_query_state(SubmissionState.SUCCEEDED, None, "PENDING", now=1.0).outcome is None
    assert building.phase is Phase.RUNNING


def test_statement_failed_but_the_job_is_there() -> None:
    building = poller(phase=Phase.SUBMITTING)
    assert (
        building.after_query_state(SubmissionState.FAILED, "2002: already exists", "RUNNING", now=1.0).outcome is None
    )
    assert building.phase is Phase.RUNNING


def test_statement_failed_and_no_job() -> None:
    decision = poller(phase=Phase.SUBMITTING).after_query_state(
        SubmissionState.FAILED, "2003: no such model", None, now=1.0
    )
    assert decision.outcome is Outcome.REJECTED
    assert decision.error == "2003: no such model"


def unknown(building: JobPoller, now: float) -> Outcome | None:
    return building.after_query_state(SubmissionState.UNKNOWN, None, None, now=now).outcome


def test_an_unknown_statement_is_given_some_time_and_is_not_called_refused() -> None:
    building, now = poller(phase=Phase.SUBMITTING), 1.0
    while now < 1 + UNKNOWN_QUERY_SECONDS:
        assert unknown(building, now) is None
        now += 0.5
    assert unknown(building, now) is Outcome.UNKNOWN


def test_an_unknown_statement_is_given_some_polls() -> None:
    building = poller(phase=Phase.SUBMITTING)
    for number in range(MAX_UNKNOWN_QUERY - 1):
        assert unknown(building, number * UNKNOWN_QUERY_SECONDS) is None
    assert unknown(building, 1e6) is Outcome.UNKNOWN


def test_a_statement_that_is_known_again_starts_over() -> None:
    building = poller(phase=Phase.SUBMITTING)
    for _ in range(MAX_UNKNOWN_QUERY):
        assert unknown(building, 1.0) is None
    assert building.after_query_state(SubmissionState.RUNNING, None, None, now=500.0).outcome is None
    for _ in range(MAX_UNKNOWN_QUERY):
        assert unknown(building, 501.0) is None


def test_event_is_plain() -> None:
    assert poller().after_job_status("FAILED", now=1.0).event() == {
        "outcome": "failed",
        "status": "FAILED",
        "error": None,
    }


def test_the_first_look_waits_an_interval_but_not_past_the_deadline() -> None:
    assert JobPoller(started=0.0).first_delay(100.0) == 0.3
    assert JobPoller(started=0.0, poll_interval=1.0).first_delay(100.0) == 1.0
    assert JobPoller(started=0.0, deadline=102.0, poll_interval=5).first_delay(100.0) == 2.0
    assert JobPoller(started=0.0, deadline=50.0).first_delay(100.0) == 0.05
