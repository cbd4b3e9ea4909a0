"""A privilege that the role lacks at run time: the error names the GRANT, and the GRANT is the one that helps."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from airflow_provider_mediabatch.batch.submission import submission_error
from airflow_provider_mediabatch.client import connection as client
from airflow_provider_mediabatch.core.grants import DOCTOR
from airflow_provider_mediabatch.exceptions import NotAuthorizedError

if TYPE_CHECKING:
    from conftest import RunningEngine

ROLE = "POOR"


@pytest.fixture(scope="module")
def poor(engine: RunningEngine) -> RunningEngine:
    """A role that sees a schema's objects and may do nothing with them."""
    with engine.connect() as admin:
        for statement in (
            "CREATE DATABASE POOR",
            "CREATE SCHEMA POOR.S",
            "CREATE TABLE POOR.S.LEDGER (A INT)",
            "CREATE STAGE POOR.S.WORK",
            "CREATE STAGE POOR.S.HIDDEN",
            f"CREATE ROLE {ROLE}",
            f"GRANT ROLE {ROLE} TO USER {admin.user}",
            f"GRANT USAGE ON DATABASE POOR TO ROLE {ROLE}",
            f"GRANT USAGE ON SCHEMA POOR.S TO ROLE {ROLE}",
            f"GRANT REFERENCES ON TABLE POOR.S.LEDGER TO ROLE {ROLE}",
            f"GRANT READ ON STAGE POOR.S.WORK TO ROLE {ROLE}",
        ):
            admin.cursor().execute(statement)
    return engine


@pytest.fixture
def conn_id(poor: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> str:
    connection = json.loads(poor.airflow_connection)
    connection["extra"] |= {"role": ROLE}
    monkeypatch.setenv("AIRFLOW_CONN_POOR", json.dumps(connection))
    return "poor"


@pytest.mark.parametrize(
    ("statement", "grant"),
    [
        ("CREATE TABLE IF NOT EXISTS POOR.S.NEW (A INT)", "GRANT CREATE TABLE ON SCHEMA POOR.S TO ROLE POOR"),
        (
            "COPY INTO @POOR.S.WORK/a/ FROM (SELECT 1 AS A) FILE_FORMAT = (TYPE = PARQUET)",
            "GRANT READ, WRITE ON STAGE POOR.S.WORK TO ROLE POOR",
        ),
        ("UPDATE POOR.S.LEDGER SET A = 1", "GRANT SELECT, UPDATE ON TABLE POOR.S.LEDGER TO ROLE POOR"),
        ("LIST @POOR.S.HIDDEN", "GRANT READ ON STAGE POOR.S.HIDDEN TO ROLE POOR"),
    ],
)
def test_the_error_names_the_grant_that_helps(poor: RunningEngine, conn_id: str, statement: str, grant: str) -> None:
    with pytest.raises(NotAuthorizedError, match=re.escape(grant)) as refused, client.connected(conn_id) as connection:
        client.execute(connection, statement)
    assert DOCTOR in str(refused.value)
    assert "goes on" in str(refused.value)
    with poor.connect() as admin:
        admin.cursor().execute(grant)
    with client.connected(conn_id) as connection:
        client.execute(connection, statement)


def test_a_refused_submission_names_the_grant() -> None:
    text = "3001: SQL access control error:\nInsufficient privileges to operate on schema 'S'"
    error = str(submission_error("POOR.S.MB_JOB_1", text))
    assert "GRANT CREATE SERVICE ON SCHEMA POOR.S TO ROLE …" in error
    assert DOCTOR in error
