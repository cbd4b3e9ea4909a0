"""The table of privileges: which GRANTs follow from a batch's objects, and from an error."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core import grants

STAGE = ("DB", "SC", "WORK")
OBJECTS: dict[str, grants.Name] = {
    "job_schema": ("DB", "SC"),
    "warehouse": ("WH",),
    "compute_pool": ("POOL",),
    "model": ("MODELS", "PUBLIC", "M"),
    "input_stage": ("DB", "SC", "PHOTOS"),
    "manifest_stage": STAGE,
    "output_stage": STAGE,
    "ledger": ("DB", "SC", "LEDGER"),
    "ledger_lock": ("DB", "SC", "LEDGER_LOCK"),
}


def test_one_grant_for_each_object_and_containers_first() -> None:
    assert grants.statements_sql(grants.required(OBJECTS), "R") == [
        "GRANT USAGE ON DATABASE DB TO ROLE R",
        "GRANT USAGE ON DATABASE MODELS TO ROLE R",
        "GRANT USAGE, CREATE SERVICE, CREATE FILE FORMAT, CREATE TABLE ON SCHEMA DB.SC TO ROLE R",
        "GRANT USAGE ON SCHEMA MODELS.PUBLIC TO ROLE R",
        "GRANT USAGE ON WAREHOUSE WH TO ROLE R",
        "GRANT USAGE ON COMPUTE POOL POOL TO ROLE R",
        "GRANT READ ON MODEL MODELS.PUBLIC.M TO ROLE R",
        "GRANT READ ON STAGE DB.SC.PHOTOS TO ROLE R",
        "GRANT READ, WRITE ON STAGE DB.SC.WORK TO ROLE R",
    ]


def test_tables_that_exist_need_privileges_of_their_own_and_no_create_table() -> None:
    existing = [OBJECTS["ledger"], OBJECTS["ledger_lock"], ("DB", "SC", "RESULTS"), ("DB", "SC", "RESULTS_DRIFT")]
    results = {"results_table": existing[2], "drift_table": existing[3]}
    found = grants.required(OBJECTS | results, existing=existing)
    tables = {grant.name[-1]: grant.privileges for grant in found if grant.kind == "TABLE"}
    assert tables == {
        "LEDGER": ("SELECT", "INSERT", "UPDATE"),
        "LEDGER_LOCK": ("SELECT", "UPDATE"),
        "RESULTS": ("SELECT", "INSERT", "DELETE"),
        "RESULTS_DRIFT": ("SELECT", "INSERT", "DELETE"),
    }
    schema = next(grant for grant in found if grant.kind == "SCHEMA")
    assert "CREATE TABLE" not in schema.privileges


def test_a_stream_needs_select() -> None:
    found = grants.required({"stream": ("DB", "SC", "ARRIVALS")})
    assert found[-1] == grants.Grant("STREAM", ("DB", "SC", "ARRIVALS"), ("SELECT",))


def test_an_external_stage_needs_usage() -> None:
    found = grants.required({"input_stage": STAGE}, external=[STAGE])
    assert found[-1] == grants.Grant("STAGE", STAGE, ("USAGE",))


@pytest.mark.parametrize(
    ("message", "statement", "grant"),
    [
        ("schema 'SC'", "CREATE TABLE IF NOT EXISTS DB.SC.LEDGER (A INT)", "CREATE TABLE ON SCHEMA DB.SC"),
        ("schema 'SC'", "CREATE TEMPORARY FILE FORMAT IF NOT EXISTS DB.SC.F", "CREATE FILE FORMAT ON SCHEMA DB.SC"),
        ("schema 'SC'", "EXECUTE INFERENCE JOB SERVICE\nNAME = DB.SC.J", "CREATE SERVICE ON SCHEMA DB.SC"),
        ("stage 'WORK'", "COPY INTO @DB.SC.WORK/a/ FROM (SELECT 1)", "READ, WRITE ON STAGE DB.SC.WORK"),
        ("table 'LEDGER'", "MERGE INTO DB.SC.LEDGER T", "SELECT, INSERT, UPDATE ON TABLE DB.SC.LEDGER"),
        ("stream 'ARRIVALS'", "SELECT SYSTEM$STREAM_HAS_DATA('DB.SC.ARRIVALS')", "SELECT ON STREAM DB.SC.ARRIVALS"),
        ("stage 'PHOTOS'", "ALTER STAGE DB.SC.PHOTOS REFRESH", "WRITE ON STAGE DB.SC.PHOTOS"),
        ("compute_pool 'POOL'", None, "USAGE ON COMPUTE POOL POOL"),
        ("model 'my \"model'", None, 'READ ON MODEL "my ""model"'),
    ],
)
def test_an_error_of_a_missing_privilege_names_the_grant(message: str, statement: str | None, grant: str) -> None:
    text = f"003001 (42501): SQL access control error:\nInsufficient privileges to operate on {message}"
    assert grants.missing_grant(text, statement) == f"GRANT {grant} TO ROLE …"


def test_an_error_that_names_no_object_has_no_grant() -> None:
    assert grants.missing_grant("Insufficient privileges", "SELECT 1") is None


@pytest.mark.parametrize(
    ("object", "grant"),
    [
        ("schema", "USAGE ON SCHEMA X"),
        ("compute_pool", "USAGE ON COMPUTE POOL X"),
        ("model", "READ ON MODEL X"),
        ("input_stage", "READ ON STAGE X"),
        ("stream", "SELECT ON STREAM X"),
        ("output_stage", "READ, WRITE ON STAGE X"),
    ],
)
def test_a_message_can_name_the_grant_of_an_object(object: str, grant: str) -> None:
    assert grants.grant_for(object, "X") == f"GRANT {grant} TO ROLE …"


@pytest.mark.parametrize(
    ("message", "statement", "grant"),
    [
        ("Table 'DB.SC.LEDGER'", "MERGE INTO DB.SC.LEDGER T", "SELECT, INSERT, UPDATE ON TABLE DB.SC.LEDGER"),
        ("Object 'DB.SC.LEDGER'", "UPDATE DB.SC.LEDGER SET A = 1", "SELECT, UPDATE ON TABLE DB.SC.LEDGER"),
        ("Table 'DB.SC.T_DRIFT'", "WITH MB_PROFILES AS (SELECT 1) SELECT 1", "SELECT ON TABLE DB.SC.T_DRIFT"),
        ("Schema 'DB.SC'", "SHOW STAGES IN SCHEMA DB.SC", "USAGE ON SCHEMA DB.SC"),
        ("Database 'DB'", "SELECT * FROM DB.SC.T", "USAGE ON DATABASE DB"),
        ("Compute pool 'POOL'", "EXECUTE INFERENCE JOB SERVICE", "USAGE ON COMPUTE POOL POOL"),
    ],
)
def test_an_error_of_an_unseen_object_names_the_grant(message: str, statement: str, grant: str) -> None:
    text = f"002003 (02000): SQL compilation error:\n{message} does not exist or not authorized."
    assert grants.missing_grant(text, statement, "R") == f"GRANT {grant} TO ROLE R"


def test_an_error_about_another_kind_of_object_has_no_grant() -> None:
    assert grants.missing_grant("Function 'F' does not exist or not authorized.", "SELECT F()") is None
