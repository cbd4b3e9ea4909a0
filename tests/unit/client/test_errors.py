"""What follows from an error number."""

from __future__ import annotations

import pytest
from snowflake.connector import errorcode, network
from snowflake.connector.errors import DatabaseError, OperationalError, ProgrammingError

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.core import grants


@pytest.mark.parametrize("number", [390100, 390144, 3001])
def test_what_only_a_person_can_change_is_permanent(number: int) -> None:
    assert errors.is_permanent(DatabaseError(msg="no", errno=number))


@pytest.mark.parametrize(
    "number", [2003, 625, errorcode.ER_FAILED_TO_CONNECT_TO_DB, errorcode.ER_FAILED_TO_REQUEST, None]
)
def test_a_number_with_several_causes_is_not_permanent(number: int | None) -> None:
    assert not errors.is_permanent(OperationalError(msg="503", errno=number))


def test_the_ends_of_a_session_are_those_that_the_connector_knows() -> None:
    known = {
        network.ID_TOKEN_EXPIRED_GS_CODE,
        network.SESSION_EXPIRED_GS_CODE,
        network.MASTER_TOKEN_NOTFOUND_GS_CODE,
        network.MASTER_TOKEN_EXPIRED_GS_CODE,
        network.MASTER_TOKEN_INVALD_GS_CODE,
        network.ID_TOKEN_INVALID_LOGIN_REQUEST_GS_CODE,
        network.OAUTH_ACCESS_TOKEN_EXPIRED_GS_CODE,
    }
    assert {int(number) for number in known} | {errorcode.ER_CONNECTION_IS_CLOSED} <= errors.SESSION_ENDED
    assert not errors.SESSION_ENDED & errors.PERMANENT, "an end of a session says nothing about what was asked"


@pytest.mark.parametrize("number", [603, 2002, 2003, 3001, 395_018])
def test_a_number_of_the_server_is_of_the_statement(number: int) -> None:
    assert errors.is_of_statement(ProgrammingError(msg="no", errno=number))


@pytest.mark.parametrize(
    "number",
    [
        *(errorcode.ER_FAILED_TO_REQUEST, errorcode.ER_CONNECTION_IS_CLOSED, errorcode.ER_HTTP_GENERAL_ERROR + 400),
        *(390_111, 390_112, 390_400, 394_300, -1, None),
    ],
)
def test_an_error_without_an_answer_says_nothing_of_the_statement(number: int | None) -> None:
    assert not errors.is_of_statement(OperationalError(msg="no answer", errno=number))


def test_missing_and_hidden_are_one_answer() -> None:
    assert errors.is_missing(ProgrammingError(msg="…", errno=2003))
    assert not errors.is_missing(ProgrammingError(msg="…", errno=3001))
    assert errors.not_visible("Stage DB.S.X", hint="; did you mean DB.S.Y?", grant="GRANT READ …") == (
        "Stage DB.S.X does not exist, or this role may not see it; did you mean DB.S.Y? "
        f"(if it exists: GRANT READ …; {grants.DOCTOR})"
    )


def test_an_error_is_one_line() -> None:
    assert errors.error_text(ValueError("two\n  lines")) == "ValueError: two lines"
    assert errors.errno(ValueError("x")) is None
    assert errors.errno(ProgrammingError(msg="x", errno=-1)) is None
