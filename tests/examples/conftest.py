"""What the example DAGs find on the engine: their models, and their files on stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow_env import EXAMPLES

from airflow_provider_mediabatch.demo import models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome, DagRunResult

if TYPE_CHECKING:
    from snowflake.snowpark import Session


class Bench:
    """Puts models and files where a DAG expects them, runs it, reads what came out."""

    def __init__(self, session: Session, home: AirflowHome, cache: Path) -> None:
        self.session, self.home, self.cache = session, home, cache

    def log(self, model: models.DemoModel) -> None:
        models.log(self.session, model)

    def upload(self, stage: str, folder: str, files: Iterable[Path]) -> None:
        encryption = "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
        for name in (stage, "WORK"):
            self.session.sql(f"CREATE STAGE IF NOT EXISTS {name} DIRECTORY = (ENABLE = TRUE) {encryption}").collect()
        self.session.sql(f"REMOVE @{stage}/{folder}/").collect()
        for file in files:
            self.session.file.put(str(file), f"@{stage}/{folder}", auto_compress=False, overwrite=True)

    def run(self, dag_id: str, conf: dict[str, Any] | None = None) -> DagRunResult:
        """Run the example; it must succeed."""
        result = self.home.run_dag(EXAMPLES / f"{dag_id}.py", dag_id, conf=conf)
        assert result.state == "success", "\n".join([*result.errors(), result.log.read_text()[-2000:]])
        return result

    def output(self, result: DagRunResult, task_id: str = "full_batch") -> list[dict[str, Any]]:
        """The rows that a task's job wrote."""
        location = result.returned(task_id)["location"]
        rows = self.session.read.option("pattern", r".*[.]parquet").parquet(location).collect()
        return [row.as_dict() for row in rows]


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def bench(engine: Any, airflow_home: AirflowHome, model_cache: Path) -> Iterator[Bench]:
    session = engine.session()
    yield Bench(session, airflow_home, model_cache)
    session.close()
