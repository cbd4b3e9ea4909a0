"""Inference jobs through the unmodified clients: run_batch, MLJob and plain SQL."""

from __future__ import annotations

import concurrent.futures
import datetime
import time

import pytest
from job_media import unique
from snowflake.connector.errors import ProgrammingError


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


def test_a_submission_whose_name_is_taken_removes_nothing_of_the_job_that_has_it(media):
    """Both found the name free; the second ends its image build when the first's job has written its rows."""
    name = unique()
    media.sql("ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 2")
    try:
        statement = media.execute(name, mode="overwrite", blocks={"image_build": {"force_rebuild": True}})
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(media.sql, statement)
            time.sleep(1.5)
            with pytest.raises(ProgrammingError) as taken:
                media.sql(statement)
            first.result()
    finally:
        media.sql("ALTER ACCOUNT UNSET MEDIABATCH_IMAGE_BUILD_SECONDS")
    assert taken.value.errno == 2002
    assert media.wait(name) == "DONE", media.logs(name)
    assert len(media.output(f"run/{name}/")) == 10
    assert "_SUCCESS" in media.listing(f"run/{name}/")


def test_a_job_is_pending_while_its_containers_start_and_can_be_cancelled_then(media):
    name, cancelled = unique(), unique()
    media.sql("ALTER ACCOUNT SET MEDIABATCH_JOB_START_SECONDS = 1")
    try:
        began = time.monotonic()
        media.sql(media.execute(name))
        assert media.status(name) == "PENDING"
        media.sql("ALTER ACCOUNT SET MEDIABATCH_JOB_START_SECONDS = 60")
        media.sql(media.execute(cancelled))
        media.sql(f"CALL {cancelled}!spcs_cancel_job()")
        assert media.status(cancelled) == "CANCELLED"
        assert media.wait(name) == "DONE", media.logs(name)
        assert time.monotonic() - began > 1
    finally:
        media.sql("ALTER ACCOUNT UNSET MEDIABATCH_JOB_START_SECONDS")


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
    assert job.min_instances == 1
    assert "Starting inference." in job.get_logs()
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


def test_a_job_resumes_a_suspended_pool_unless_the_pool_says_otherwise(media):
    sizes = "MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS"
    media.sql(f"CREATE COMPUTE POOL RESUMED {sizes} INITIALLY_SUSPENDED = TRUE")
    media.sql(f"CREATE COMPUTE POOL ASLEEP {sizes} AUTO_RESUME = FALSE")
    media.sql("ALTER COMPUTE POOL ASLEEP SUSPEND")
    first, second = unique(), unique()
    media.sql(media.execute(second, pool="ASLEEP"))
    media.sql(media.execute(first, pool="RESUMED"))
    assert media.wait(first) == "DONE"
    (row,) = media.sql("SHOW COMPUTE POOLS LIKE 'ASLEEP'")
    assert (row["STATE"], row["AUTO_RESUME"]) == ("SUSPENDED", "false")
    assert media.status(second) == "PENDING"
    media.sql("ALTER COMPUTE POOL ASLEEP RESUME")
    assert media.wait(second) == "DONE"
    media.sql("DROP COMPUTE POOL ASLEEP")
    media.sql("DROP COMPUTE POOL RESUMED")


@pytest.mark.slow
def test_job_history_gives_the_newest_jobs_of_a_time_range(media):
    """GET_JOB_HISTORY has 100 rows unless RESULT_LIMIT says otherwise, and they are chosen before any WHERE."""
    history = "SELECT NAME FROM TABLE(snowflake.spcs.get_job_history({})) {}"
    asleep = "INITIALLY_SUSPENDED = TRUE AUTO_RESUME = FALSE"  # the jobs stay PENDING: no process is started
    media.sql(f"CREATE COMPUTE POOL HISTORY_POOL MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS {asleep}")
    try:
        names = [unique() for _ in range(102)]
        for name in names:
            media.sql(media.execute(name, pool="HISTORY_POOL"))
        newest = [row["NAME"] for row in media.sql(history.format("", ""))]
        assert set(newest) == set(names[2:])
        mine = f"WHERE NAME = '{names[0]}'"
        assert media.sql(history.format("", mine)) == []
        assert media.sql(history.format("RESULT_LIMIT => 10000", mine)) == [{"NAME": names[0]}]
        assert media.sql(history.format("RESULT_LIMIT => 1", "")) == [{"NAME": names[-1]}]
        (row,) = media.sql(f"DESCRIBE SERVICE {names[0]}")
        early, late = (
            f"'{(row['CREATED_ON'] + datetime.timedelta(milliseconds=shift)).isoformat()}'::TIMESTAMP_LTZ"
            for shift in (-1, 1)
        )
        only = f"CREATED_TIME_START => {early}, CREATED_TIME_END => {late}"
        assert media.sql(history.format(only, "")) == [{"NAME": names[0]}]
        future = "CREATED_TIME_START => DATEADD('minute', 1, CURRENT_TIMESTAMP())"
        assert media.sql(history.format(future, "")) == []
        for wrong in ("RESULT_LIMIT => 0", "RESULT_LIMIT => 10001", "LIMIT => 1", "10"):
            with pytest.raises(ProgrammingError):
                media.sql(history.format(wrong, ""))
    finally:
        media.sql("ALTER COMPUTE POOL HISTORY_POOL STOP ALL")
        media.sql("DROP COMPUTE POOL HISTORY_POOL")


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
