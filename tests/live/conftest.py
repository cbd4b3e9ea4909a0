"""The model, the stages and the DAGs of the live tests, on the shared engine and the shared, really running Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import job_models
import pytest
from live.stage import DAG_FILE, LiveStage

if TYPE_CHECKING:
    from driven_airflow import DrivenAirflow

INTERNAL = (*("LIVE_UPLOADS", "LIVE_KILLS", "LIVE_PAUSE", "LIVE_BURSTS", "LIVE_ENDS", "LIVE_ISOLATION", "LIVE_STREAM"),)


class Live:
    """Airflow with the DAGs of ``dags/live_stage_files.py``, and their stages by name."""

    def __init__(self, engine: Any, airflow: DrivenAirflow, stages: dict[str, LiveStage]) -> None:
        self.engine, self.airflow, self.stages = engine, airflow, stages

    def start(self, name: str) -> LiveStage:
        """Unpause the DAG of a stage."""
        stage = self.stages[name]
        self.airflow.add_dag(DAG_FILE, stage.dag_id)
        return stage


@pytest.fixture(scope="session")
def live(engine: Any, live_airflow: DrivenAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Stages first: a watcher that finds none waits up to a minute before it looks again."""
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    with engine.session() as session:
        for name in (*INTERNAL, "LIVE_WORK"):
            encryption = "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
            session.sql(f"CREATE STAGE {name} DIRECTORY = (ENABLE = TRUE) {encryption}").collect()
        session.sql("CREATE STREAM LIVE_STREAM_CHANGES ON STAGE LIVE_STREAM").collect()
        session.sql("CREATE STAGE LIVE_DAYS URL = 's3://live-days/in/'").collect()
        session.sql("CREATE FILE FORMAT LIVE_PARQUET TYPE = PARQUET").collect()
        Registry(session).log_model(
            job_models.FileModel(custom_model.ModelContext()),
            model_name="LIVE_MODEL",
            version_name="V1",
            signatures={"predict": job_models.FILE_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[str(Path(job_models.__file__))],
        )
    folder = tmp_path_factory.mktemp("live-files")
    bucket = Path(engine.state_dir) / "buckets" / "live-days" / "in"
    with engine.connect() as connection:
        stages = {name: LiveStage(connection, name, folder / name) for name in INTERNAL}
        stages["LIVE_DAYS"] = LiveStage(connection, "LIVE_DAYS", folder / "LIVE_DAYS", bucket)
        yield Live(engine, live_airflow, stages)
