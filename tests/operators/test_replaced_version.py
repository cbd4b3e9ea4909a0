"""A model version that is dropped and logged again under its name is another version, on the engine with real jobs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from operators.job_requests import Instance, statements

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError, ValidationFailedError
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

FILES = 3
REPLACED = "was logged again after validation, and nothing was started with it"


@dataclass
class Scene:
    """A model of the test's own, the first three files, a ledger and a results table."""

    media: Any
    connection: Any
    conn_id: str
    name: str

    @property
    def model(self) -> str:
        return f"MEDIA.PUBLIC.{self.name}"

    def log_version(self, *, again: bool = False) -> None:
        """Log version V1, after dropping the model that has it already."""
        if again:
            rows(self.connection, f"DROP MODEL {self.model}")
        rows(self.connection, f"CREATE MODEL {self.model} WITH VERSION V1 FROM MODEL {self.media.model} VERSION V1")

    def run(self, kind: Callable[..., Any], task_id: str, run_id: str = "run", **arguments: Any) -> Any:
        """Run an operator as one task instance would, and return its XCom."""
        operator = kind(task_id=task_id, snowflake_conn_id=self.conn_id, **arguments)
        ti = Instance.model_construct(
            dag_id=self.name,
            task_id=task_id,
            run_id=run_id,
            map_index=-1,
            try_number=1,
            max_tries=0,
            start_date=datetime.now(UTC),
            task=operator,
        )
        context: Any = {"ti": ti}
        return json.loads(json.dumps(operator.execute(context)))

    def list(self, run_id: str = "run") -> Any:
        return self.run(
            ListStageFilesOperator,
            "list",
            run_id,
            stage_path=self.media.files,
            pattern=".*/f0[0-2][.]bin",
            manifest_location=f"{self.media.work}{self.name}/manifests/",
            model_name=self.model,
            select="new",
            ledger=f"{self.name}_LEDGER",
        )

    def validate(self, manifest: Any) -> Any:
        return self.run(
            ValidateSignatureOperator,
            "validate",
            manifest=manifest,
            model_name=self.model,
            compute_pool=self.media.pool,
            output_location=f"{self.media.work}{self.name}/out/",
        )

    def job(self, kind: Callable[..., Any], manifest: Any, plan: Any, **arguments: Any) -> Any:
        task_id = f"{self.name}_{kind.__name__}"
        return self.run(kind, task_id, manifest=manifest, plan=plan, deferrable=False, poll_interval=0.2, **arguments)

    def load(self, result: Any) -> Any:
        return self.run(LoadResultsOperator, "load", results=result, table=f"{self.name}_RESULTS")

    def jobs(self) -> int:
        """How many jobs this test's tasks have, by the engine's own record."""
        return sum(self.name in name for name in jobs.statuses(self.connection, "MEDIA.PUBLIC"))


@pytest.fixture
def scene(media: Any, connection: Any, conn_id: str) -> Scene:
    made = Scene(media, connection, conn_id, f"RV{uuid.uuid4().hex[:8]}".upper())
    made.log_version()
    return made


def test_a_version_that_was_logged_again_is_neither_done_nor_tested(scene: Scene) -> None:
    manifest = scene.list()
    plan = scene.validate(manifest)
    digests = plan["digest"], plan["manifest_digest"]
    sample = SampleReport(True, "D.S.J", "@D.S.O/", manifest["location"], *digests, (), (), 1).to_xcom()
    scene.log_version(again=True)
    since = datetime.now(UTC).timestamp()
    for kind, more in ((FullBatchOperator, {"sample": sample}), (SampleBatchOperator, {"sample_size": 1})):
        with pytest.raises(InvalidInputError, match=REPLACED) as caught:
            scene.job(kind, manifest, plan, **more)
        assert "clear the task that lists the files, with what follows it" in str(caught.value)
        assert "Nothing was started, and nothing incurs cost" in str(caught.value)
    assert scene.jobs() == 0
    assert not [text for text in statements(scene.media, since) if text.startswith("EXECUTE") and scene.name in text]
    with pytest.raises(ValidationFailedError, match=r"listed for version V1 of .*, and it was logged again"):
        scene.validate(manifest)

    manifest = scene.list()
    assert manifest["row_count"] == FILES
    plan = scene.validate(manifest)
    with pytest.raises(InvalidInputError, match="The sample passed with another plan"):
        scene.job(FullBatchOperator, manifest, plan, sample=sample)
    result = scene.job(FullBatchOperator, manifest, plan)
    with pytest.raises(AirflowSkipException, match="3 files found, 3 done"):
        scene.list("second")

    scene.log_version(again=True)
    manifest = scene.list()
    assert manifest["row_count"] == FILES, "all of them, although the run has done them with the version before"
    newest = scene.job(FullBatchOperator, manifest, scene.validate(manifest))
    assert newest["job"] != result["job"]
    assert scene.load(newest)["rows"] == FILES, "the output of the version before is not loaded again"
    loaded = rows(scene.connection, f"SELECT MB_JOB FROM {scene.name}_RESULTS")
    assert [row["MB_JOB"] for row in loaded] == [newest["job"]] * FILES
    versions = rows(
        scene.connection,
        "SELECT MODEL_VERSION, MODEL_VERSION_CREATED_ON AS AT, COUNT(*) AS N, COUNT_IF(STATE = 'done') AS DONE "
        f"FROM {scene.name}_LEDGER GROUP BY 1, 2 ORDER BY 2",
    )
    assert [(row["MODEL_VERSION"], row["N"], row["DONE"]) for row in versions] == [
        ("V1", FILES, 0),
        ("V1", FILES, FILES),
        ("V1", FILES, FILES),
    ]
    (shown,) = rows(scene.connection, f"SHOW VERSIONS IN MODEL {scene.model}")
    assert versions[-1]["AT"] == shown["created_on"].astimezone(UTC).replace(tzinfo=None)


def test_a_version_that_was_dropped_is_not_run(scene: Scene) -> None:
    manifest = scene.list()
    plan = scene.validate(manifest)
    rows(scene.connection, f"DROP MODEL {scene.model}")
    with pytest.raises(InvalidInputError, match=f"Version V1 of model {scene.model} was dropped after validation"):
        scene.job(FullBatchOperator, manifest, plan)
    assert scene.jobs() == 0
