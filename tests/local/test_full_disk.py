"""A disk that is full: nothing half-written is listed, and what reads and makes room goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from snowflake.connector.errors import ProgrammingError

from airflow_provider_mediabatch.local import lifecycle
from tests.conftest import RunningEngine


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as opened:
        while True:
            opened.write(b"x" * 4096)


@pytest.mark.slow
def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    running = RunningEngine(small_disk / "state")
    (tmp_path / "small.bin").write_bytes(b"x" * 1000)
    (tmp_path / "large.bin").write_bytes(b"x" * 80 * 2**20)
    with running.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE STAGE S ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        cursor.execute("CREATE TABLE T AS SELECT 1 AS N")
        cursor.execute(f"PUT 'file://{tmp_path}/small.bin' @S AUTO_COMPRESS = FALSE")
        with pytest.raises(ProgrammingError, match="PUT needs 83886080 bytes, and the disk"):
            cursor.execute(f"PUT 'file://{tmp_path}/large.bin' @S AUTO_COMPRESS = FALSE")
        with pytest.raises(OSError, match="No space left"):
            fill(small_disk / "fill")
        assert [row[0] for row in cursor.execute("LIST @S").fetchall()] == ["s/small.bin"]
        assert cursor.execute("SELECT N FROM T").fetchall() == [(1,)]
        assert cursor.execute("REMOVE @S").fetchall() == [("s/small.bin", "removed")]
        with pytest.raises(ProgrammingError, match="PUT needs 1000 bytes"):
            cursor.execute(f"PUT 'file://{tmp_path}/small.bin' @S/again AUTO_COMPRESS = FALSE")
        assert cursor.execute("LIST @S").fetchall() == []
    assert lifecycle.stop(running.state_dir)
    (small_disk / "fill").unlink()
    running.restart()
    with running.connect() as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT N FROM T").fetchall() == [(1,)]
    running.stop()
