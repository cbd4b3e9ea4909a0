"""What the unmodified clients send and read, call by call, seen on the wire between them and the engine.

The calls run once, in order, through a recording relay; each test then looks at one call's statements, at the columns
of their replies and at what the client made of them.
"""

from __future__ import annotations

import gzip
import http.client
import http.server
import io
import json
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import forget_clients
from job_models import FILE_SIGNATURE, FileModel
from snowflake.connector.errors import ProgrammingError
from snowflake.ml._internal import platform_capabilities
from snowflake.ml.model import custom_model

MODELS = [
    "created_on",
    "name",
    "model_type",
    "database_name",
    "schema_name",
    "comment",
    "owner",
    "default_version_name",
    "versions",
    "aliases",
]
VERSIONS = [
    "created_on",
    "name",
    "aliases",
    "comment",
    "database_name",
    "schema_name",
    "model_name",
    "is_default_version",
    "functions",
    "metadata",
    "user_data",
    "model_attributes",
    "size",
    "runnable_in",
    "inference_services",
    "model_spec",
]
SERVICE = [
    "name",
    "status",
    "database_name",
    "schema_name",
    "owner",
    "compute_pool",
    "spec",
    "dns_name",
    "current_instances",
    "target_instances",
    "min_instances",
    "is_job",
    "created_on",
]
LISTED = ["name", "size", "md5", "last_modified"]
INFERRED = ["COLUMN_NAME", "TYPE", "NULLABLE", "EXPRESSION", "FILENAMES", "ORDER_ID"]
# Statement (a pattern at its beginning) -> the columns its reply must have at least; [] is a file transfer's reply.
REPLIES: dict[str, list[str]] = {
    r"CREATE (SCOPED TEMPORARY )?STAGE": ["status"],
    r"CREATE SCOPED TEMPORARY FILE FORMAT": ["status"],
    r"DROP FILE FORMAT": ["status"],
    r"(CREATE|ALTER) MODEL": ["status"],
    r"PUT|GET": [],
    r"LIST": LISTED,
    r"ALTER STAGE": ["file", "status", "description"],
    r"SHOW DATABASES": ["name"],
    r"SHOW SCHEMAS": ["name", "database_name"],
    r"SHOW MODELS": MODELS,
    r"SHOW VERSIONS": VERSIONS,
    r"SHOW FUNCTIONS IN MODEL": ["name", "arguments", "return_type", "description"],
    r"SELECT SYSTEM\$ML_PLATFORM_CAPABILITIES": ["FEATURES"],
    r"SELECT CURRENT_ROLE\(\)": ["CURRENT_ROLE()"],
    r"COPY INTO '@": ["rows_unloaded", "input_bytes", "output_bytes"],
    r"DESCRIBE SERVICE": SERVICE,
    r"DESCRIBE STAGE": ["parent_property", "property", "property_type", "property_value", "property_default"],
    r"SELECT \* FROM TABLE \( INFER_SCHEMA": INFERRED,
    r"DROP SERVICE": ["status"],
    r"REMOVE": ["name", "result"],
}


class Relay:
    """Passes requests on to the engine and keeps what was asked and answered."""

    def __init__(self, host: str, port: int) -> None:
        self.calls: dict[str, list[dict[str, Any]]] = {}
        self.call = "Session.create"
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self) -> None:
                call = relay.call
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                connection = http.client.HTTPConnection(host, port, timeout=120)
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                relay.keep(call, self.path, self.headers.get("content-encoding"), body, content)
                self.send_response(answer.status)
                for name in ("content-type", "content-encoding"):
                    if answer.headers.get(name):
                        self.send_header(name, answer.headers[name])
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_POST = relay

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keep(self, call: str, path: str, encoding: str | None, body: bytes, content: bytes) -> None:
        def loads(data: bytes) -> Any:
            return json.loads(data) if data[:1] == b"{" else {}

        asked = loads(gzip.decompress(body) if encoding == "gzip" else body)
        reply = loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
        sql = " ".join(str(asked.get("sqlText") or "").split())
        entry = {"path": path.split("?")[0], "sql": sql, "asked": asked, "reply": reply}
        self.calls.setdefault(call, []).append(entry)

    def statements(self, call: str) -> list[dict[str, Any]]:
        return [entry for entry in self.calls.get(call, []) if entry["sql"]]


class Trace:
    """All calls of the trace, run once."""

    def __init__(self, engine: Any, folder: Path) -> None:
        self.relay = Relay("127.0.0.1", engine.status.port)
        self.results: dict[str, Any] = {}
        self.errors: dict[str, Exception] = {}
        self.seconds: dict[str, float] = {}
        self.engine = engine
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._run(folder)
            except BaseException:
                self.session.close()  # left open, it would try for ever to reach a relay that is gone
                raise

    def call(self, name: str, action: Callable[[], Any], fails: bool = False) -> Any:
        self.relay.call = name
        begun = time.monotonic()
        try:
            self.results[name] = action()
        except Exception as error:
            self.errors[name] = error
            if not fails:
                raise
        self.seconds[name] = time.monotonic() - begun
        return self.results.get(name)

    def _run(self, folder: Path) -> None:
        from snowflake.ml.jobs import delete_job, get_job, list_jobs
        from snowflake.ml.model.batch_inference import InputSpec, OutputSpec
        from snowflake.ml.registry import Registry
        from snowflake.snowpark import Session

        call = self.call
        for n in range(3):
            (folder / f"f{n}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(n))
        address = {"host": "127.0.0.1", "port": self.relay.port}
        session = self.session = call(
            "Session.create", lambda: Session.builder.configs(self.engine.parameters | address).create()
        )
        session.sql("CREATE SCHEMA MEDIA.TRACED").collect()
        session.sql("USE SCHEMA MEDIA.TRACED").collect()

        def sql(text: str) -> Any:
            return session.sql(text).collect()

        call(
            "create stage",
            lambda: sql("CREATE STAGE IMGS DIRECTORY=(ENABLE=TRUE) ENCRYPTION=(TYPE='SNOWFLAKE_SSE')"),
        )
        call("create stage out", lambda: sql("CREATE STAGE OUTS"))
        call("file.put", lambda: session.file.put(f"{folder}/f*.jpg", "@IMGS/a/b", auto_compress=False, overwrite=True))
        call(
            "file.put_stream",
            lambda: session.file.put_stream(
                io.BytesIO(b"stream"), "@IMGS/a/b/stream.jpg", auto_compress=False, overwrite=True
            ),
        )
        call("file.get", lambda: session.file.get("@IMGS/a/b/f0.jpg", str(folder / "dl")))
        call("file.get_stream", lambda: session.file.get_stream("@IMGS/a/b/f1.jpg").read())
        call("list_stage_files", lambda: sql("LIST @MEDIA.TRACED.IMGS/a PATTERN = '.*f[0-9][.]jpg'"))
        call("refresh", lambda: sql("ALTER STAGE MEDIA.TRACED.IMGS REFRESH"))
        call(
            "directory",
            lambda: (
                session.sql("SELECT RELATIVE_PATH FROM DIRECTORY(@MEDIA.TRACED.IMGS)").select("RELATIVE_PATH").collect()
            ),
        )
        registry = call("Registry()", lambda: Registry(session, database_name="MEDIA", schema_name="TRACED"))
        version = call(
            "log_model",
            lambda: registry.log_model(
                FileModel(custom_model.ModelContext()),
                model_name="TRACED",
                version_name="V1",
                comment="hello",
                metrics={"acc": 1.0},
                signatures={"predict": FILE_SIGNATURE},
                target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            ),
        )
        model = call("get_model", lambda: registry.get_model("TRACED"))
        call("model.version", lambda: model.version("V1"))
        call("model.default", lambda: model.default.version_name)
        call("model.show_versions", model.show_versions)
        call("mv.show_functions", version.show_functions)
        call("mv.load", version.load)
        call("registry.show_models", registry.show_models)
        frame = call(
            "create_dataframe",
            lambda: session.create_dataframe(
                [[f"@MEDIA.TRACED.IMGS/a/b/f{n}.jpg", f"t{n}"] for n in range(3)], schema=["IMG", "TXT"]
            ),
        )

        def batch(job_name: str | None = None, **params: Any) -> Any:
            handling = {"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}}
            return version.run_batch(
                X=frame,
                compute_pool="LOCAL_POOL",
                output_spec=OutputSpec(stage_location="@MEDIA.TRACED.OUTS/run/"),
                input_spec=InputSpec(column_handling=handling, params=params or None),
                job_name=job_name,
            )

        job = call("run_batch", lambda: batch(scale=2))
        call("job.status", lambda: job.status)
        call("job.wait", lambda: job.wait(timeout=90))
        call("job.get_logs", lambda: job.get_logs())
        call("job.target_instances", lambda: job.target_instances)
        out = f"@MEDIA.TRACED.OUTS/run/{job.name}/"
        call("LIST out", lambda: sql(f"LIST {out}"))
        call("read.collect", lambda: session.read.option("pattern", ".*parquet").parquet(out).collect())
        call("read.to_pandas", lambda: session.read.option("pattern", ".*parquet").parquet(out).to_pandas())
        call("read.count", lambda: session.read.option("pattern", ".*parquet").parquet(out).count())
        endless = call("run_batch (to cancel)", lambda: batch("MEDIA.TRACED.J_CANCEL", mode="endless"))
        call("job.cancel", endless.cancel)
        call("cancelled", lambda: endless.wait(timeout=30))
        failing = call("run_batch (to fail)", lambda: batch("MEDIA.TRACED.J_FAIL", mode="fail"))
        call("failed wait", lambda: failing.wait(timeout=60))
        call("failed logs", lambda: failing.get_logs())
        call("duplicate job name", lambda: batch("MEDIA.TRACED.J_FAIL"), fails=True)
        call("get_job", lambda: get_job(job.id, session=session).status)
        call("list_jobs", lambda: list_jobs(session=session))
        # An object that knows no final status yet: it would not ask again.
        fresh = get_job("MEDIA.TRACED.J_FAIL", session=session)
        call("delete_job", lambda: delete_job("MEDIA.TRACED.J_FAIL", session=session))
        call("status after delete", lambda: fresh.status)
        call("missing model", lambda: registry.get_model("NOPE"), fails=True)
        call("bad sql", lambda: sql("select bogus from nowhere"), fails=True)
        call("commit", lambda: sql("COMMIT"))
        call("REMOVE", lambda: sql("REMOVE @OUTS/run/"))
        call("session.close", session.close)


@pytest.fixture(scope="module")
def trace(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trace]:
    # snowflake-ml asks for the platform's capabilities once a process: here they are asked for again.
    platform_capabilities.PlatformCapabilities._instance = None
    traced = Trace(engine, tmp_path_factory.mktemp("trace"))
    yield traced
    forget_clients()
    traced.relay.server.shutdown()
    traced.relay.server.server_close()


def columns(entry: dict[str, Any]) -> list[str]:
    return [column["name"] for column in (entry["reply"].get("data") or {}).get("rowtype") or []]


def error(entry: dict[str, Any]) -> str:
    return str(entry["reply"].get("code") or "") if not entry["reply"].get("success") else ""


@pytest.mark.parametrize("pattern", REPLIES)
def test_reply_has_the_columns_that_clients_read(trace: Trace, pattern: str) -> None:
    entries = [entry for call in trace.relay.calls for entry in trace.relay.statements(call)]
    matching = [entry for entry in entries if re.match(pattern + r"\b|" + pattern, entry["sql"], re.IGNORECASE)]
    matching = [entry for entry in matching if not error(entry) and entry["reply"].get("data")]
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
    "list_stage_files": lambda found: [row["name"] for row in found] == [f"imgs/a/b/f{n}.jpg" for n in range(3)],
    "directory": lambda found: len(found) == 4,
    "model.default": lambda found: found == "V1",
    "model.show_versions": lambda found: found["name"].tolist() == ["V1"] and found["comment"][0] == "hello",
    "mv.show_functions": lambda found: [function["name"] for function in found] == ["PREDICT"],
    "registry.show_models": lambda found: found["name"].tolist() == ["TRACED"],
    "job.status": lambda found: found in ("PENDING", "RUNNING", "DONE"),
    "job.wait": lambda found: found == "DONE",
    "job.target_instances": lambda found: found == 1,
    "LIST out": lambda found: any(row["name"].endswith("/_SUCCESS") for row in found),
    "read.collect": lambda found: sorted(row["TXT"] for row in found) == ["t0", "t1", "t2"],
    "read.to_pandas": lambda found: len(found) == 3,
    "read.count": lambda found: found == 3,
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


def test_pitfall_07_first_monitoring_answer_waits(trace: Trace) -> None:
    paths = [entry["path"] for entry in trace.relay.calls["run_batch"]]
    assert any(path.startswith("/monitoring/queries/") for path in paths)


def test_pitfall_08_asynchronous_failures_are_the_connectors(trace: Trace) -> None:
    assert isinstance(trace.errors["duplicate job name"], ProgrammingError)
    assert type(trace.errors["bad sql"]).__name__ == "SnowparkSQLException"


def test_pitfall_09_selects_are_arrow(trace: Trace) -> None:
    entry = next(entry for entry in trace.relay.statements("read.count") if "count(1)" in entry["sql"].lower())
    assert entry["reply"]["data"]["queryResultFormat"] == "arrow"


def test_pitfall_11_parentheses_and_identifier(trace: Trace) -> None:
    assert any("IDENTIFIER(?)" in entry["sql"] for entry in trace.relay.statements("job.status"))
    assert not any(error(entry) for entry in trace.relay.statements("run_batch"))


def test_pitfall_13_no_server_error(trace: Trace) -> None:
    codes = {error(entry) for call in trace.relay.calls for entry in trace.relay.statements(call)}
    assert codes <= {"", "002002", "002003", "333333", "333334"}
