"""Statements that fail while they make a job or end one: what is left is a whole job, or none."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest
from job_media import Media, unique
from snowflake.connector.errors import ProgrammingError

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
