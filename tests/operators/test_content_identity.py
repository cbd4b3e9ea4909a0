"""Which files are new: by digest, and by time where there is none; by LIST and by directory table, on the engine."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from operators.job_requests import Instance

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.selection import Window
from airflow_provider_mediabatch.ledger import new_files
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.ledger.claims import resolve_subject
from airflow_provider_mediabatch.ledger.ledger import Ledger
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator

LARGE = 1_000_001
FIRST_OF_MARCH = datetime(2024, 3, 1, 10, 0, 7, tzinfo=UTC)


@dataclass
class Stage:
    """An internal stage of the test's own with a directory table, and a ledger."""

    media: Any
    connection: Any
    conn_id: str
    name: str
    folder: Path

    def put(self, name: str, content: bytes, *, at: datetime | None = None) -> None:
        """Upload a file, over one of that name.

        :param at: its last modification.
        """
        (self.folder / name).write_bytes(content)
        source = self.folder / name
        rows(self.connection, f"PUT 'file://{source}' @{self.name} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
        if at is not None:
            (staged,) = (self.media.engine.state_dir / "stages").glob(f"*/{name}")
            os.utime(staged, (at.timestamp(), at.timestamp()))
        rows(self.connection, f"ALTER STAGE {self.name} REFRESH")

    def list(self, source: str, **arguments: Any) -> Manifest:
        """Each listing is a run of its own."""
        operator = ListStageFilesOperator(
            task_id="list",
            snowflake_conn_id=self.conn_id,
            stage_path=f"@{self.name}/",
            manifest_location=self.media.work,
            model_name=self.media.model,
            ledger=f"{self.name}_LEDGER",
            source=source,
            select="new",
            **arguments,
        )
        ti = Instance.model_construct(
            dag_id="dag", task_id="list", run_id=uuid.uuid4().hex, map_index=-1, try_number=1, task=operator
        )
        context: Any = {"ti": ti}
        return Manifest.from_xcom(json.loads(json.dumps(operator.execute(context))))

    def rows(self, manifest: Manifest) -> dict[str, dict[str, Any]]:
        """What the manifest's Parquet has, by file name."""
        staged = StagedParquet(self.connection, "MEDIA.PUBLIC")
        relation = staged.relation(manifest.location, staged.columns(manifest.location))
        return {row["IMG"].rpartition("/")[2]: row for row in staged.rows(f"SELECT * FROM {relation}")}

    def do(self, source: str) -> dict[str, dict[str, Any]]:
        """List what is new, and record it as done."""
        manifest = self.list(source)
        files = manifest.row_count
        done = BatchResult("D.S.J", "@D.S.O/J/", files, files, 1.0, "p", self.media.model, "V1", "predict")
        ClaimedRows(self.connection, manifest).record_done(None, done)
        return self.rows(manifest)

    def nothing_is_new(self, source: str, found: str) -> None:
        with pytest.raises(AirflowSkipException, match=found):
            self.list(source)


@pytest.fixture
def made(media: Any, connection: Any, conn_id: str, tmp_path: Path) -> Stage:
    return Stage(media, connection, conn_id, f"ID_{uuid.uuid4().hex[:8]}".upper(), tmp_path)


@pytest.fixture
def stage(made: Stage) -> Iterator[Stage]:
    """A stage on which large files have no MD5."""
    rows(
        made.connection,
        f"CREATE STAGE {made.name} DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
    )
    rows(made.connection, f"ALTER ACCOUNT SET MEDIABATCH_NO_MD5_ABOVE_BYTES = {LARGE - 1}")
    yield made
    rows(made.connection, "ALTER ACCOUNT UNSET MEDIABATCH_NO_MD5_ABOVE_BYTES")


def test_a_large_file_without_md5_goes_by_size_and_time(stage: Stage) -> None:
    name = f"{stage.name}.bin"  # of this test alone, so that its time can be set on the engine's disk
    stage.put(name, b"a" * LARGE, at=FIRST_OF_MARCH)
    stage.put("small.bin", b"abc")
    found = stage.do("list")
    seconds = int(FIRST_OF_MARCH.timestamp())
    assert {key: row["MB_CONTENT_ID"] for key, row in found.items()} == {
        name: f":{LARGE}:{seconds}",
        "small.bin": "900150983cd24fb0d6963f7d28e17f72:3",
    }
    assert found[name]["MB_LAST_MODIFIED"] == FIRST_OF_MARCH.replace(tzinfo=None)
    stage.nothing_is_new("directory", "2 files found, 2 done")

    stage.put(name, b"b" * LARGE)
    assert list(stage.do("directory")) == [name], "other content of the same size"
    stage.nothing_is_new("list", "2 files found, 2 done")
    ledger = rows(
        stage.connection,
        f"SELECT CONTENT_ID_KIND AS KIND, COUNT(*) AS N FROM {stage.name}_LEDGER GROUP BY 1 ORDER BY 1",
    )
    assert [(row["KIND"], row["N"]) for row in ledger] == [("last_modified", 2), ("md5", 1)]


def test_a_stage_encrypted_by_the_client_knows_the_encrypted_file(made: Stage) -> None:
    rows(made.connection, f"CREATE STAGE {made.name} DIRECTORY = (ENABLE = TRUE)")
    made.put("empty.bin", b"")
    made.put("picture.bin", b"x" * 40)
    manifest = made.list("directory")
    assert (manifest.row_count, manifest.zero_byte_files, manifest.total_bytes) == (1, 1, 48)
    assert list(made.rows(manifest)) == ["picture.bin"], "an empty file has 16 bytes there"
    subject = resolve_subject(made.connection, made.media.model, "V1", "predict")[1]
    counted = new_files.count_by_ledger(
        made.connection,
        StageSource("IMG", resolve_stage_path(made.connection, f"@{made.name}/", "stage_path")),
        Ledger(made.connection, f"{made.name}_NONE"),
        subject=subject,
        window=Window(),
    )
    assert (counted.count, counted.size) == (1, 48)
    made.nothing_is_new("list", "2 files found, 1 claimed, 1 empty")
    made.put("picture.bin", b"x" * 40)
    assert list(made.do("list")) == ["picture.bin"], "the same file is new when it is uploaded again"
