"""How jobs end: by themselves, by a cancellation, and when processes of theirs or of the engine are killed."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import psutil
import pytest
from job_media import Media, unique
from snowflake.connector.errors import ProgrammingError

from airflow_provider_mediabatch.local import lifecycle
from airflow_provider_mediabatch.local.runner.spec import Status
from airflow_provider_mediabatch.local.stores.jobs import job_launcher as job_processes


def test_failing_model_fails_the_job_with_its_traceback(media):
    name = unique()
    media.sql(media.execute(name, params={"mode": "fail"}))
    assert media.wait(name) == "FAILED"
    assert "ValueError: cannot read this picture" in media.logs(name)
    assert "Traceback" in media.logs(name)
    assert "_SUCCESS" not in media.listing(f"run/{name}/")


def containers(media: Media, name: str) -> list[tuple[Any, ...]]:
    columns = ("instance_id", "instance_status", "status", "message", "last_exit_code", "restart_count")
    shown = media.sql(f"SHOW SERVICE CONTAINERS IN SERVICE MEDIA.PUBLIC.{name}")
    return [tuple(row[column.upper()] for column in columns) for row in shown]


def test_the_containers_of_a_job_say_how_each_ended(media):
    well, badly = unique(), unique()
    media.sql(media.execute(well, rest="REPLICAS = 2"))
    media.sql(media.execute(badly, params={"mode": "fail"}))
    assert (media.wait(well), media.wait(badly)) == ("DONE", "FAILED")
    assert containers(media, well) == [(str(number), "SUCCEEDED", "DONE", "", 0, 0) for number in range(2)]
    assert containers(media, badly) == [("0", "FAILED", "FAILED", "ValueError: cannot read this picture", 1, 0)]


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
    family = processes_of(media.engine, name, workers=2)
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


def processes_of(engine: Any, name: str, *, workers: int) -> list[psutil.Process]:
    """The job's leading process and its workers, which it starts one by one once the job is RUNNING."""
    leader = leader_of(engine, name)
    end = time.monotonic() + 30
    while len(leader.children()) < workers and time.monotonic() < end:
        time.sleep(0.02)
    family = [leader, *leader.children(recursive=True)]
    assert len(family) == 1 + workers
    return family


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


@pytest.mark.slow
def test_a_killed_fork_server_is_replaced(own_engine):
    media = Media(own_engine)
    media.sql(media.execute("BEFORE"))
    assert media.wait("BEFORE") == "DONE"
    engine = psutil.Process(json.loads((own_engine.state_dir / "engine.json").read_text())["pid"])
    fork_server = next(p for p in engine.children() if "runner.fork_server" in " ".join(p.cmdline()))
    fork_server.kill()
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


@pytest.mark.slow
def test_stop_ends_the_jobs_of_an_engine_that_was_killed(own_engine):
    """A killed engine's jobs run on, so that a restart takes them up; a stop ends them and says so in their rows."""
    media = Media(own_engine)
    name = unique()
    media.sql(media.execute(name, params={"mode": "endless"}, blocks={"inference": {"num_workers": 2}}))
    media.wait(name, "RUNNING")
    processes = processes_of(own_engine, name, workers=2)
    engine = psutil.Process(own_engine.status.pid)
    engine.kill()
    psutil.wait_procs([engine], timeout=10)
    assert all(each.is_running() for each in processes)
    assert lifecycle.stop(own_engine.state_dir) is False  # no engine ran
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert alive == []
    assert lifecycle.stop(own_engine.state_dir) is False
    own_engine.restart()
    with own_engine.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(f"DESCRIBE SERVICE MEDIA.PUBLIC.{name}")
        row = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))
    assert row["status"] == "CANCELLED"


def test_a_job_runs_with_the_version_that_it_was_submitted_with(own_engine):
    """On Snowflake it runs from an image. Here another model has the name, and the engine was killed meanwhile."""
    media = Media(own_engine)
    sizes = "MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS"
    media.sql(f"CREATE COMPUTE POOL ASLEEP {sizes} INITIALLY_SUSPENDED = TRUE AUTO_RESUME = FALSE")
    media.sql("CREATE MODEL SHORT_LIVED WITH VERSION V1 FROM MODEL FILES VERSION V1")
    media.sql("CREATE MODEL REPLACED WITH VERSION V1 FROM MODEL FILES VERSION V1")
    names = {model: unique() for model in ("SHORT_LIVED", "REPLACED")}
    for model, name in names.items():
        media.sql(media.execute(name, model=model, pool="ASLEEP"))
    media.sql("DROP MODEL SHORT_LIVED")
    media.sql("CREATE OR REPLACE MODEL REPLACED WITH VERSION V1 FROM MODEL GROUPS VERSION V1")
    engine = psutil.Process(own_engine.status.pid)
    engine.kill()
    psutil.wait_procs([engine], timeout=10)
    own_engine.restart()
    media.session = own_engine.session()
    media.sql("ALTER COMPUTE POOL ASLEEP RESUME")
    for name in names.values():
        assert media.wait(name) == "DONE", media.logs(name)
        assert len(media.output(f"run/{name}/")) == 10
    assert not list((own_engine.state_dir / "jobs").glob("*/version")), "kept until the job is over"
