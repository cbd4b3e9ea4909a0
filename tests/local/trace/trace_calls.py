"""Every call of the clients that the engine serves, run once, in order, through the recording relay."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from job_models import FILE_SIGNATURE, FileModel
from snowflake.ml.model import custom_model
from trace_relay import Relay

HANDLING = {"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}}
FROM_QUERY = """EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL LOCAL_POOL
WITH SPECIFICATION 'input:
  column_handling:
    IMG: {input_format: full_stage_path, convert_to: raw_bytes}
output: {stage_location: "@MEDIA.TRACED.OUTS/sql/", mode: error}
' -- a comment with (a parenthesis
FROM (SELECT '@MEDIA.TRACED.IMGS/' || RELATIVE_PATH AS IMG, (RELATIVE_PATH) AS TXT
      FROM DIRECTORY(@MEDIA.TRACED.IMGS) WHERE RELATIVE_PATH LIKE 'a/%')
MODEL = MEDIA.TRACED.TRACED VERSION = V1 FUNCTION = 'predict' ASYNC = FALSE"""


class Trace:
    """All calls, run once: their results and errors, and on the relay what went over the wire."""

    def __init__(self, engine: Any, folder: Path) -> None:
        self.relay = Relay("127.0.0.1", engine.status.port)
        self.results: dict[str, Any] = {}
        self.errors: dict[str, Exception] = {}
        self.engine = engine
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._run(folder)
            except BaseException:
                self.session.close()  # left open, it would try for ever to reach a relay that is gone
                raise

    def call(self, name: str, action: Callable[[], Any], fails: bool = False) -> Any:
        """Run one call under its name; the calls that are to fail keep their error."""
        self.relay.call = name
        try:
            self.results[name] = action()
        except Exception as error:
            self.errors[name] = error
            if not fails:
                raise
        self.relay.call = "between calls"
        return self.results.get(name)

    def sql(self, text: str) -> Any:
        return self.session.sql(text).collect()

    def _run(self, folder: Path) -> None:
        from snowflake.snowpark import Session

        address = {"host": "127.0.0.1", "port": self.relay.port}
        self.session = self.call(
            "Session.create", lambda: Session.builder.configs(self.engine.parameters | address).create()
        )
        self.sql("CREATE SCHEMA MEDIA.TRACED")
        self.sql("USE SCHEMA MEDIA.TRACED")
        self._stages(folder)
        self._models()
        self._jobs()
        self._unusual_jobs()
        self._endings()

    def _stages(self, folder: Path) -> None:
        from snowflake.ml.utils.stage_file import list_stage_files, list_stage_files_from_directory_tables

        call, session = self.call, self.session
        for n in range(3):
            (folder / f"f{n}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(n))
        call(
            "create stage",
            lambda: self.sql("CREATE STAGE IMGS DIRECTORY=(ENABLE=TRUE) ENCRYPTION=(TYPE='SNOWFLAKE_SSE')"),
        )
        call("create stage out", lambda: self.sql("CREATE STAGE OUTS"))
        call("file.put", lambda: session.file.put(f"{folder}/f*.jpg", "@IMGS/a/b", auto_compress=False, overwrite=True))
        call(
            "file.put_stream",
            lambda: session.file.put_stream(
                io.BytesIO(b"stream"), "@IMGS/a/b/stream.jpg", auto_compress=False, overwrite=True
            ),
        )
        call("file.get", lambda: session.file.get("@IMGS/a/b/f0.jpg", str(folder / "dl")))
        call("file.get_stream", lambda: session.file.get_stream("@IMGS/a/b/f1.jpg").read())
        call(
            "list_stage_files",
            lambda: list_stage_files(session, "@MEDIA.TRACED.IMGS/a", pattern=".*f[0-9][.]jpg").collect(),
        )
        call(
            "list_stage_files_from_directory_tables",
            lambda: list_stage_files_from_directory_tables(session, "@MEDIA.TRACED.IMGS").collect(),
        )

    def _models(self) -> None:
        from snowflake.ml.registry import Registry

        call = self.call
        self.registry = registry = call(
            "Registry()", lambda: Registry(self.session, database_name="MEDIA", schema_name="TRACED")
        )

        def log(version: str, **options: Any) -> Any:
            return registry.log_model(
                FileModel(custom_model.ModelContext()),
                model_name="TRACED",
                version_name=version,
                signatures={"predict": FILE_SIGNATURE},
                **options,
            )

        platform = {"target_platforms": ["SNOWPARK_CONTAINER_SERVICES"]}
        self.version = version = call("log_model", lambda: log("V1", comment="hello", metrics={"acc": 1.0}, **platform))
        call("log_model (2nd version)", lambda: log("V2", **platform))
        model = call("get_model", lambda: registry.get_model("TRACED"))
        call("model.version", lambda: model.version("V1"))
        call("model.default", lambda: model.default.version_name)
        call("model.show_versions", model.show_versions)
        call("mv.show_functions", version.show_functions)
        call("mv.show_functions (again)", version.show_functions)
        call("functions by SQL", lambda: self.sql("SHOW FUNCTIONS IN MODEL TRACED VERSION V1"))
        call("LIST of a model", lambda: self.sql("LIST 'snow://model/MEDIA.TRACED.TRACED/versions/V1/'"))
        call("mv.load", lambda: version.load(force=True))
        call("mv.load (checked)", version.load)
        call("registry.show_models", registry.show_models)
        call("log_model (no target platforms)", lambda: log("V3"))
        self.sql("ALTER MODEL TRACED VERSION V2 SET ALIAS = CHOSEN")
        call("model.version (alias)", lambda: model.version("CHOSEN").version_name)

    def batch(self, job_name: str | None = None, **params: Any) -> Any:
        from snowflake.ml.model.batch_inference import InputSpec, OutputSpec

        return self.version.run_batch(
            X=self.frame,
            compute_pool="LOCAL_POOL",
            output_spec=OutputSpec(stage_location="@MEDIA.TRACED.OUTS/run/"),
            input_spec=InputSpec(column_handling=HANDLING, params=params or None),
            job_name=job_name,
        )

    def _jobs(self) -> None:
        call, session = self.call, self.session
        self.frame = call(
            "create_dataframe",
            lambda: session.create_dataframe(
                [[f"@MEDIA.TRACED.IMGS/a/b/f{n}.jpg", f"t{n}"] for n in range(3)], schema=["IMG", "TXT"]
            ),
        )
        call(
            "create_dataframe (512 cells)",
            lambda: session.create_dataframe([[n, f"t{n}"] for n in range(256)], schema=["A", "B"]).collect(),
        )
        job = self.job = call("run_batch", lambda: self.batch(scale=2, mode="slow"))
        call("job.status", lambda: job.status)
        call("job.wait", lambda: job.wait(timeout=90))
        call("job.get_logs", lambda: job.get_logs())
        call("job.get_logs (limit)", lambda: job.get_logs(limit=5))
        call("job.target_instances", lambda: job.target_instances)
        out = f"@MEDIA.TRACED.OUTS/run/{job.name}/"
        call("LIST out", lambda: self.sql(f"LIST {out}"))
        call("read.collect", lambda: session.read.option("pattern", ".*parquet").parquet(out).collect())
        call("read.to_pandas", lambda: session.read.parquet(out).to_pandas())
        call("read.count", lambda: session.read.parquet(out).count())

    def _unusual_jobs(self) -> None:
        from snowflake.ml.model.batch_inference import InputSpec, OutputSpec

        call, session, version = self.call, self.session, self.version
        call(
            "COPY INTO input stage",
            lambda: self.frame.write.copy_into_location(
                "@MEDIA.TRACED.IMGS/inp/", file_format_type="parquet", overwrite=True, header=True
            ),
        )
        staged = call(
            "run_batch (input_stage_location, replicas)",
            lambda: version.run_batch(
                input_stage_location="@MEDIA.TRACED.IMGS/inp/",
                compute_pool="LOCAL_POOL",
                output_spec=OutputSpec(stage_location="@MEDIA.TRACED.OUTS/run/"),
                input_spec=InputSpec(column_handling=HANDLING),
                job_name="MEDIA.TRACED.J_STAGED",
                replicas=2,
            ),
        )
        call("wait for two replicas", lambda: staged.wait(timeout=60))
        call("logs of an instance", lambda: staged.get_logs(instance_id=1))
        call("logs of the head of two", lambda: staged.get_logs())
        call("DESCRIBE SERVICE", lambda: self.sql("DESCRIBE SERVICE MEDIA.TRACED.J_STAGED"))
        call("instances", lambda: self.sql("SHOW SERVICE INSTANCES IN SERVICE MEDIA.TRACED.J_STAGED"))
        call("pools", lambda: session.sql("SHOW COMPUTE POOLS LIKE ?", params=["LOCAL_POOL"]).collect())
        call("read staged", lambda: session.read.parquet("@MEDIA.TRACED.OUTS/run/J_STAGED/").collect())
        call(
            "run_batch (synchronous)",
            lambda: (
                version.run_batch(
                    X=self.frame,
                    compute_pool="LOCAL_POOL",
                    output_spec=OutputSpec(stage_location="@MEDIA.TRACED.OUTS/sync/"),
                    input_spec=InputSpec(column_handling=HANDLING),
                    async_=False,
                ).status
            ),
        )
        call("EXECUTE FROM (query)", lambda: self.sql(FROM_QUERY))
        call("raw result", lambda: self.sql("LIST @OUTS/sql/"))
        call("its output", lambda: session.read.parquet("@MEDIA.TRACED.OUTS/sql/").collect())

    def _endings(self) -> None:
        from snowflake.ml.jobs import delete_job, get_job, list_jobs

        call, session = self.call, self.session
        endless = call("run_batch (to cancel)", lambda: self.batch("MEDIA.TRACED.J_CANCEL", mode="endless"))
        while endless.status == "PENDING":
            time.sleep(0.1)
        call("job.get_logs (running)", lambda: endless.get_logs())
        call("job.cancel", endless.cancel)
        call("cancelled", lambda: endless.wait(timeout=30))
        failing = call("run_batch (to fail)", lambda: self.batch("MEDIA.TRACED.J_FAIL", mode="fail"))
        call("failed wait", lambda: failing.wait(timeout=60))
        call("failed logs", lambda: failing.get_logs())
        call("duplicate job name", lambda: self.batch("MEDIA.TRACED.J_FAIL"), fails=True)
        call("get_job", lambda: get_job(self.job.id, session=session).status)
        call("list_jobs", lambda: list_jobs(session=session))
        # An object that knows no final status yet: it would not ask again.
        fresh = get_job("MEDIA.TRACED.J_FAIL", session=session)
        call("delete_job", lambda: delete_job("MEDIA.TRACED.J_FAIL", session=session))
        call("status after delete", lambda: fresh.status)
        call("missing model", lambda: self.registry.get_model("NOPE"), fails=True)
        call("bad sql", lambda: self.sql("select bogus from nowhere"), fails=True)
        call("commit", lambda: self.sql("COMMIT"))
        call("REMOVE", lambda: self.sql("REMOVE @OUTS/run/"))
        call("session.close", session.close)
