"""Jobs in the catalogue, without their processes: what changes them at the same moment, and what fails then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from airflow_provider_mediabatch.local.catalog import Catalog
from airflow_provider_mediabatch.local.defaults import COMPUTE_POOL, DATABASE, ROLE, SCHEMA
from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.faults import Faults
from airflow_provider_mediabatch.local.runner.spec import RunSpec
from airflow_provider_mediabatch.local.stores.jobs.job import Job
from airflow_provider_mediabatch.local.stores.jobs.store import JobStore
from airflow_provider_mediabatch.local.stores.privileges import Privileges


@pytest.fixture
def jobs(tmp_path: Path) -> JobStore:
    """The jobs of an engine that starts no process: each stays PENDING."""
    catalog = Catalog(tmp_path / "catalog.sqlite")
    return JobStore(catalog, tmp_path, Faults(tmp_path), Privileges(catalog))


def submit(jobs: JobStore, name: str, *, asynchronous: bool = True) -> Job:
    """Make a job of this name."""
    directory = jobs.new_directory()
    job = Job(
        id=directory.name,
        database=DATABASE,
        schema=SCHEMA,
        name=name,
        owner=ROLE,
        compute_pool=COMPUTE_POOL,
        query_id="",
        asynchronous=int(asynchronous),
        replicas=1,
        workers=1,
        model="M",
        version="V",
        function="predict",
        output="@S/",
        specification="",
        created=0.0,
    )
    return jobs.create(job, RunSpec("", "", "", "", "predict", []))


def status(jobs: JobStore, name: str) -> str | None:
    return jobs.get(DATABASE, SCHEMA, name).status


def fail_changes(jobs: JobStore, change: str) -> None:
    """Have the catalogue refuse a change, as a full disk does.

    :param change: as a trigger names it.
    """
    jobs.catalog.connect().execute(f"CREATE TRIGGER refused BEFORE {change} BEGIN SELECT RAISE(ABORT, 'refused'); END")


def test_a_job_whose_directory_is_gone_ends_and_gives_its_name_back(jobs: JobStore) -> None:
    for name in ("CANCELLED", "DROPPED"):
        shutil.rmtree(jobs.folder / submit(jobs, name).id)
    jobs.cancel(jobs.get(DATABASE, SCHEMA, "CANCELLED"))
    assert status(jobs, "CANCELLED") == "CANCELLED"
    jobs.drop(jobs.get(DATABASE, SCHEMA, "DROPPED"))
    jobs.check_free(DATABASE, SCHEMA, "DROPPED")
    submit(jobs, "DROPPED")


def test_a_job_that_cannot_be_started_at_once_is_there(jobs: JobStore) -> None:
    """The supervisor starts it later."""
    fail_changes(jobs, "UPDATE OF launched ON jobs")
    assert submit(jobs, "LATER").launched is None
    assert status(jobs, "LATER") == "PENDING"
    jobs.catalog.connect().execute("DROP TRIGGER refused")
    submit(jobs, "NEXT")
    assert jobs.get(DATABASE, SCHEMA, "LATER").launched is not None


def test_cancelling_all_jobs_goes_on_after_one_that_fails(jobs: JobStore) -> None:
    for name in ("A", "B", "C"):
        submit(jobs, name)
    fail_changes(jobs, "UPDATE OF status ON jobs WHEN NEW.name = 'B'")
    jobs.cancel_all()
    jobs.catalog.connect().execute("DROP TRIGGER refused")
    assert [status(jobs, name) for name in ("A", "B", "C")] == ["CANCELLED"] * 3


def test_a_job_that_was_dropped_meanwhile_does_not_exist(jobs: JobStore) -> None:
    """A statement has read the job's row, and waits until another one has dropped it."""
    row = submit(jobs, "J")
    jobs.drop(row)
    for change in (jobs.cancel, jobs.drop):
        with pytest.raises(SnowflakeError) as gone:
            change(row)
        assert gone.value.code == 2003
    assert list(jobs.folder.iterdir()) == []


def test_a_statement_waits_for_its_own_job_and_not_for_the_next_of_its_name(jobs: JobStore) -> None:
    first = submit(jobs, "J", asynchronous=False)
    answer = jobs.answer(first)
    assert answer.poll() is None
    jobs.drop(first)
    jobs.cancel(submit(jobs, "J", asynchronous=False))
    with pytest.raises(SnowflakeError) as gone:
        answer.poll()
    assert gone.value.code == 2003


def test_a_pool_is_dropped_when_its_jobs_are_over(jobs: JobStore) -> None:
    submit(jobs, "J")
    with pytest.raises(SnowflakeError, match="it has running jobs"):
        jobs.drop_pool(COMPUTE_POOL)
    jobs.cancel(jobs.get(DATABASE, SCHEMA, "J"))
    jobs.drop_pool(COMPUTE_POOL)
    with pytest.raises(SnowflakeError) as gone:
        submit(jobs, "NEXT")
    assert gone.value.code == 2003
    jobs.check_free(DATABASE, SCHEMA, "NEXT")
