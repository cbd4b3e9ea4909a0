"""What a job's status means."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core.job_status import JobStatus


def test_a_status_is_read_in_any_letter_case() -> None:
    assert JobStatus.of("running") is JobStatus.RUNNING


def test_an_unknown_status_is_none() -> None:
    assert JobStatus.of("TELEPORTING") is None


@pytest.mark.parametrize("status", JobStatus)
def test_a_job_has_ended_is_ending_or_goes_on(status: JobStatus) -> None:
    ended = {"DONE", "FAILED", "CANCELLED", "INTERNAL_ERROR", "DELETED"}
    ending = {"CANCELLING", "SUSPENDING", "DELETING"}
    assert status.terminal is (status in ended)
    assert status.ending is (status in ending)
