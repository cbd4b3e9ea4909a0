"""The doctor on the engine: a role with nothing, and the SQL that makes every check pass."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command import mediabatch

from airflow_provider_mediabatch.validation.doctor.account import check_account
from airflow_provider_mediabatch.validation.doctor.batch_settings import BatchSettings
from airflow_provider_mediabatch.validation.doctor.check_result import CheckResult
from airflow_provider_mediabatch.validation.doctor.installation import check_versions

if TYPE_CHECKING:
    from conftest import RunningEngine

    from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

MODEL = "DOCTOR.MODELS.FILES"
SETTINGS = BatchSettings(
    model=MODEL,
    input_stage="@DOCTOR.MEDIA.PHOTOS/in/",
    output_stage="@DOCTOR.MEDIA.WORK/predictions/",
    manifest_stage="@DOCTOR.MEDIA.MANIFESTS/",
    compute_pool="DOCTOR_POOL",
    job_schema="DOCTOR.JOBS",
    ledger="DOCTOR.LEDGERS.LEDGER",
    results_table="DOCTOR.RESULTS.PREDICTIONS",
    labels="DOCTOR.TRUTH.LABELS",
    warehouse="COMPUTE_WH",
)
OPTIONS = (
    *("--model", MODEL, "--stage", "@DOCTOR.MEDIA.PHOTOS/in/", "--output", "@DOCTOR.MEDIA.WORK/predictions/"),
    *("--pool", "DOCTOR_POOL", "--job-schema", "DOCTOR.JOBS", "--ledger", "DOCTOR.LEDGERS.LEDGER"),
    *("--manifests", "@DOCTOR.MEDIA.MANIFESTS/", "--results-table", "DOCTOR.RESULTS.PREDICTIONS"),
    *("--labels", "DOCTOR.TRUTH.LABELS"),
)
DAG = """
import pendulum
from airflow.sdk import DAG

from airflow_provider_mediabatch.media_batch_group import media_batch_group

with DAG("doctored", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
    media_batch_group(
        model_name="DOCTOR.MODELS.FILES",
        compute_pool="DOCTOR_POOL",
        work_location="@DOCTOR.MEDIA.WORK/",
        stage_path="@DOCTOR.MEDIA.PHOTOS/in/",
        results_table="DOCTOR.RESULTS.PREDICTIONS",
        labels="DOCTOR.TRUTH.LABELS",
        snowflake_conn_id="doctored",
        list_kwargs={"ledger": "DOCTOR.LEDGERS.LEDGER", "manifest_location": "@DOCTOR.MEDIA.MANIFESTS/"},
        validate_kwargs={"job_schema": "DOCTOR.JOBS"},
    )
"""


def execute(engine: RunningEngine, *statements: str) -> None:
    with engine.connect() as admin:
        for statement in statements:
            admin.cursor().execute(statement)


@pytest.fixture(scope="module")
def account(engine: RunningEngine) -> RunningEngine:
    """Every object in a schema of its own, so that no privilege comes along with another's."""
    import job_models
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    execute(
        engine,
        "CREATE DATABASE DOCTOR",
        *(f"CREATE SCHEMA DOCTOR.{name}" for name in ("MEDIA", "MODELS", "JOBS", "LEDGERS", "RESULTS", "TRUTH")),
        "CREATE TABLE DOCTOR.TRUTH.LABELS (FILE_NAME VARCHAR, LABEL VARCHAR)",
        "INSERT INTO DOCTOR.TRUTH.LABELS VALUES ('f0.jpg', 'ffd8ffe0'), ('f1.jpg', 'ffd8ffe0'), ('f2.jpg', 'other')",
        "CREATE STAGE DOCTOR.MEDIA.PHOTOS DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
        "CREATE STAGE DOCTOR.MEDIA.WORK ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
        "CREATE STAGE DOCTOR.MEDIA.MANIFESTS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
        "CREATE COMPUTE POOL DOCTOR_POOL MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_S",
    )
    with engine.session(database="DOCTOR", schema="MODELS") as session:
        Registry(session, database_name="DOCTOR", schema_name="MODELS").log_model(
            job_models.FileModel(custom_model.ModelContext()),
            model_name="FILES",
            version_name="V1",
            signatures={"predict": job_models.FILE_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[job_models.__file__],
        )
    return engine


@pytest.fixture
def role(account: RunningEngine, request: pytest.FixtureRequest) -> Iterator[str]:
    """A role that may use nothing."""
    name = f"DOCTOR_{abs(hash(request.node.name)) % 10**8}"
    execute(account, f"CREATE ROLE {name}", f"GRANT ROLE {name} TO USER {account.parameters['user']}")
    yield name
    execute(account, f"DROP ROLE {name}")


def check(engine: RunningEngine, settings: BatchSettings, **session: Any) -> dict[str, CheckResult]:
    return {result.check: result for result in check_account(lambda: engine.connect(**session), settings)}


def connection_of(engine: RunningEngine, role: str) -> str:
    connection = json.loads(engine.airflow_connection)
    connection["extra"] |= {"role": role}
    return json.dumps(connection)


@pytest.mark.slow
def test_its_sql_is_enough_for_the_whole_dag(
    account: RunningEngine, role: str, airflow_home: AirflowHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with account.session(database="DOCTOR", schema="MEDIA") as session:
        for number in range(4):
            (tmp_path / f"f{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(number))
            session.file.put(str(tmp_path / f"f{number}.jpg"), "@PHOTOS/in", auto_compress=False)
    monkeypatch.setitem(airflow_home.connections, "doctored", connection_of(account, role))

    def doctor() -> tuple[int, list[dict[str, str]]]:
        done = mediabatch("doctor", "--conn-id", "doctored", *OPTIONS, "--json", environment=airflow_home.environment())
        return done.returncode, json.loads(done.stdout)

    status, rows = doctor()
    assert status == 1
    statements = [statement for row in rows if row["fix"] for statement in row["fix"].split("; ")]
    assert len(set(statements)) == len(statements) == len({statement.partition(" ON ")[2] for statement in statements})
    assert all(statement.startswith("GRANT ") for statement in statements)
    execute(account, *statements)
    status, rows = doctor()
    assert status == 0
    assert {row["check"] for row in rows if row["status"] != "pass"} == {"triggerer"}

    file = tmp_path / "doctored.py"
    file.write_text(DAG)
    result = airflow_home.run_dag(file, "doctored")
    assert result.state == "success", result.errors()
    assert result.returned("media_batch.load_results")["rows"] == 4
    account_rows = check(account, SETTINGS, role=role)
    assert account_rows["table DOCTOR.LEDGERS.LEDGER"].status == "pass", "a table that the role owns"


def test_a_table_of_another_role(account: RunningEngine, role: str) -> None:
    execute(
        account,
        "CREATE TABLE DOCTOR.RESULTS.SHARED (A INT)",
        f"GRANT USAGE ON DATABASE DOCTOR TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA DOCTOR.RESULTS TO ROLE {role}",
    )
    settings = BatchSettings(results_table="DOCTOR.RESULTS.SHARED")
    unseen = check(account, settings, role=role)["results table"]
    assert unseen.status == "pass"
    assert unseen.detail.endswith(
        f"If it does exist: GRANT SELECT, INSERT, DELETE ON TABLE DOCTOR.RESULTS.SHARED TO ROLE {role}"
    )
    execute(account, f"GRANT SELECT ON TABLE DOCTOR.RESULTS.SHARED TO ROLE {role}")
    seen = check(account, settings, role=role)["table DOCTOR.RESULTS.SHARED"]
    assert (seen.status, seen.fix) == (
        "fail",
        f"GRANT INSERT, DELETE ON TABLE DOCTOR.RESULTS.SHARED TO ROLE {role}",
    )


def test_a_table_of_labels_is_read_and_never_created(account: RunningEngine, role: str) -> None:
    unseen = check(account, BatchSettings(labels="DOCTOR.TRUTH.LABELS"), role=role)["table DOCTOR.TRUTH.LABELS"]
    assert (unseen.status, unseen.fix) == ("fail", f"GRANT SELECT ON TABLE DOCTOR.TRUTH.LABELS TO ROLE {role}")
    missing = check(account, BatchSettings(labels="DOCTOR.TRUTH.LABEL"))["table DOCTOR.TRUTH.LABEL"]
    assert (missing.status, missing.fix) == ("fail", "")
    assert "did you mean LABELS?" in missing.detail


def test_a_stream_that_is_watched(account: RunningEngine, role: str) -> None:
    settings = BatchSettings(input_stage="@DOCTOR.MEDIA.PHOTOS/in/", stream="DOCTOR.MEDIA.ARRIVALS")
    missing = check(account, settings)["stream DOCTOR.MEDIA.ARRIVALS"]
    assert (missing.status, missing.fix) == (
        "fail",
        "CREATE STREAM DOCTOR.MEDIA.ARRIVALS ON STAGE DOCTOR.MEDIA.PHOTOS",
    )
    assert "Create it with CREATE STREAM" in check(account, BatchSettings(stream=settings.stream))[missing.check].detail
    execute(
        account,
        missing.fix,
        f"GRANT USAGE ON DATABASE DOCTOR TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA DOCTOR.MEDIA TO ROLE {role}",
    )
    unseen = check(account, settings, role=role)[missing.check]
    assert unseen.fix == f"GRANT SELECT ON STREAM DOCTOR.MEDIA.ARRIVALS TO ROLE {role}"
    execute(account, unseen.fix)
    assert check(account, settings, role=role)[missing.check].status == "pass"
    execute(account, "DROP STREAM DOCTOR.MEDIA.ARRIVALS")


def test_a_table_of_profiles_is_checked_where_there_is_one(account: RunningEngine, role: str) -> None:
    execute(
        account,
        "CREATE TABLE DOCTOR.RESULTS.WATCHED (A INT)",
        f"GRANT USAGE ON DATABASE DOCTOR TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA DOCTOR.RESULTS TO ROLE {role}",
        f"GRANT SELECT, INSERT, DELETE ON TABLE DOCTOR.RESULTS.WATCHED TO ROLE {role}",
    )
    settings = BatchSettings(results_table="DOCTOR.RESULTS.WATCHED")
    assert "table DOCTOR.RESULTS.WATCHED_DRIFT" not in check(account, settings, role=role)
    execute(
        account,
        "CREATE TABLE DOCTOR.RESULTS.WATCHED_DRIFT (A INT)",
        f"GRANT SELECT ON TABLE DOCTOR.RESULTS.WATCHED_DRIFT TO ROLE {role}",
    )
    seen = check(account, settings, role=role)["table DOCTOR.RESULTS.WATCHED_DRIFT"]
    assert (seen.status, seen.fix) == (
        "fail",
        f"GRANT INSERT, DELETE ON TABLE DOCTOR.RESULTS.WATCHED_DRIFT TO ROLE {role}",
    )


def test_a_role_of_a_role(account: RunningEngine, role: str) -> None:
    execute(
        account,
        "CREATE ROLE DOCTOR_INNER",
        "GRANT USAGE ON COMPUTE POOL DOCTOR_POOL TO ROLE DOCTOR_INNER",
        f"GRANT ROLE DOCTOR_INNER TO ROLE {role}",
    )
    found = check(account, BatchSettings(compute_pool="DOCTOR_POOL"), role=role)
    assert found["compute pool DOCTOR_POOL"].status == "pass"


def test_usage_of_a_model_is_not_enough(account: RunningEngine, role: str) -> None:
    execute(
        account,
        f"GRANT USAGE ON DATABASE DOCTOR TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA DOCTOR.MODELS TO ROLE {role}",
        f"GRANT USAGE ON MODEL {MODEL} TO ROLE {role}",
    )
    found = check(account, SETTINGS, role=role)[f"model {MODEL}"]
    assert (found.detail, found.fix) == (f"role {role} lacks READ", f"GRANT READ ON MODEL {MODEL} TO ROLE {role}")


@pytest.mark.parametrize("named", ["COMPUTE_WH", None])
def test_a_session_without_a_warehouse(account: RunningEngine, role: str, named: str | None) -> None:
    found = check(account, BatchSettings(warehouse=named), role=role, warehouse="NO_SUCH_WAREHOUSE")
    row = found["warehouse COMPUTE_WH" if named else "warehouse"]
    assert row.status == "fail"
    assert row.fix == (f"GRANT USAGE ON WAREHOUSE {named} TO ROLE {role}" if named else "")


def test_what_does_not_exist_is_created_and_not_granted(account: RunningEngine) -> None:
    settings = BatchSettings(
        model="DOCTOR.MODELS.FILE",
        input_stage="@DOCTOR.MEDIA.PHOTO/in/",
        output_stage="@NOWHERE.MEDIA.WORK",
        compute_pool="DOCTOR_POO",
    )
    failed = {name: row for name, row in check(account, settings).items() if row.status == "fail"}
    assert {name: row.fix for name, row in failed.items()} == {
        "database NOWHERE": "CREATE DATABASE NOWHERE",
        "schema NOWHERE.MEDIA": "CREATE SCHEMA NOWHERE.MEDIA",
        "stage NOWHERE.MEDIA.WORK": "CREATE STAGE NOWHERE.MEDIA.WORK DIRECTORY = (ENABLE = TRUE) "
        "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
        "stage DOCTOR.MEDIA.PHOTO": "CREATE STAGE DOCTOR.MEDIA.PHOTO DIRECTORY = (ENABLE = TRUE) "
        "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
        "compute pool DOCTOR_POO": "CREATE COMPUTE POOL DOCTOR_POO MIN_NODES = 1 MAX_NODES = 1 "
        "INSTANCE_FAMILY = CPU_X64_S",
        "model DOCTOR.MODELS.FILE": "",
    }
    assert "did you mean PHOTOS?" in failed["stage DOCTOR.MEDIA.PHOTO"].detail
    assert "did you mean DOCTOR_POOL?" in failed["compute pool DOCTOR_POO"].detail
    assert "Registry.log_model" in failed["model DOCTOR.MODELS.FILE"].detail
    execute(account, *(row.fix for row in failed.values() if row.fix))
    assert [name for name, row in check(account, settings).items() if row.status == "fail"] == [
        "model DOCTOR.MODELS.FILE"
    ]


def test_what_a_role_does_not_see_may_not_exist(account: RunningEngine, role: str) -> None:
    row = check(account, BatchSettings(compute_pool="NO_SUCH_POOL"), role=role)["compute pool NO_SUCH_POOL"]
    assert f"does not exist, or role {role} may not see it" in row.detail
    assert "If it does not exist: CREATE COMPUTE POOL NO_SUCH_POOL" in row.detail
    assert row.fix == f"GRANT USAGE ON COMPUTE POOL NO_SUCH_POOL TO ROLE {role}"


def test_an_external_stage_needs_usage_and_takes_no_output(account: RunningEngine, role: str) -> None:
    execute(account, "CREATE STAGE DOCTOR.MEDIA.BUCKET URL = 's3://doctor/files/'")
    execute(account, f"GRANT USAGE ON STAGE DOCTOR.MEDIA.BUCKET TO ROLE {role}")
    execute(account, f"GRANT USAGE ON DATABASE DOCTOR TO ROLE {role}")
    execute(account, f"GRANT USAGE ON SCHEMA DOCTOR.MEDIA TO ROLE {role}")
    there = "@DOCTOR.MEDIA.BUCKET/"
    found = check(account, BatchSettings(input_stage=there, output_stage=there), role=role)
    assert found["stage DOCTOR.MEDIA.BUCKET"].status == "pass"
    assert found["kind of input stage"].status == "pass"
    assert found["kind of output stage"].status == "fail"
    execute(account, found["kind of output stage"].fix)
    assert (
        check(account, BatchSettings(output_stage="@DOCTOR.MEDIA.MB_RESULTS"))["kind of output stage"].status == "pass"
    )


def test_the_limits_of_a_stage_that_the_client_encrypts_are_said(account: RunningEngine) -> None:
    execute(account, "CREATE STAGE DOCTOR.MEDIA.ENCRYPTED")
    row = check(account, BatchSettings(input_stage="@DOCTOR.MEDIA.ENCRYPTED"))["kind of input stage"]
    assert row.status == "warn"
    assert "a file that is uploaded again unchanged is new, and one of less than 16 bytes counts as empty" in row.detail


def test_what_is_not_given_is_not_checked(account: RunningEngine) -> None:
    skipped = [name for name, row in check(account, BatchSettings()).items() if row.status == "skip"]
    assert skipped == ["model", "input stage", "output stage", "compute pool"]


def test_parameters_that_no_login_can_set_are_named(account: RunningEngine) -> None:
    """On Snowflake they belong to the user and the schema; the engine has those of the session alone."""

    def found(**parameters: object) -> dict[str, CheckResult]:
        rows = check(account, SETTINGS, session_parameters=parameters)
        return {name: row for name, row in rows.items() if name.startswith("parameters of")}

    assert {row.status for row in found().values()} == {"pass"}
    assert len(found()) == 3, "of the user, and of the schemas of ledger and results table"
    refused = found(PREVENT_UNLOAD_TO_INTERNAL_STAGES=True)
    (fix,) = (row.fix for row in refused.values() if row.status == "fail")
    assert fix.endswith("SET PREVENT_UNLOAD_TO_INTERNAL_STAGES = FALSE")
    collated = found(DEFAULT_DDL_COLLATION="en-ci")
    assert [row.fix for row in collated.values() if row.status == "fail"] == [
        "ALTER SCHEMA DOCTOR.LEDGERS SET DEFAULT_DDL_COLLATION = ''",
        "ALTER SCHEMA DOCTOR.RESULTS SET DEFAULT_DDL_COLLATION = ''",
    ]
    iceberg = found(DEFAULT_METADATA_WRITE_FORMAT="ICEBERG")
    assert "Iceberg tables" in iceberg["parameters of schema DOCTOR.LEDGERS"].detail


def test_a_wrong_version_or_function_lists_what_exists(account: RunningEngine) -> None:
    wrong = check(account, BatchSettings(model=MODEL, version="V9"))
    assert "V1" in wrong["model version"].detail
    wrong = check(account, BatchSettings(model=MODEL, function="explain"))
    assert "predict" in wrong["model function"].detail


def test_no_connection_is_a_row_not_a_traceback(engine: RunningEngine) -> None:
    found = check(engine, SETTINGS, password="wrong")
    assert found["connection"].status == "fail"
    assert "Incorrect username or password" in found["connection"].detail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conn_id", "words"),
    [("nowhere", "airflow connections add nowhere"), ("elsewhere", "is of type postgres, not snowflake")],
)
def test_a_connection_that_is_none(airflow_home: AirflowHome, conn_id: str, words: str) -> None:
    environment = airflow_home.environment() | {"AIRFLOW_CONN_ELSEWHERE": "postgres://host/db"}
    done = mediabatch("doctor", "--conn-id", conn_id, environment=environment)
    assert done.returncode == 1
    assert words in " ".join(done.stdout.split())


def test_the_report_ends_with_a_verdict(account: RunningEngine, airflow_home: AirflowHome) -> None:
    environment = airflow_home.environment() | {"AIRFLOW_CONN_DOCTOR": account.airflow_connection}
    done = mediabatch("doctor", "--conn-id", "doctor", "--pool", "NO_SUCH_POOL", environment=environment)
    assert done.returncode == 1
    assert "\nCREATE COMPUTE POOL NO_SUCH_POOL MIN_NODES = 1" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("A batch cannot run until the problems are fixed.")
    assert done.stdout.lstrip().startswith("Check"), "no log lines before the report"


def test_versions_name_what_is_installed() -> None:
    assert {result.status for result in check_versions()} == {"pass"}


@pytest.mark.slow
def test_the_doctor_in_airflows_own_command_line(account: RunningEngine, airflow_home: AirflowHome) -> None:
    environment = airflow_home.environment() | {"AIRFLOW_CONN_DOCTOR": account.airflow_connection}
    command = [sys.executable, "-m", "airflow", "mediabatch", "doctor", "--conn-id", "doctor"]

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *options], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    done = run("--json")
    found = {row["check"]: row["status"] for row in json.loads(done.stdout)}
    assert (done.returncode, found["connection"], found["triggerer"]) == (0, "pass", "warn")
    wrong = run("--pool", "x-y")
    assert wrong.returncode == 1
    assert "--pool: 'x-y' is not a Snowflake name" in wrong.stderr
    assert "Traceback" not in wrong.stderr
