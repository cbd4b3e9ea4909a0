"""A run over a stage with good and bad files, task by task, through the operators on the engine."""

from __future__ import annotations

import sqlite3
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from operators.job_requests import Instance

from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator


class LonelyInstance(Instance):
    """A task instance of a run beside which no other run is going on."""

    def get_dr_count(self, *args: Any, **kwargs: Any) -> int:  # type: ignore[override]
        """Runs in a state, which none is in."""
        return 0


class Files:
    """A stage with files of the test's own. Those of the model's mode ``picky`` that say POISON make it raise.

    :param media: the engine and the model.
    :param connection: to it.
    :param conn_id: Airflow's connection to it.
    """

    def __init__(self, media: Any, connection: Any, conn_id: str) -> None:
        self.connection, self.conn_id, self.model = connection, conn_id, media.model
        self.name = f"BAD_{uuid.uuid4().hex[:8]}".upper()
        bucket = self.name.lower().replace("_", "-")
        self.state_dir = Path(media.engine.state_dir)
        self.folder = self.state_dir / "buckets" / bucket / "in"
        self.folder.mkdir(parents=True)
        self.ledger = f"MEDIA.PUBLIC.{self.name}_LEDGER"
        rows(connection, f"CREATE STAGE {self.name} URL = 's3://{bucket}/in/'")

    def write(self, good: int, *bad: int, first: int = 0) -> None:
        """Files ``f000.bin`` and so on: as many good ones, and bad ones of these numbers."""
        for number in range(first, first + good + len(bad)):
            text = f"POISON {number}" if number in bad else f"file {number}"
            (self.folder / f"f{number:03}.bin").write_text(text)

    def execute(self, operator: Any, run_id: str, *, max_tries: int = 0, map_index: int = -1, event: Any = None) -> Any:
        """Run a task of a run as its first try.

        :param event: the trigger's, for a task that goes on after its deferral.
        """
        ti = LonelyInstance.model_construct(
            dag_id="bad_files", task_id=operator.task_id, run_id=run_id, map_index=map_index, try_number=1,
            max_tries=max_tries, start_date=datetime.now(UTC), task=operator,
        )  # fmt: skip
        return operator.execute({"ti": ti}) if event is None else operator.execute_complete({"ti": ti}, event)

    def list_files(self, run_id: str, **arguments: Any) -> Any:
        """The manifest of a run's open files."""
        given = {
            "stage_path": f"@MEDIA.PUBLIC.{self.name}/", "select": "new", "model_name": self.model,
            "ledger": self.ledger, **arguments,
        }  # fmt: skip
        operator = ListStageFilesOperator(
            task_id="list_files", if_empty="succeed", manifest_location="@MEDIA.PUBLIC.OP_WORK/manifests/",
            take_over_after=timedelta(0), snowflake_conn_id=self.conn_id, **given,
        )  # fmt: skip
        return self.execute(operator, run_id)

    def plan(self, run_id: str, manifest: Any, mode: str = "picky") -> Any:
        """The validated plan."""
        operator = ValidateSignatureOperator(
            task_id="validate", manifest=manifest, model_name=self.model, compute_pool="LOCAL_POOL",
            output_location=f"@MEDIA.PUBLIC.OP_WORK/{self.name}/", model_params={"mode": mode},
            inference_spec={"num_workers": 1}, snowflake_conn_id=self.conn_id,
        )  # fmt: skip
        return self.execute(operator, run_id)

    def sample(self, run_id: str, manifest: Any, plan: Any, **arguments: Any) -> Any:
        """The sample's report."""
        operator = SampleBatchOperator(
            task_id="sample", manifest=manifest, plan=plan, poll_interval=0.2, deferrable=False,
            snowflake_conn_id=self.conn_id, **arguments,
        )  # fmt: skip
        return self.execute(operator, run_id, max_tries=3)

    def full(
        self,
        run_id: str,
        manifest: Any,
        plan: Any,
        sample: Any = None,
        *,
        index: int = -1,
        event: Any = None,
        **arguments: Any,
    ) -> Any:
        """The batch's result."""
        operator = FullBatchOperator(
            task_id="full", manifest=manifest, plan=plan, sample=sample, poll_interval=0.2,
            snowflake_conn_id=self.conn_id, **{"deferrable": False, "defer_after": 0, **arguments},
        )  # fmt: skip
        return self.execute(operator, run_id, max_tries=3, map_index=index, event=event)

    def load(self, run_id: str, results: Any, table: str = "") -> Any:
        """The results in a table."""
        operator = LoadResultsOperator(
            task_id="load", results=results, table=f"MEDIA.PUBLIC.{table or self.name + '_RESULTS'}",
            snowflake_conn_id=self.conn_id,
        )  # fmt: skip
        return self.execute(operator, run_id)

    def jobs(self) -> Counter[str]:
        """How this test's jobs ended."""
        with sqlite3.connect(self.state_dir / "catalog.sqlite") as catalog:
            found = catalog.execute(
                "SELECT database || '.' || schema || '.' || name FROM jobs WHERE output LIKE ?", (f"%/{self.name}/%",)
            ).fetchall()
        every = jobs.statuses(self.connection, "MEDIA.PUBLIC")
        return Counter(every[name] for (name,) in found)

    def states(self) -> dict[int, str]:
        """The ledger's states, by the number of the file."""
        found = rows(self.connection, f"SELECT FILE_PATH, STATE FROM {self.ledger} ORDER BY 1")
        return {int(row["FILE_PATH"][-7:-4]): row["STATE"] for row in found}
