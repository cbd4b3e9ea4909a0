"""The doctor on the engine: a role with nothing, and the SQL that turns every row green."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from airflow_provider_mediabatch.cli.doctor import Finding, Wanted, examine, versions
from airflow_provider_mediabatch.cli.main import main

if TYPE_CHECKING:
    from conftest import RunningEngine

    from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

ROLE = "DOCTOR_PATIENT"
WANTED = Wanted(
    stage="@DOCTOR.MEDIA.PHOTOS/in/",
    output="@DOCTOR.MEDIA.RESULTS/",
    pool="DOCTOR_POOL",
    job_schema="DOCTOR.MEDIA",
    warehouse="COMPUTE_WH",
)


@pytest.fixture(scope="module")
def patient(engine: RunningEngine) -> Iterator[RunningEngine]:
    """Objects that exist, and a role that may use none of them."""
    with engine.connect() as admin:
        for statement in (
            "CREATE DATABASE DOCTOR",
            "CREATE SCHEMA DOCTOR.MEDIA",
            "CREATE STAGE DOCTOR.MEDIA.PHOTOS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
            "CREATE STAGE DOCTOR.MEDIA.RESULTS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
            "CREATE COMPUTE POOL DOCTOR_POOL MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_S",
            f"CREATE ROLE {ROLE}",
            f"GRANT ROLE {ROLE} TO USER {admin.user}",
        ):
            admin.cursor().execute(statement)
    return engine


def look(engine: RunningEngine, wanted: Wanted = WANTED) -> dict[str, Finding]:
    found = examine(lambda: engine.connect(role=ROLE), wanted)
    return {finding.check: finding for finding in found}


@pytest.mark.parametrize("named", ["COMPUTE_WH", None])
def test_a_session_without_a_warehouse(patient: RunningEngine, named: str | None) -> None:
    found = examine(lambda: patient.connect(role=ROLE, warehouse="NO_SUCH_WAREHOUSE"), Wanted(warehouse=named))
    row = next(finding for finding in found if finding.check == "warehouse")
    assert row.status == "fail"
    assert row.fix == (f"GRANT USAGE ON WAREHOUSE {named} TO ROLE {ROLE}" if named else ""), "nothing says which one"


def test_each_fix_turns_its_row_green(patient: RunningEngine) -> None:
    first = look(patient)
    failed = " | ".join(check for check, finding in first.items() if finding.status == "fail")
    for what in ("warehouse", "input stage", "output stage", "compute pool", "CREATE SERVICE on schema"):
        assert what in failed
    for _ in range(3):  # what a first fix makes visible can be examined for the first time
        todo = [finding for finding in look(patient).values() if finding.fix]
        with patient.connect() as admin:
            for finding in todo:
                for statement in finding.fix.split("; "):
                    admin.cursor().execute(statement)
    last = look(patient)
    green = {check for check, finding in last.items() if finding.status == "pass"}
    assert green >= {
        "connection",
        "role",
        "warehouse",
        "READ on input stage",
        "WRITE on output stage",
        "kind of input stage",
        "kind of output stage",
        "directory table",
        "USAGE on compute pool",
        "state of compute pool",
        "CREATE SERVICE on schema",
    }
    assert not [finding for finding in last.values() if finding.status == "fail"]


def test_read_on_the_model_is_asked_for_and_its_fix_gives_it(patient: RunningEngine) -> None:
    """USAGE shows the model to the role, yet a job reads it: only READ will do."""
    import job_models
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    with patient.session(database="DOCTOR", schema="MEDIA") as session:
        Registry(session, database_name="DOCTOR", schema_name="MEDIA").log_model(
            job_models.FileModel(custom_model.ModelContext()),
            model_name="DOCTOR_MODEL",
            version_name="V1",
            signatures={"predict": job_models.FILE_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[job_models.__file__],
        )
    with patient.connect() as admin:
        for statement in (
            f"GRANT USAGE ON DATABASE DOCTOR TO ROLE {ROLE}",
            f"GRANT USAGE ON SCHEMA DOCTOR.MEDIA TO ROLE {ROLE}",
            f"GRANT USAGE ON MODEL DOCTOR.MEDIA.DOCTOR_MODEL TO ROLE {ROLE}",
        ):
            admin.cursor().execute(statement)
        wanted = Wanted(model="DOCTOR.MEDIA.DOCTOR_MODEL")
        missing = look(patient, wanted)
        assert missing["model"].status == "pass"
        assert missing["READ on model"].status == "fail"
        admin.cursor().execute(missing["READ on model"].fix)
    mended = look(patient, wanted)
    assert (mended["READ on model"].status, mended["function"].status) == ("pass", "pass")


def test_a_model_out_of_sight_and_an_external_output_are_mended_too(patient: RunningEngine) -> None:
    import job_models
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    with patient.session() as session:
        session.sql("CREATE DATABASE IF NOT EXISTS SURGERY").collect()
        session.sql("CREATE SCHEMA IF NOT EXISTS SURGERY.MEDIA").collect()
        session.sql("CREATE STAGE SURGERY.MEDIA.BUCKET URL = 's3://surgery/out/'").collect()
        session.sql(f"GRANT USAGE ON STAGE SURGERY.MEDIA.BUCKET TO ROLE {ROLE}").collect()
        Registry(session, database_name="SURGERY", schema_name="MEDIA").log_model(
            job_models.FileModel(custom_model.ModelContext()),
            model_name="HIDDEN",
            version_name="V1",
            signatures={"predict": job_models.FILE_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[job_models.__file__],
        )
    wanted = Wanted(model="SURGERY.MEDIA.HIDDEN", output="@SURGERY.MEDIA.BUCKET/")
    hidden = look(patient, wanted)
    assert hidden["model"].status == "fail"
    with patient.connect() as admin:
        for statement in hidden["model"].fix.split("; "):
            admin.cursor().execute(statement)
        seen = look(patient, wanted)
        assert {seen[row].status for row in ("model", "READ on model", "function")} == {"pass"}
        assert seen["kind of output stage"].status == "fail"
        admin.cursor().execute(seen["kind of output stage"].fix)
        mended = Wanted(output="@SURGERY.MEDIA.MB_RESULTS/")
        for fix in [finding.fix for finding in look(patient, mended).values() if finding.fix]:
            for statement in fix.split("; "):
                admin.cursor().execute(statement)
    rows = look(patient, mended)
    assert {rows[row].status for row in ("WRITE on output stage", "kind of output stage")} == {"pass"}


def test_what_is_not_there_is_said(patient: RunningEngine) -> None:
    wanted = Wanted(stage="photos", output="@DOCTOR.MEDIA.NONE", pool="NONE", model="DOCTOR.MEDIA.NONE")
    found = examine(patient.connect, wanted)
    failed = {finding.check: finding.detail for finding in found if finding.status == "fail"}
    assert "must begin with @" in failed["input stage"]
    assert "DOCTOR.MEDIA.NONE" in failed["output stage"]
    assert "NONE" in failed["compute pool"]
    assert "NONE" in failed["model"]


def test_no_connection_is_a_row_not_a_traceback(engine: RunningEngine) -> None:
    found = examine(lambda: engine.connect(password="wrong"), WANTED)
    assert [finding.status for finding in found if finding.check == "connection"] == ["fail"]
    assert "Incorrect username or password" in next(f.detail for f in found if f.check == "connection")


def test_the_command_prints_json_and_fails_when_a_check_does(
    patient: RunningEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DOCTOR", patient.airflow_connection)
    status = main(["doctor", "--conn-id", "doctor", "--pool", "NO_SUCH_POOL", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert status == 1
    assert {"check", "status", "detail", "fix"} == set(rows[0])
    assert next(row for row in rows if row["check"] == "compute pool")["fix"].startswith("GRANT USAGE ON COMPUTE POOL")
    assert main(["doctor", "--conn-id", "doctor", "--pool", "NO_SUCH_POOL"]) == 1
    printed = capsys.readouterr().out
    assert "GRANT USAGE ON COMPUTE POOL NO_SUCH_POOL TO ROLE ACCOUNTADMIN;" in printed


def test_versions_name_what_is_installed() -> None:
    assert [finding.status for finding in versions()] == ["pass"] * 4


def test_the_doctor_in_airflow_s_own_command_line(patient: RunningEngine, airflow_home: AirflowHome) -> None:
    environment = airflow_home.environment() | {"AIRFLOW_CONN_DOCTOR": patient.airflow_connection}
    command = [sys.executable, "-m", "airflow", "mediabatch", "doctor", "--conn-id", "doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    rows = json.loads(done.stdout[done.stdout.index("[\n") :])
    found = {row["check"]: row["status"] for row in rows}
    assert (done.returncode, found["connection"], found["triggerer"]) == (0, "pass", "warn")
