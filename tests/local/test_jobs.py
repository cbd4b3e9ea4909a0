"""Inference jobs through the unmodified clients: log_model, run_batch, MLJob and plain SQL."""

from __future__ import annotations

import concurrent.futures
import io
import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from job_models import FILE_SIGNATURE, GROUP_SIGNATURE, FileModel, GroupModel
from snowflake.connector.errors import ProgrammingError

from airflow_provider_mediabatch.local.jobs import processes as job_processes
from airflow_provider_mediabatch.local.runner.spec import Status


class Media:
    """Two stages with ten files and a manifest, and two models."""

    def __init__(self, running: Any) -> None:
        from snowflake.ml.registry import Registry

        self.engine = running
        self.session = running.session()
        self.sql("CREATE STAGE IMGS DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        self.sql("CREATE STAGE OUTS")
        for n in range(10):
            self.put(b"\xff\xd8\xff\xe0" + bytes(n), f"@IMGS/a/f{n}.jpg")
        self.manifest("@OUTS/manifest/", IMG=[f"@MEDIA.PUBLIC.IMGS/a/f{n}.jpg" for n in range(10)], N=list(range(10)))
        registry = Registry(self.session, database_name="MEDIA", schema_name="PUBLIC")
        platforms = {"target_platforms": ["SNOWPARK_CONTAINER_SERVICES"]}
        self.files = registry.log_model(
            FileModel(), model_name="FILES", version_name="V1", signatures={"predict": FILE_SIGNATURE}, **platforms
        )
        self.groups = registry.log_model(
            GroupModel(),
            model_name="GROUPS",
            version_name="V1",
            signatures={"summarise": GROUP_SIGNATURE},
            options={"function_type": "TABLE_FUNCTION"},
            **platforms,
        )

    def put(self, data: bytes, path: str) -> None:
        self.session.file.put_stream(io.BytesIO(data), path, auto_compress=False, overwrite=True)

    def manifest(self, location: str, **columns: Any) -> None:
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        self.put(buffer.getvalue(), f"{location}data_0.parquet")

    def sql(self, text: str, *binds: Any) -> list[dict[str, Any]]:
        """Rows by upper-case column name."""
        with self.engine.connect(paramstyle="qmark") as connection, connection.cursor() as cursor:
            cursor.execute(text, binds or None)
            names = [column.name.upper() for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, name: str | None = None, **changes: Any) -> str:
        """The statement, with parts changed."""
        spec = changes.get("spec") or json.dumps(
            {
                "output": {
                    "stage_location": changes.get("output", "@MEDIA.PUBLIC.OUTS/run/"),
                    "mode": changes.get("mode", "error"),
                },
                "input": {
                    "params": changes.get("params", {}),
                    "column_handling": {"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}},
                },
                **changes.get("blocks", {}),
            }
        )
        return (
            f"EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL {changes.get('pool', 'LOCAL_POOL')} "
            f"WITH SPECIFICATION $${spec}$$ FROM {changes.get('source', '@MEDIA.PUBLIC.OUTS/manifest/')} "
            f"MODEL = {changes.get('model', 'MEDIA.PUBLIC.FILES')} {changes.get('version', 'VERSION = V1')} "
            f"{changes.get('function', chr(39).join(['FUNCTION = ', 'predict', '']))} "
            + (f"NAME = {name} " if name else "")
            + f"ASYNC = {changes.get('asynchronous', 'TRUE')} {changes.get('rest', '')}"
        )

    def status(self, name: str) -> str:
        return str(self.sql(f"DESCRIBE SERVICE {name}")[0]["STATUS"])

    def wait(self, name: str, until: str = "", seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.status(name)
            if status == until or status not in ("PENDING", "RUNNING"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"{name} is still {status}")

    def logs(self, name: str) -> str:
        return str(next(iter(self.sql("SELECT SYSTEM$GET_SERVICE_LOGS(?, ?, ?)", name, 0, "main")[0].values())))

    def output(self, folder: str) -> list[dict[str, Any]]:
        """Rows of all Parquet parts in a folder of the output stage."""
        rows: list[dict[str, Any]] = []
        for file in self.sql(f"LIST @OUTS/{folder}"):
            path = file["NAME"].split("/", 1)[1]
            if path.endswith(".parquet"):
                rows += pq.read_table(self.session.file.get_stream(f"@OUTS/{path}")).to_pylist()
        return rows

    def listing(self, folder: str) -> list[str]:
        return [row["NAME"].rsplit("/", 1)[1] for row in self.sql(f"LIST @OUTS/{folder}")]


@pytest.fixture(scope="module")
def media(engine: Any) -> Iterator[Media]:
    media = Media(engine)
    yield media
    for row in media.sql("SHOW JOB SERVICES IN SCHEMA MEDIA.PUBLIC"):
        if row["STATUS"] in ("PENDING", "RUNNING"):
            media.sql(f"DROP SERVICE {row['NAME']}")
    media.session.close()


def unique(prefix: str = "J") -> str:
    return f"{prefix}_{uuid.uuid4().hex[:8].upper()}"


def test_job_end_to_end_by_sql(media):
    name = unique()
    began = time.monotonic()
    reply = media.sql(media.execute(f"MEDIA.PUBLIC.{name}", params={"scale": 3}))
    assert reply[0]["STATUS"].split()[3] == f"MEDIA.PUBLIC.{name}"
    assert media.wait(name) == "DONE", media.logs(name)
    assert time.monotonic() - began < 10
    assert media.listing(f"run/{name}/") == ["_SUCCESS", "part_0_0.parquet"]
    rows = media.output(f"run/{name}/")
    assert [row["size"] for row in rows] == [3 * (4 + n) for n in range(10)]
    assert [row["N"] for row in rows] == list(range(10))
    row = media.sql(f"DESCRIBE SERVICE {name}")[0]
    assert (row["DATABASE_NAME"], row["COMPUTE_POOL"], row["TARGET_INSTANCES"]) == ("MEDIA", "LOCAL_POOL", 1)
    assert "10 rows" in media.logs(name)
    assert media.sql(f"SHOW JOB SERVICES LIKE '{name}' IN SCHEMA MEDIA.PUBLIC")[0]["STATUS"] == "DONE"
    assert media.sql(f"SHOW SERVICE INSTANCES IN SERVICE {name}")[0]["INSTANCE_ID"] == "0"


def test_replicas_times_workers_are_operating_system_processes(media):
    name = unique()
    media.sql(
        media.execute(
            name,
            params={"mode": "slow"},
            blocks={"inference": {"num_workers": 2, "max_batch_rows": 1}},
            rest="REPLICAS = 2",
        )
    )
    assert media.wait(name) == "DONE", media.logs(name)
    rows = media.output(f"run/{name}/")
    assert len({row["pid"] for row in rows}) == 4
    assert sorted(row["N"] for row in rows) == list(range(10))
    assert {row["batch"] for row in rows} == {1}
    assert len(media.sql(f"SHOW SERVICE INSTANCES IN SERVICE {name}")) == 2


def test_name_is_taken_until_it_is_dropped_and_history_keeps_it(media):
    name = unique()
    media.sql(media.execute(name))
    with pytest.raises(ProgrammingError) as taken:
        media.sql(media.execute(name))
    assert taken.value.errno == 2002
    media.wait(name)
    media.sql(f"DROP SERVICE {name}")
    with pytest.raises(ProgrammingError) as gone:
        media.status(name)
    assert gone.value.errno == 2003
    with pytest.raises(ProgrammingError, match="is not empty"):
        media.sql(media.execute(name))
    media.sql(media.execute(name, mode="overwrite"))
    assert media.wait(name) == "DONE"
    assert len(media.output(f"run/{name}/")) == 10


def test_many_submissions_of_one_name_start_one_job(media):
    name = unique()
    media.sql("ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 0.3")
    try:
        statement = media.execute(name, blocks={"image_build": {"force_rebuild": True}})

        def submit(_: int) -> int:
            try:
                media.sql(statement)
            except ProgrammingError as error:
                return int(error.errno or 0)
            return 0

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(submit, range(8)))
    finally:
        media.sql("ALTER ACCOUNT UNSET MEDIABATCH_IMAGE_BUILD_SECONDS")
    assert sorted(outcomes) == [0] + [2002] * 7
    assert media.wait(name) == "DONE"
    assert len(media.output(f"run/{name}/")) == 10


def test_image_build_keeps_the_statement_and_hides_the_name(media):
    name = unique()
    media.sql("ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 1.5")
    try:
        with media.engine.connect() as connection, connection.cursor() as cursor:
            cursor.execute_async(media.execute(name, blocks={"image_build": {"force_rebuild": True}}))
            query_id = cursor.sfqid
        with pytest.raises(ProgrammingError) as early:
            media.status(name)
        assert early.value.errno == 2003
        with media.engine.connect() as connection:
            assert connection.is_still_running(connection.get_query_status(query_id))
            while connection.is_still_running(connection.get_query_status_throw_if_error(query_id)):
                time.sleep(0.1)
        assert media.wait(name) == "DONE"
        began = time.monotonic()
        second = unique()
        media.sql(media.execute(second))
        assert time.monotonic() - began < 1.2  # built before
        media.wait(second)
    finally:
        media.sql("ALTER ACCOUNT UNSET MEDIABATCH_IMAGE_BUILD_SECONDS")


def test_failing_model_fails_the_job_with_its_traceback(media):
    name = unique()
    media.sql(media.execute(name, params={"mode": "fail"}))
    assert media.wait(name) == "FAILED"
    assert "ValueError: cannot read this picture" in media.logs(name)
    assert "Traceback" in media.logs(name)
    assert "_SUCCESS" not in media.listing(f"run/{name}/")


def test_missing_file_is_named(media):
    name = unique()
    media.manifest("@OUTS/gone/", IMG=["@MEDIA.PUBLIC.IMGS/a/nothing.jpg"])
    media.sql(media.execute(name, source="@MEDIA.PUBLIC.OUTS/gone/"))
    assert media.wait(name) == "FAILED"
    assert "file not found: @MEDIA.PUBLIC.IMGS/a/nothing.jpg" in media.logs(name)


def test_synchronous_statement_waits_and_reports_failure(media):
    name = unique()
    media.sql(media.execute(name, asynchronous="FALSE", params={"mode": "slow"}))
    assert media.status(name) == "DONE"
    with pytest.raises(ProgrammingError, match="cannot read this picture"):
        media.sql(media.execute(unique(), asynchronous="FALSE", params={"mode": "fail"}))


def test_cancel_ends_all_processes(media):
    name = unique()
    media.sql(media.execute(name, params={"mode": "endless"}, blocks={"inference": {"num_workers": 2}}))
    media.wait(name, "RUNNING")
    leader = leader_of(media.engine, name)
    end = time.monotonic() + 10
    while len(leader.children()) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    family = [leader, *leader.children()]
    assert len(family) == 3
    media.sql(f"CALL MEDIA.PUBLIC.{name}!spcs_cancel_job()")
    assert media.status(name) == "CANCELLED"
    psutil.wait_procs(family, timeout=5)
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert isinstance(media.logs(name), str)


def leader_of(engine: Any, name: str) -> psutil.Process:
    for directory in (engine.state_dir / "jobs").iterdir():
        spec = json.loads((directory / "spec.json").read_text())
        if spec["job"].endswith(f".{name}"):
            process = job_processes.leader(Status.load(directory))
            assert process is not None
            return process
    raise AssertionError(f"no processes of {name}")


def test_wait_for_returns_at_the_end_or_times_out(media):
    name = unique()
    media.sql(media.execute(name, params={"mode": "endless"}))
    with pytest.raises(ProgrammingError, match="Timed out after 1 seconds"):
        media.sql(f"CALL {name}!spcs_wait_for('DONE', 1)")
    media.sql(f"CALL {name}!spcs_cancel_job()")
    assert "CANCELLED" in media.sql(f"CALL {name}!spcs_wait_for('DONE', 5)")[0]["SPCS_WAIT_FOR"]


def test_killed_job_is_an_internal_error(media):
    name = unique()
    media.sql(media.execute(name, params={"mode": "endless"}))
    media.wait(name, "RUNNING")
    os.killpg(leader_of(media.engine, name).pid, signal.SIGKILL)
    assert media.wait(name) == "INTERNAL_ERROR"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"pool": "NO_POOL"}, 2003, "NO_POOL"),
        ({"model": "MEDIA.PUBLIC.NO_MODEL"}, 2003, "NO_MODEL"),
        ({"version": "VERSION = V9"}, None, "V9"),
        ({"function": "FUNCTION = 'nope'"}, None, "nope"),
        ({"output": "@MEDIA.PUBLIC.NO_STAGE/x/"}, 2003, "NO_STAGE"),
        ({"output": "OUTS/x/"}, None, "begins with '@'"),
        ({"source": "@MEDIA.PUBLIC.NO_STAGE/x/"}, 2003, "NO_STAGE"),
        ({"source": "@MEDIA.PUBLIC.OUTS/run/x/"}, None, "must not be inside the output location"),
        ({"params": {"speed": 1}}, None, "no parameter 'speed'"),
        ({"blocks": {"inference": {"workers": 2}}}, None, "unknown key 'workers' in inference"),
        ({"blocks": {"input_spec": {}}}, None, "unknown key 'input_spec'"),
        ({"blocks": {"resources": {"gpu_requests": "1"}}}, None, "has no GPU"),
        ({"blocks": {"inference": {"engine_options": {"engine": "VLLM"}}}}, None, "not supported by the local engine"),
        ({"blocks": {"inference": {"num_workers": 0}}}, None, "num_workers"),
        ({"spec": "output: [", "output": ""}, None, "not YAML"),
        ({"rest": "REPLICAS = 0"}, None, "REPLICAS"),
        ({"rest": "COLOUR = 1"}, 1003, "COLOUR"),
    ],
)
def test_errors_come_before_anything_starts(changes, code, words, media):
    name = unique("BAD")
    with pytest.raises(ProgrammingError) as error:
        media.sql(media.execute(name, **changes))
    assert words in str(error.value)
    assert code is None or error.value.errno == code
    with pytest.raises(ProgrammingError):
        media.status(name)


def test_quoted_names_and_partition_rules_are_refused(media):
    with pytest.raises(ProgrammingError, match="must not be quoted"):
        media.sql(media.execute('MEDIA.PUBLIC."j 1"'))
    spec = "output: {stage_location: '@MEDIA.PUBLIC.OUTS/p/'}\ninput: {partition_column: N}"
    with pytest.raises(ProgrammingError, match="needs a TABLE_FUNCTION"):
        media.sql(media.execute(unique(), spec=spec))


def test_external_output_is_refused(media):
    media.sql("CREATE STAGE IF NOT EXISTS EXT URL = 's3://bucket-of-jobs/prefix/'")
    with pytest.raises(ProgrammingError, match="internal stage"):
        media.sql(media.execute(unique(), output="@MEDIA.PUBLIC.EXT/x/"))


def test_gpu_pool_can_be_made_and_runs_nothing(media):
    media.sql("CREATE COMPUTE POOL IF NOT EXISTS GPUS MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = GPU_NV_S")
    assert media.sql("SHOW COMPUTE POOLS LIKE 'GPUS'")[0]["INSTANCE_FAMILY"] == "GPU_NV_S"
    with pytest.raises(ProgrammingError, match="not supported by the local engine"):
        media.sql(media.execute(unique(), pool="GPUS"))
    media.sql("DROP COMPUTE POOL GPUS")


def test_a_full_pool_queues_jobs(media):
    media.sql("CREATE COMPUTE POOL SMALL MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS")
    first, second = unique(), unique()
    media.sql(media.execute(first, pool="SMALL", params={"mode": "endless"}))
    media.sql(media.execute(second, pool="SMALL"))
    media.wait(first, "RUNNING")
    time.sleep(0.5)
    assert media.status(second) == "PENDING"
    with pytest.raises(ProgrammingError, match="Container Status: PENDING"):
        media.logs(second)
    media.sql(f"CALL {first}!spcs_cancel_job()")
    assert media.wait(second) == "DONE"
    media.sql("DROP COMPUTE POOL SMALL")


def test_partitioned_method(media):
    media.manifest("@OUTS/grouped/", KIND=["a", "b", "a"], AMOUNT=[1.0, 2.0, 3.0])
    name = unique()
    spec = "output: {stage_location: '@MEDIA.PUBLIC.OUTS/p/'}\ninput: {partition_column: KIND}"
    source = "@MEDIA.PUBLIC.OUTS/grouped/"
    media.sql(media.execute(name, model="GROUPS", function="FUNCTION = 'summarise'", spec=spec, source=source))
    assert media.wait(name) == "DONE", media.logs(name)
    rows = {row["KIND"]: (row["total"], row["members"]) for row in media.output(f"p/{name}/")}
    assert rows == {"a": (4.0, 2), "b": (2.0, 1)}


def test_run_batch_and_mljob(media):
    from snowflake.ml.model.batch_inference import InputSpec, OutputSpec

    handling = {"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}}
    name = unique()
    job = media.files.run_batch(
        input_stage_location="@MEDIA.PUBLIC.OUTS/manifest/",
        compute_pool="LOCAL_POOL",
        output_spec=OutputSpec(stage_location="@MEDIA.PUBLIC.OUTS/ml/"),
        input_spec=InputSpec(column_handling=handling, params={"scale": 2}),
        job_name=f"MEDIA.PUBLIC.{name}",
        replicas=2,
    )
    assert job.wait(timeout=60) == "DONE"
    assert "rows" in job.get_logs(verbose=True)
    assert job.target_instances == 2
    assert len(media.output(f"ml/{name}/")) == 10


def test_run_batch_with_a_dataframe_and_raw_query(media):
    from snowflake.ml.model.batch_inference import InputSpec, OutputSpec

    handling = {"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}}
    frame = media.session.create_dataframe(
        [["@MEDIA.PUBLIC.IMGS/a/f0.jpg"], ["@MEDIA.PUBLIC.IMGS/a/f1.jpg"]], schema=["IMG"]
    )
    job = media.files.run_batch(
        X=frame,
        compute_pool="LOCAL_POOL",
        output_spec=OutputSpec(stage_location="@MEDIA.PUBLIC.OUTS/df/"),
        input_spec=InputSpec(column_handling=handling),
    )
    assert job.wait(timeout=60) == "DONE"
    assert len(media.output(f"df/{job.name}/")) == 2
    name = unique()
    query = "(SELECT '@MEDIA.PUBLIC.IMGS/a/f' || COLUMN1 || '.jpg' AS IMG, 'x' AS TAG FROM VALUES (1), (2), (3))"
    media.sql(media.execute(name, source=query))
    assert media.wait(name) == "DONE", media.logs(name)
    assert sorted(row["size"] for row in media.output(f"run/{name}/")) == [5, 6, 7]


def test_job_history_shows_dropped_jobs(media):
    from snowflake.ml import jobs

    name = unique()
    media.sql(media.execute(name))
    media.wait(name)
    job = jobs.get_job(f"MEDIA.PUBLIC.{name}", session=media.session)
    assert job.status == "DONE"
    assert name in set(jobs.list_jobs(session=media.session)["name"])
    media.sql(f"DROP SERVICE {name}")
    query = "SELECT STATUS FROM TABLE(snowflake.spcs.get_job_history()) WHERE NAME = ?"
    assert media.sql(query, name) == [{"STATUS": "DELETED"}]


def test_metrics_logs_and_statuses_as_tables(media):
    name = unique()
    media.sql(media.execute(name, params={"mode": "endless"}))
    media.wait(name, "RUNNING")
    end = time.monotonic() + 10
    while not (rows := media.sql(f"SELECT * FROM TABLE(MEDIA.PUBLIC.{name}!SPCS_GET_METRICS())")):
        assert time.monotonic() < end
    assert {row["METRIC_NAME"] for row in rows} == {"container.cpu.usage.total", "container.memory.usage"}
    query = f"SELECT LOG FROM TABLE({name}!SPCS_GET_LOGS()) WHERE INSTANCE_ID = 0 AND LOG LIKE '%model loaded%'"
    while not media.sql(query):
        assert time.monotonic() < end
    assert name in {row["NAME"] for row in media.sql("SHOW JOB SERVICES IN COMPUTE POOL LOCAL_POOL")}
    assert name in {row["NAME"] for row in media.sql("SHOW SERVICES IN ACCOUNT")}
    assert media.sql("SHOW SERVICES EXCLUDE JOBS") == []
    assert media.sql("SHOW COMPUTE POOLS LIKE 'LOCAL_POOL'")[0]["ACTIVE_NODES"] >= 1
    media.sql(f"DROP SERVICE {name}")
    assert media.sql("SHOW IMAGE REPOSITORIES IN ACCOUNT") == []


def test_a_role_needs_its_privileges_and_does_not_see_others_jobs(media):
    role = unique("R")
    name = unique()
    media.sql(f"CREATE ROLE {role}")
    media.sql(f"GRANT ROLE {role} TO USER AIRFLOW")
    needed = ["USAGE ON DATABASE MEDIA", "USAGE ON SCHEMA MEDIA.PUBLIC", "USAGE ON COMPUTE POOL LOCAL_POOL"]
    needed += ["CREATE SERVICE ON SCHEMA MEDIA.PUBLIC", "READ ON MODEL MEDIA.PUBLIC.FILES"]
    needed += ["READ ON STAGE MEDIA.PUBLIC.OUTS", "WRITE ON STAGE MEDIA.PUBLIC.OUTS"]
    with media.engine.connect(role=role) as connection, connection.cursor() as cursor:
        for grant in needed:
            with pytest.raises(ProgrammingError) as refused:
                cursor.execute(media.execute(name))
            assert refused.value.errno in (2003, 3001)
            media.sql(f"GRANT {grant} TO ROLE {role}")
        cursor.execute(media.execute(name))
        cursor.execute(f"DESCRIBE SERVICE {name}")
        other = unique()
        media.sql(media.execute(other))
        with pytest.raises(ProgrammingError) as hidden:
            cursor.execute(f"DESCRIBE SERVICE {other}")
        assert hidden.value.errno == 2003
        cursor.execute("SHOW JOB SERVICES")
        assert {row[0] for row in cursor.fetchall()} == {name}
    assert media.wait(name) == media.wait(other) == "DONE"


def test_fault_plan_decides_how_jobs_end(own_engine):
    rules = [
        {"job": "^FAIL", "action": "job_failed"},
        {"job": "^BREAK", "action": "job_internal_error"},
        {"job": "^STUCK", "action": "job_stuck_pending"},
    ]
    (own_engine.state_dir / "faults.json").write_text(json.dumps({"rules": rules}))
    media = Media(own_engine)
    for name in ("FAIL_1", "BREAK_1", "STUCK_1", "FINE_1"):
        media.sql(media.execute(name))
    assert media.wait("FAIL_1") == "FAILED"
    assert media.wait("BREAK_1") == "INTERNAL_ERROR"
    assert media.wait("FINE_1") == "DONE"
    assert "_SUCCESS" not in media.listing("run/FAIL_1/")
    assert media.status("STUCK_1") == "PENDING"
    media.sql("CALL STUCK_1!spcs_cancel_job()")
    assert media.status("STUCK_1") == "CANCELLED"


def test_a_killed_fork_server_is_replaced(own_engine):
    media = Media(own_engine)
    media.sql(media.execute("BEFORE"))
    assert media.wait("BEFORE") == "DONE"
    engine = psutil.Process(json.loads((own_engine.state_dir / "engine.json").read_text())["pid"])
    zygote = next(p for p in engine.children() if "runner.zygote" in " ".join(p.cmdline()))
    zygote.kill()
    media.sql(media.execute("AFTER"))
    assert media.wait("AFTER") == "DONE"


def test_jobs_survive_the_engine(own_engine):
    media = Media(own_engine)
    finished, running, queued = "J_FINISHED", "J_RUNNING", "J_QUEUED"
    media.sql(media.execute(finished))
    media.wait(finished)
    media.sql("ALTER COMPUTE POOL LOCAL_POOL SET MIN_NODES = 1 MAX_NODES = 1")
    media.sql(media.execute(running, params={"mode": "slow"}, blocks={"inference": {"max_batch_rows": 1}}))
    media.sql(media.execute(queued))
    media.wait(running, "RUNNING")
    with own_engine.connect() as connection, connection.cursor() as cursor:
        media.sql("ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 30")
        cursor.execute_async(media.execute("J_BUILDING", blocks={"image_build": {"force_rebuild": True}}))
        building = cursor.sfqid
    time.sleep(0.3)
    os.kill(json.loads((own_engine.state_dir / "engine.json").read_text())["pid"], signal.SIGKILL)
    time.sleep(0.3)
    own_engine.restart()
    media.session = own_engine.session()
    assert media.status(finished) == "DONE"
    assert media.wait(running) == "DONE"
    assert media.wait(queued) == "DONE"
    assert len(media.output(f"run/{running}/")) == len(media.output(f"run/{queued}/")) == 10
    assert "rows" in media.logs(running)
    with pytest.raises(ProgrammingError) as absent:
        media.status("J_BUILDING")
    assert absent.value.errno == 2003
    with own_engine.connect() as connection, pytest.raises(ProgrammingError):
        connection.get_query_status_throw_if_error(building)
