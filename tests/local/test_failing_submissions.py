"""Statements that fail while they make a job or end one: what is left is a whole job, or none."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from job_media import Media, unique
from snowflake.connector.errors import ProgrammingError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

REFUSED = "SELECT RAISE(ABORT, 'refused')"


@contextlib.contextmanager
def catalogue(media: Media) -> Iterator[sqlite3.Connection]:
    """The engine's catalogue."""
    file = media.engine.state_dir / "catalog.sqlite"
    with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        yield connection


@contextlib.contextmanager
def at(media: Media, change: str, action: str = REFUSED) -> Iterator[None]:
    """Have the engine's catalogue do something at a change: fail, as a full disk does, or what others do then.

    :param change: as a trigger names it.
    """
    name = unique("T")
    with catalogue(media) as connection:
        connection.execute(f"CREATE TRIGGER {name} {change} BEGIN {action}; END")
        try:
            yield
        finally:
            connection.execute(f"DROP TRIGGER {name}")


def failure(media: Media, sql: str) -> int | None:
    with pytest.raises(ProgrammingError) as caught:
        media.sql(sql)
    return caught.value.errno


def test_a_job_that_has_failed_when_it_is_first_polled_keeps_its_directory(media: Media) -> None:
    """ASYNC = FALSE asks for the job's end at once, and a job may be faster."""
    name = unique()
    ended = "UPDATE jobs SET status = 'FAILED', message = 'at once' WHERE id = NEW.id"
    with (
        at(media, f"AFTER UPDATE OF launched ON jobs WHEN NEW.name = '{name}'", ended),
        pytest.raises(ProgrammingError, match="ended with status FAILED: at once"),
    ):
        media.sql(media.execute(name, asynchronous="FALSE"))
    assert media.status(name) == "FAILED"
    with catalogue(media) as connection:
        ((identity,),) = connection.execute("SELECT id FROM jobs WHERE name = ?", (name,)).fetchall()
    assert (media.engine.state_dir / "jobs" / identity / "spec.json").exists()
    media.sql(f"DROP SERVICE {name}")
    assert failure(media, f"DESCRIBE SERVICE {name}") == 2003


def test_a_submission_that_cannot_be_written_down_makes_no_job(media: Media) -> None:
    name = unique()
    with at(media, "BEFORE INSERT ON job_images"):
        assert failure(media, media.execute(name)) == 603
    assert failure(media, f"DESCRIBE SERVICE {name}") == 2003
    media.sql(media.execute(name))
    assert media.wait(name) == "DONE", media.logs(name)


def test_a_job_has_its_owner_or_is_not_there(media: Media) -> None:
    """A job without an owner would be hidden from the role that submitted it, and could not be dropped by it."""
    name = unique()
    its_own = f"ON grants WHEN {{}}.kind = 'SERVICE' AND {{}}.name LIKE '%{name}'"
    with at(media, "BEFORE INSERT " + its_own.format("NEW", "NEW")):
        assert failure(media, media.execute(name)) == 603
    assert failure(media, f"DESCRIBE SERVICE {name}") == 2003
    media.sql(media.execute(name))
    assert media.wait(name) == "DONE", media.logs(name)
    with at(media, "BEFORE DELETE " + its_own.format("OLD", "OLD")):
        assert failure(media, f"DROP SERVICE {name}") == 603
    assert media.status(name) == "DONE"
    assert [row["GRANTEE_NAME"] for row in media.sql(f"SHOW GRANTS ON SERVICE {name}")] == ["ACCOUNTADMIN"]
    media.sql(f"DROP SERVICE {name}")
    with catalogue(media) as connection:
        assert connection.execute("SELECT * FROM grants WHERE name LIKE ?", (f"%{name}",)).fetchall() == []


@contextlib.contextmanager
def building(media: Media, name: str, **changes: str) -> Iterator[SnowflakeConnection]:
    """A session whose job's image is being built; at the end its statement is over."""
    media.sql("ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 3")
    folder = media.engine.state_dir / "jobs"
    before = set(folder.iterdir())
    try:
        with media.engine.connect() as connection, connection.cursor() as cursor:
            cursor.execute_async(media.execute(name, blocks={"image_build": {"force_rebuild": True}}, **changes))
            query_id = str(cursor.sfqid)
            while not set(folder.iterdir()) - before:  # the statement has checked everything
                assert connection.is_still_running(connection.get_query_status(query_id))
            yield connection
            while connection.is_still_running(connection.get_query_status(query_id)):
                time.sleep(0.1)
    finally:
        media.sql("ALTER ACCOUNT UNSET MEDIABATCH_IMAGE_BUILD_SECONDS")


def test_a_pool_that_is_dropped_during_the_image_build_gets_no_job(media: Media) -> None:
    """The job would be PENDING without end."""
    name, pool = unique(), unique("POOL")
    media.sql(f"CREATE COMPUTE POOL {pool} MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS")
    with building(media, name, pool=pool):
        media.sql(f"DROP COMPUTE POOL {pool}")
    assert failure(media, f"DESCRIBE SERVICE {name}") == 2003


def test_a_job_belongs_to_the_role_that_submitted_it(media: Media) -> None:
    """Not to the one that its session has when the image is built."""
    name, role = unique(), unique("R")
    media.sql(f"CREATE ROLE {role}")
    media.sql(f"GRANT ROLE {role} TO USER AIRFLOW")
    with building(media, name) as connection, connection.cursor() as cursor:
        cursor.execute(f"USE ROLE {role}")
    assert [row["GRANTEE_NAME"] for row in media.sql(f"SHOW GRANTS ON SERVICE {name}")] == ["ACCOUNTADMIN"]
    assert media.wait(name) == "DONE", media.logs(name)
