"""Folders as jobs write them, and the loading of them into one table."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow.sdk.execution_time.context import OutletEventAccessors
from operators.job_requests import Instance

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator


class Output:
    """Folders as jobs write them, and the loading of them into one table."""

    def __init__(self, engine: Any, connection: Any, folder: Path) -> None:
        self.connection = connection
        self.name = f"LOAD_{uuid.uuid4().hex[:8]}".upper()
        self.table = f"MEDIA.PUBLIC.{self.name}_T"
        self.run_id = "run"
        self._success = folder / "_SUCCESS"
        self._success.write_bytes(b"")
        connection.cursor().execute(f"CREATE STAGE {self.name}")

    def write(self, query: str, *, job: str = "MB_J", success: bool = True, **changes: Any) -> BatchResult:
        location = f"@MEDIA.PUBLIC.{self.name}/{job}/"
        run = self.connection.cursor().execute
        run(f"COPY INTO {location} FROM ({query}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
        count = rows(self.connection, f"SELECT COUNT(*) AS N FROM ({query})")[0]["N"]
        if success:
            run(f"PUT 'file://{self._success}' '{location}' AUTO_COMPRESS = FALSE")
        manifest = Manifest("@D.S.W/m/", {"IMG": "VARCHAR"}, ("IMG",), count, count, count, "d")
        manifest = replace(manifest, **changes)
        return BatchResult(
            f"MEDIA.PUBLIC.{job}", location, count, count, 1.0, "p", "DB.SC.M", "V1", "predict",
            manifest=manifest.to_xcom(),
        )  # fmt: skip

    def load(self, *results: Any, **arguments: Any) -> Any:
        given = [json.loads(json.dumps(result.to_xcom())) for result in results]
        operator = LoadResultsOperator(
            task_id="load", results=given, table=self.table, snowflake_conn_id="load_test", **arguments
        )
        ti = Instance.model_construct(
            dag_id="dag", task_id="load", run_id=self.run_id, map_index=-1, try_number=1, task=operator
        )
        context: Any = {"ti": ti, "outlet_events": OutletEventAccessors()}
        self.events = context["outlet_events"]
        return operator.execute(context)

    def rows(self, columns: str = "*") -> list[dict[str, Any]]:
        return rows(self.connection, f"SELECT {columns} FROM {self.table} ORDER BY MB_PATH")
