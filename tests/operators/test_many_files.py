"""Many files: what goes through XCom, statements and the watcher's cursor stay small."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from operators.job_requests import Instance, statements

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger import new_files
from airflow_provider_mediabatch.ledger.stage_watermark import StageWatermark
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator

XCOM_LIMIT = 48 * 1024


class Crowd:
    """A stage of many files, in folders ``half0`` and ``half1``."""

    def __init__(self, media: Any, connection: Any, conn_id: str, count: int) -> None:
        self.media, self.connection, self.conn_id, self.count = media, connection, conn_id, count
        self.name = f"CROWD_{uuid.uuid4().hex[:8]}".upper()
        bucket = self.name.lower().replace("_", "-")
        connection.cursor().execute(f"CREATE STAGE {self.name} URL = 's3://{bucket}/in/'")
        folder = Path(media.engine.state_dir) / "buckets" / bucket / "in"
        for half in range(2):
            (folder / f"half{half}").mkdir(parents=True)
            for number in range(count // 2):
                (folder / f"half{half}" / f"photograph-{number:06}.jpg").write_bytes(b"x")

    def list(self, run_id: str, **arguments: Any) -> list[Manifest]:
        """Shards, after a way through XCom that is no wider than it may be."""
        operator = ListStageFilesOperator(
            task_id="list",
            manifest_location=f"{self.media.work}crowd/",
            model_name=self.media.model,
            snowflake_conn_id=self.conn_id,
            **{
                "stage_path": f"@MEDIA.PUBLIC.{self.name}/",
                "select": "new",
                "ledger": f"MEDIA.PUBLIC.{self.name}_LEDGER",
                **arguments,
            },
        )
        ti = Instance.model_construct(
            dag_id="dag", task_id="list", run_id=run_id, map_index=-1, try_number=1, task=operator
        )
        context: Any = {"ti": ti, "logical_date": None}
        text = json.dumps(operator.execute(context))
        assert len(text) < XCOM_LIMIT
        return [Manifest.from_xcom(item) for item in json.loads(text)]


@pytest.fixture
def crowd(request: pytest.FixtureRequest, media: Any, connection: Any, conn_id: str) -> Crowd:
    return Crowd(media, connection, conn_id, request.param)


@pytest.mark.parametrize("crowd", [2_000, pytest.param(200_000, marks=pytest.mark.slow)], indirect=True)
def test_half_of_a_stage_in_twenty_shards(crowd: Crowd) -> None:
    half = crowd.count // 2
    since = time.time()
    shards = crowd.list(
        "run", stage_path=f"@MEDIA.PUBLIC.{crowd.name}/half0/", max_files_per_shard=half // 20, source="list"
    )
    assert len(statements(crowd.media, since)) < 40, "whatever the number of files"
    assert [shard.row_count for shard in shards] == [half // 20] * 20
    assert len({shard.location for shard in shards}) == len({shard.digest for shard in shards}) == 20
    found = rows(
        crowd.connection,
        f"SELECT SHARD, COUNT(*) AS N, COUNT(DISTINCT FILE_PATH) AS P FROM {crowd.name}_LEDGER GROUP BY 1 ORDER BY 1",
    )
    assert [(row["SHARD"], row["N"], row["P"]) for row in found] == [(n, half // 20, half // 20) for n in range(20)]
    rest = crowd.list("another", max_files_per_shard=half)
    assert [(shard.row_count, dict(shard.skipped)) for shard in rest] == [(half, {"claimed": half})]
    with pytest.raises(InvalidInputError, match=r"shards, and a task maps over 1,024 at most: set at least max_files"):
        crowd.list("too fine", ledger=None, select="all", max_files_per_shard=max(1, crowd.count // 1_100))
    # A watcher sees them all, and remembers few.
    path = resolve_stage_path(crowd.connection, f"@MEDIA.PUBLIC.{crowd.name}/", "stage_path")
    mark = StageWatermark().after(new_files.stage_files(crowd.connection, path), overlap=3600)
    assert len(json.dumps(mark.to_json())) < XCOM_LIMIT
    assert not [file for file in new_files.stage_files(crowd.connection, path, after=mark.since) if mark.is_new(file)]
