"""One unreadable file does not cost the run: through the real Airflow on the local engine, with real jobs."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.hooks import jobs
from airflow_provider_mediabatch.hooks.mediabatch import rows
from airflow_provider_mediabatch.job import BatchResult

DAG_FILE = Path(__file__).parent / "dags" / "isolation.py"
MODES = ["isolate_in_place", "isolate_deferred"]


@pytest.fixture
def place(media: Any, airflow_home: Any, connection: Any) -> Any:
    """A stage of the test's own with good and bad files; runs of the DAGs on it; the engine's record of them."""
    name = f"ISO_{uuid.uuid4().hex[:8]}".upper()
    bucket = name.lower().replace("_", "-")
    connection.cursor().execute(f"CREATE STAGE {name} URL = 's3://{bucket}/in/'")

    class Place:
        environment = {"ISOLATION_NAME": name}  # noqa: RUF012

        def write(self, good: int, *bad: int) -> None:
            folder = Path(media.engine.state_dir) / "buckets" / bucket / "in"
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(good + len(bad)):
                text = f"POISON {number}" if number in bad else f"file {number}"
                (folder / f"f{number:03}.bin").write_text(text)

        def run(self, dag_id: str, **arguments: Any) -> Any:
            return airflow_home.run_dag(DAG_FILE, dag_id, environment=self.environment, **arguments)

        def jobs(self) -> Counter[str]:
            """Statuses of the jobs that wrote below this test's folder, by the engine's record."""
            with connection.cursor() as cursor:
                cursor.execute("SHOW JOB SERVICES LIKE 'MB\\_FULL\\_%' IN SCHEMA MEDIA.PUBLIC")
                names = [item.name for item in cursor.description]
                found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            ours = self.names()
            return Counter(str(row["status"]) for row in found if row["name"] in ours)

        def names(self) -> set[str]:
            found = rows(connection, f"SELECT JOB_NAME FROM {name}_LEDGER WHERE JOB_NAME IS NOT NULL")
            stems = {row["JOB_NAME"].rsplit(".", 1)[-1].split("_I8")[0].rstrip("0123456789") for row in found}
            every = jobs.statuses(connection, "MEDIA.PUBLIC")
            return {job.rsplit(".", 1)[-1] for job in every if any(stem in job for stem in stems)}

        def ledger(self) -> dict[int, tuple[str, str]]:
            found = rows(connection, f"SELECT FILE_PATH, STATE, ERROR FROM {name}_LEDGER")
            return {int(row["FILE_PATH"][-7:-4]): (row["STATE"], row["ERROR"] or "") for row in found}

        def loaded(self) -> list[int]:
            found = rows(connection, f"SELECT MB_PATH FROM {name}_RESULTS ORDER BY 1")
            return [int(row["MB_PATH"][-7:-4]) for row in found]

    return Place()


def states(run: Any) -> dict[str, str]:
    return {task["id"]: task["state"] for task in run.tasks}


@pytest.mark.parametrize("dag_id", MODES)
def test_one_bad_file_of_forty(place: Any, connection: Any, dag_id: str) -> None:
    place.write(39, 17)
    run = place.run(dag_id)
    log = run.log.read_text()
    assert run.state == "success", log[-6000:]
    result = BatchResult.from_xcom(run.returned("full"))
    assert (result.rows, result.files, result.generation) == (39, 40, 0)
    ((path, error),) = [(item["path"], item["error"]) for item in result.quarantined]
    assert path.endswith("/f017.bin")
    assert error.startswith("ValueError: cannot read this picture: POISON 17\n")
    assert "1 of 40 rows; they are put aside" in log
    # One folder, read as every other: the whole job, eight parts of five, five parts of one.
    assert result.location.endswith(f"/{result.job.rsplit('.', 1)[-1]}_I8/")
    assert place.jobs() == {"FAILED": 3, "DONE": 11}
    assert jobs.count_files(connection, result.location) == {"files": 11, "success": True}
    good = [number for number in range(40) if number != 17]
    assert place.loaded() == good
    assert place.ledger() == dict.fromkeys(good, ("done", "")) | {17: ("quarantined", error)}
    # The bad one is not taken again until it changes.
    again = place.run(dag_id)
    assert again.state == "success", again.log.read_text()[-4000:]
    assert BatchResult.from_xcom(again.returned("full")).job == ""
    assert sum(place.jobs().values()) == 14
