"""What the connector's status of a statement means for a submission."""

from __future__ import annotations

from typing import Any

import pytest
from snowflake.connector import SnowflakeConnection, errorcode
from snowflake.connector.constants import QueryStatus
from snowflake.connector.errors import OperationalError, ProgrammingError

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.core.job_status import SubmissionState


class Answering:
    """A connection whose monitoring gives one status, and then raises this error for a status of a failure."""

    is_still_running = staticmethod(SnowflakeConnection.is_still_running)

    def __init__(self, status: QueryStatus, error: Exception | None = None) -> None:
        self._status, self._error = status, error

    def get_query_status(self, query_id: str) -> QueryStatus:
        return self._status

    def get_query_status_throw_if_error(self, query_id: str) -> QueryStatus:
        if self._error is not None:
            raise self._error
        return self._status


class Silent:
    """A connection whose monitoring answers without data, as to a session that is over."""

    def get_query_status(self, query_id: str) -> QueryStatus:
        data: Any = None
        return QueryStatus["SUCCESS" if "queries" in data else "NO_DATA"]


def state(connection: Any) -> SubmissionState:
    return jobs.query_state(connection, "id")[0]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SUCCESS", SubmissionState.SUCCEEDED),
        ("RUNNING", SubmissionState.RUNNING),
        ("QUEUED", SubmissionState.RUNNING),
        ("BLOCKED", SubmissionState.RUNNING),
        ("ABORTING", SubmissionState.RUNNING),
        ("NO_DATA", SubmissionState.UNKNOWN),
        ("RESTARTED", SubmissionState.UNKNOWN),
        ("DISCONNECTED", SubmissionState.UNKNOWN),
    ],
)
def test_only_an_end_is_an_end(status: str, expected: SubmissionState) -> None:
    assert state(Answering(QueryStatus[status])) is expected


def test_a_failure_has_snowflake_s_own_number_or_status() -> None:
    said = ProgrammingError(msg="no such pool", errno=2003)
    assert jobs.query_state(Answering(QueryStatus.FAILED_WITH_ERROR, said), "id") == (  # type: ignore[arg-type]
        SubmissionState.FAILED,
        f"2003: {said.msg}",
    )
    without_number = ProgrammingError(msg="", errno=-1)
    assert state(Answering(QueryStatus.ABORTED, without_number)) is SubmissionState.FAILED
    assert state(Answering(QueryStatus.FAILED_WITH_ERROR, without_number)) is SubmissionState.UNKNOWN
    assert state(Answering(QueryStatus.FAILED_WITH_ERROR)) is SubmissionState.UNKNOWN, "the second answer is another"
    assert state(Silent()) is SubmissionState.UNKNOWN


def test_a_second_question_without_an_answer_is_a_poll_that_failed() -> None:
    lost = OperationalError(msg="no answer", errno=errorcode.ER_FAILED_TO_REQUEST)
    with pytest.raises(OperationalError):
        state(Answering(QueryStatus.FAILED_WITH_ERROR, lost))
