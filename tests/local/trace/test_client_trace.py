"""What the unmodified clients send and read, call by call, seen on the wire between them and the engine.

The calls (:mod:`trace_calls`) run once, in order, through a recording relay; each test then looks at one call's
statements, at the columns and values of their replies and at what the client made of them.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import yaml
from conftest import forget_clients
from snowflake.connector import DictCursor
from snowflake.connector.errors import ProgrammingError
from snowflake.ml._internal import env_utils, platform_capabilities
from trace_calls import Trace
from trace_expected import REPLIES, STATEMENTS

HEADERS = {"Content-Type": "application/json", "Accept": "application/snowflake"}
ENDLESS = """EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL LOCAL_POOL WITH SPECIFICATION 'input:
  params: {mode: endless}
  column_handling:
    IMG: {input_format: full_stage_path, convert_to: raw_bytes}
output: {stage_location: "@MEDIA.PUBLIC.TRACE_WAIT/", mode: error}
' FROM (SELECT '@MEDIA.TRACED.IMGS/a/b/f0.jpg' AS IMG) MODEL = MEDIA.TRACED.TRACED VERSION = V1 FUNCTION = 'predict'
NAME = MEDIA.PUBLIC.TRACE_ENDLESS ASYNC = TRUE"""


@contextlib.contextmanager
def endless_job(connection: Any) -> Iterator[str]:
    """A job that does not end by itself, as soon as it runs."""
    job = f"MEDIA.PUBLIC.TRACE_ENDLESS_{uuid.uuid4().hex.upper()}"
    connection.cursor().execute("CREATE STAGE IF NOT EXISTS MEDIA.PUBLIC.TRACE_WAIT")
    connection.cursor().execute(ENDLESS.replace("MEDIA.PUBLIC.TRACE_ENDLESS", job))
    try:
        while connection.cursor(DictCursor).execute(f"DESCRIBE SERVICE {job}").fetchone()["status"] == "PENDING":
            time.sleep(0.05)
        yield job
    finally:
        connection.cursor().execute(f"CALL {job}!SPCS_CANCEL_JOB()")


@pytest.fixture(scope="module")
def trace(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trace]:
    # snowflake-ml asks for the platform's capabilities and packages once a process: here they are asked for again.
    platform_capabilities.PlatformCapabilities._instance = None
    env_utils._SNOWFLAKE_INFO_SCHEMA_PACKAGE_CACHE.clear()
    env_utils._SNOWFLAKE_CONDA_PACKAGE_CACHE.clear()
    traced = Trace(engine, tmp_path_factory.mktemp("trace"))
    yield traced
    forget_clients()
    traced.relay.server.shutdown()
    traced.relay.server.server_close()


def columns(entry: dict[str, Any]) -> list[str]:
    return [column["name"] for column in (entry["reply"].get("data") or {}).get("rowtype") or []]


def error(entry: dict[str, Any]) -> str:
    return str(entry["reply"].get("code") or "") if not entry["reply"].get("success") else ""


@pytest.mark.parametrize("call", STATEMENTS)
def test_the_client_sends_these_statements(trace: Trace, call: str) -> None:
    sent = [entry["sent"] for entry in trace.relay.statements(call)]
    assert len(sent) == len(STATEMENTS[call]), sent
    for statement, beginning in zip(sent, STATEMENTS[call], strict=True):
        assert statement.startswith(beginning), sent


@pytest.mark.parametrize("pattern", REPLIES)
def test_reply_has_the_columns_that_clients_read(trace: Trace, pattern: str) -> None:
    entries = [entry for call in trace.relay.calls for entry in trace.relay.statements(call)]
    matching = [entry for entry in entries if re.match(pattern + r"\b|" + pattern, entry["sql"], re.IGNORECASE)]
    matching = [entry for entry in matching if not error(entry) and not entry["asked"].get("asyncExec")]
    assert matching, "no client sent it"
    for entry in matching:
        if "stageInfo" in entry["reply"]["data"]:
            assert entry["reply"]["data"]["stageInfo"]["locationType"] == "LOCAL_FS"
        else:
            assert set(REPLIES[pattern]) <= set(columns(entry)), entry["sql"]


EXPECTED: dict[str, Callable[[Any], bool]] = {
    "file.put": lambda found: sorted(row.target for row in found) == ["f0.jpg", "f1.jpg", "f2.jpg"],
    "file.get": lambda found: [row.status for row in found] == ["DOWNLOADED"],
    "file.get_stream": lambda found: found == b"\xff\xd8\xff\xe0\x00",
    "list_stage_files": lambda found: (
        [row["FILE_PATH"] for row in found] == [f"@MEDIA.TRACED.IMGS/a/b/f{n}.jpg" for n in range(3)]
    ),
    "list_stage_files_from_directory_tables": lambda found: (
        sorted(row["FILE_PATH"].rsplit("/", 1)[1] for row in found) == ["f0.jpg", "f1.jpg", "f2.jpg", "stream.jpg"]
    ),
    "model.default": lambda found: found == "V1",
    "model.show_versions": lambda found: found["name"].tolist() == ["V1", "V2"] and found["comment"][0] == "hello",
    "log_model (2nd version)": lambda found: found.version_name == "V2",
    "log_model (no target platforms)": lambda found: found.version_name == "V3",
    "model.version (alias)": lambda found: found == "V2",
    "mv.show_functions": lambda found: [function["name"] for function in found] == ["PREDICT"],
    "registry.show_models": lambda found: found["name"].tolist() == ["TRACED"],
    "job.status": lambda found: found in ("PENDING", "RUNNING", "DONE"),
    "job.wait": lambda found: found == "DONE",
    "job.target_instances": lambda found: found == 1,
    "wait for two replicas": lambda found: found == "DONE",
    "read staged": lambda found: (
        sorted((row["TXT"], row["size"]) for row in found) == [("t0", 4), ("t1", 5), ("t2", 6)]
    ),
    "run_batch (synchronous)": lambda found: found == "DONE",
    "its output": lambda found: sorted(row["size"] for row in found) == [4, 5, 6, 6],
    "LIST out": lambda found: any(row["name"].endswith("/_SUCCESS") for row in found),
    "read.collect": lambda found: sorted(row["TXT"] for row in found) == ["t0", "t1", "t2"],
    "read.to_pandas": lambda found: len(found) == 3,
    "read.count": lambda found: found == 3,
    "create_dataframe (512 cells)": lambda found: sorted(row["A"] for row in found) == list(range(256)),
    "raw result": lambda found: (
        sorted(row["name"].rsplit("/", 1)[1].split(".")[-1] for row in found)
        == [
            "_SUCCESS",
            "parquet",
        ]
    ),
    "cancelled": lambda found: found == "CANCELLED",
    "failed wait": lambda found: found == "FAILED",
    "failed logs": lambda found: "cannot read this picture" in found,
    "get_job": lambda found: found == "DONE",
    "list_jobs": lambda found: {"J_CANCEL", "J_FAIL"} <= set(found["name"]),
    "status after delete": lambda found: found == "DELETED",
}


@pytest.mark.parametrize("call", EXPECTED)
def test_the_client_gets_its_result(trace: Trace, call: str) -> None:
    assert EXPECTED[call](trace.results[call]), trace.results[call]


def rows(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """A reply's rows, as far as they were sent as JSON."""
    data = entry["reply"]["data"]
    return [dict(zip(columns(entry), row, strict=True)) for row in data.get("rowset") or []]


def test_values_of_the_login(trace: Trace) -> None:
    login = next(entry for entry in trace.relay.calls["Session.create"] if "login" in entry["path"])["reply"]["data"]
    assert login["token"]
    assert login["masterToken"]
    assert login["serverVersion"]
    assert all(login["sessionInfo"][name] for name in ("databaseName", "schemaName", "warehouseName", "roleName"))
    parameters = {item["name"]: item["value"] for item in login["parameters"]}
    assert parameters["CLIENT_STAGE_ARRAY_BINDING_THRESHOLD"] == 65280  # from so many values on, binds are uploaded
    assert {"AUTOCOMMIT", "CLIENT_TELEMETRY_ENABLED"} <= set(parameters)


def test_values_of_a_version(trace: Trace) -> None:
    shown = trace.results["model.show_versions"].iloc[0]
    assert json.loads(shown["metadata"])["metrics"] == {"acc": 1.0}
    assert {"FIRST", "DEFAULT"} <= set(json.loads(shown["aliases"]))
    assert json.loads(shown["runnable_in"]) == ["SNOWPARK_CONTAINER_SERVICES"]
    spec = yaml.safe_load(shown["model_spec"])
    assert spec["signatures"]["predict"]["inputs"][0]["name"] == "img"
    assert {"framework", "task"} <= set(json.loads(shown["model_attributes"]))
    (model,) = trace.results["registry.show_models"].to_dict("records")
    assert (model["name"], model["default_version_name"]) == ("TRACED", "V1")
    assert json.loads(model["versions"]) == ["V1", "V2"]


def test_values_of_a_function(trace: Trace) -> None:
    (function,) = trace.results["mv.show_functions"]
    assert (function["name"], function["target_method"]) == ("PREDICT", "predict")
    assert function["target_method_function_type"] == "FUNCTION"
    (shown,) = trace.results["functions by SQL"]
    assert (shown["name"], shown["return_type"]) == ("PREDICT", "OBJECT")


def test_values_of_listed_names(trace: Trace) -> None:
    """Below a stage's own name in lower case; a model's files below its version."""
    assert all(row["name"].startswith("outs/run/BATCH_INFERENCE_") for row in trace.results["LIST out"])
    assert all(re.fullmatch("[0-9a-f]{32}", row["md5"]) and row["size"] >= 0 for row in trace.results["LIST out"])
    names = [row["name"] for row in trace.results["LIST of a model"]]
    assert "versions/V1/MANIFEST.yml" in names
    assert all(name.startswith("versions/V1/") for name in names)


def test_values_of_changes_are_one_row_of_one_column(trace: Trace) -> None:
    change = re.compile(
        r"(CREATE|ALTER|DROP) (STAGE|MODEL|SERVICE|SCOPED TEMPORARY STAGE)(?! .* REFRESH)", re.IGNORECASE
    )
    entries = [entry for call in trace.relay.calls for entry in trace.relay.statements(call)]
    entries = [entry for entry in entries if change.match(entry["sql"])]
    assert len(entries) > 8
    for entry in entries:
        assert (len(columns(entry)), entry["reply"]["data"]["total"]) == (1, 1), entry["sql"]


def test_values_of_a_job(trace: Trace) -> None:
    job = trace.results["run_batch (input_stage_location, replicas)"]
    assert job.id == "MEDIA.TRACED.J_STAGED"
    (executed,) = trace.results["EXECUTE FROM (query)"]
    assert re.fullmatch(r"MEDIA\.TRACED\.BATCH_INFERENCE_[0-9A-F]{32}", executed[0].split()[3])
    execute = trace.relay.statements("run_batch (input_stage_location, replicas)")[0]["sql"]
    assert execute.endswith("NAME = MEDIA.TRACED.J_STAGED ASYNC = TRUE REPLICAS = 2")


def test_values_of_a_service(trace: Trace) -> None:
    (row,) = trace.results["DESCRIBE SERVICE"]
    assert (row["database_name"], row["schema_name"], row["name"]) == ("MEDIA", "TRACED", "J_STAGED")
    assert (row["status"], row["compute_pool"], row["target_instances"]) == ("DONE", "LOCAL_POOL", 2)
    spec = yaml.safe_load(row["spec"])["spec"]
    assert [container["name"] for container in spec["containers"]] == ["main"]
    assert isinstance(spec["volumes"], list)


def test_values_of_instances_and_pools(trace: Trace) -> None:
    instances = trace.results["instances"]
    assert [(row["instance_id"], row["status"]) for row in instances] == [("0", "DONE"), ("1", "DONE")]
    assert all(row["start_time"] for row in instances)
    (pool,) = trace.results["pools"]
    assert pool["name"] == "LOCAL_POOL"
    assert pool["max_nodes"] >= 1
    assert pool["active_nodes"] >= 0
    assert pool["instance_family"]


def test_logs_of_each_instance(trace: Trace) -> None:
    for call in ("logs of an instance", "logs of the head of two", "job.get_logs (running)"):
        assert trace.results[call].strip(), call


def test_values_of_the_job_list(trace: Trace) -> None:
    listed = trace.results["list_jobs"].set_index("name")
    assert listed.loc["J_STAGED", "status"] == "DONE"
    assert listed.loc["J_FAIL", "status"] == "FAILED"
    assert int(listed.loc["J_STAGED", "target_instances"]) == 2


def test_pitfall_01_commit_without_a_transaction(trace: Trace) -> None:
    assert not error(trace.relay.statements("commit")[0])


def test_pitfall_02_close_cancels_all_queries(trace: Trace) -> None:
    assert "system$cancel_all_queries" in trace.relay.statements("session.close")[0]["sql"].lower()
    assert "session.close" not in trace.errors


def test_pitfall_03_codes_of_missing_and_existing_jobs(trace: Trace) -> None:
    assert error(trace.relay.statements("status after delete")[0]) == "002003"
    assert "002002" in str(trace.errors["duplicate job name"])
    assert getattr(trace.errors["bad sql"], "sql_error_code", None) == 2003


def test_pitfall_04_name_in_the_reply_of_execute(trace: Trace) -> None:
    assert trace.results["run_batch (to fail)"].id == "MEDIA.TRACED.J_FAIL"


def test_pitfall_05_owner_is_the_current_role(trace: Trace) -> None:
    assert trace.results["registry.show_models"]["owner"].tolist() == ["ACCOUNTADMIN"]
    assert "mv.load" in trace.results


def test_pitfall_06_a_repeated_request_is_not_run_again(trace: Trace) -> None:
    """The connector sends a request again, with the same request id, when its answer was lost."""
    with trace.engine.connect() as connection:
        connection.cursor().execute("CREATE OR REPLACE TABLE MEDIA.PUBLIC.TRACE_ONCE (N INT)")
        body = {"sqlText": "INSERT INTO MEDIA.PUBLIC.TRACE_ONCE VALUES (1)", "sequenceId": 7}
        url = f"/queries/v1/query-request?requestId={uuid.uuid4()}"
        replies = [connection._rest._post_request(url, HEADERS, json.dumps(body), connection._rest.token) for _ in "ab"]
        assert [reply["success"] for reply in replies] == [True, True]
        assert replies[0]["data"]["queryId"] == replies[1]["data"]["queryId"]
        assert connection.cursor().execute("SELECT COUNT(*) FROM MEDIA.PUBLIC.TRACE_ONCE").fetchone() == (1,)


def test_pitfall_07_first_monitoring_answer_waits(trace: Trace) -> None:
    """A first answer of RUNNING costs the client half a second, so it comes only after a while."""
    watched = [entry for entry in trace.relay.calls["run_batch"] if entry["path"].startswith("/monitoring/queries/")]
    assert watched[-1]["reply"]["data"]["queries"][0]["status"] == "SUCCESS"
    with trace.engine.connect() as connection, connection.cursor() as cursor:

        def first_answer() -> str:
            cursor.execute_async("CALL SYSTEM$WAIT(200, MILLISECONDS)")
            return str(connection.get_query_status(str(cursor.sfqid)).name)

        # More than once: the machine may be so busy that the statement takes longer than the answer is held back.
        assert "SUCCESS" in {first_answer() for _ in range(5)}


def test_pitfall_08_asynchronous_failures_are_the_connectors(trace: Trace) -> None:
    assert isinstance(trace.errors["duplicate job name"], ProgrammingError)
    assert type(trace.errors["bad sql"]).__name__ == "SnowparkSQLException"


def test_pitfall_09_selects_are_arrow(trace: Trace) -> None:
    entry = next(entry for entry in trace.relay.statements("read.count") if "count(1)" in entry["sql"].lower())
    assert entry["reply"]["data"]["queryResultFormat"] == "arrow"


def test_pitfall_10_waiting_holds_neither_thread_nor_session(trace: Trace) -> None:
    """One connection waits many times for a job that does not end; its session and the engine go on answering."""
    process = psutil.Process(trace.engine.status.pid)
    with trace.engine.connect() as connection, endless_job(connection) as job:
        threads = process.num_threads()
        waiting = [connection.cursor() for _ in range(24)]
        for cursor in waiting:
            cursor.execute_async(f"CALL {job}!SPCS_WAIT_FOR('DONE', 120)")
        assert connection.cursor().execute("SELECT 1").fetchone() == (1,)
        assert connection.is_still_running(connection.get_query_status(str(waiting[0].sfqid)))
        assert process.num_threads() < threads + len(waiting) / 2


def test_pitfall_11_parentheses_comments_and_identifier(trace: Trace) -> None:
    assert any("IDENTIFIER(?)" in entry["sql"] for entry in trace.relay.statements("job.status"))
    assert "-- a comment with (" in trace.relay.statements("EXECUTE FROM (query)")[0]["asked"]["sqlText"]
    assert len(trace.results["its output"]) == 4


def test_pitfall_12_times_keep_their_types_through_parquet(trace: Trace) -> None:
    with trace.engine.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE STAGE MEDIA.PUBLIC.TRACE_TIMES")
        cursor.execute(
            "COPY INTO @MEDIA.PUBLIC.TRACE_TIMES/t/ FROM (SELECT '2026-03-01'::DATE AS D, "
            "'2026-03-01 10:11:12.5'::TIMESTAMP_NTZ AS T) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE"
        )
        cursor.execute(
            "CREATE OR REPLACE TEMPORARY FILE FORMAT MEDIA.PUBLIC.TRACE_PARQUET TYPE = PARQUET USE_LOGICAL_TYPE = TRUE"
        )
        cursor.execute(
            "SELECT COLUMN_NAME, TYPE FROM TABLE(INFER_SCHEMA(LOCATION => '@MEDIA.PUBLIC.TRACE_TIMES/t/', "
            "FILE_FORMAT => 'MEDIA.PUBLIC.TRACE_PARQUET')) ORDER BY ORDER_ID"
        )
        assert cursor.fetchall() == [("D", "DATE"), ("T", "TIMESTAMP_NTZ")]


def test_pitfall_13_no_server_error(trace: Trace) -> None:
    entries = [entry for call in trace.relay.calls for entry in trace.relay.statements(call)]
    failed = {entry["sql"].split(" IDENT")[0]: error(entry) for entry in entries if error(entry)}
    assert failed == {
        "DESCRIBE SERVICE": "002003",
        "select bogus from nowhere": "002003",
    }
    assert {entry["http"] for call in trace.relay.calls.values() for entry in call} == {200}


def test_pitfall_13_an_unexpected_exception_is_an_ordinary_error(trace: Trace) -> None:
    """The stage's folder became a file: nothing that the engine reckons with."""
    copy = "COPY INTO @MEDIA.PUBLIC.TRACE_BROKEN/spot/ FROM (SELECT 1 AS N) FILE_FORMAT = (TYPE = PARQUET)"
    with trace.engine.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE STAGE MEDIA.PUBLIC.TRACE_BROKEN")
        cursor.execute(copy)
        (folder,) = (path for path in trace.engine.state_dir.rglob("spot"))
        shutil.rmtree(folder.parent)
        folder.parent.write_text("no folder")
        begun = time.monotonic()
        with pytest.raises(ProgrammingError, match="error of the local engine") as failed:
            cursor.execute(copy)
        assert failed.value.errno == 603
        assert time.monotonic() - begun < 30
        assert "NotADirectoryError" in (trace.engine.state_dir / "engine.log").read_text()


def test_pitfall_14_a_job_does_not_import_again(trace: Trace) -> None:
    """Nearly all of a small job's time would be importing snowflake-ml: jobs are forked from a process that has it."""
    with trace.engine.connect() as connection, endless_job(connection):
        (imported,) = psutil.Process(trace.engine.status.pid).children()
        assert "airflow_provider_mediabatch.local.runner.fork_server" in imported.cmdline()
        jobs = imported.children()
        assert jobs
        for job in jobs:
            assert sum(job.cpu_times()[:2]) < sum(imported.cpu_times()[:2]) / 2


def test_pitfall_15_default_platforms_ask_for_packages(trace: Trace) -> None:
    asked = [entry for entry in trace.relay.statements("log_model (no target platforms)") if "packages" in entry["sql"]]
    assert asked
    assert not any(error(entry) for entry in asked)
