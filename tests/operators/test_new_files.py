"""New files only, through the real Airflow on the local engine with real jobs: each file once, in a table."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.stage_listing import list_stages
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, resolve_subject
from airflow_provider_mediabatch.ledger.ledger import Ledger

DAG_FILE = Path(__file__).parent / "dags" / "new_files.py"


@pytest.fixture
def place(media: Any, airflow_home: Any, connection: Any) -> Callable[..., Any]:
    """A stage of the test's own, with six files; runs of the DAGs on it."""
    name = f"NEW_{uuid.uuid4().hex[:8]}".upper()
    bucket = name.lower().replace("_", "-")
    connection.cursor().execute(f"CREATE STAGE {name} URL = 's3://{bucket}/in/'")

    class Place:
        name: str
        folder = Path(media.engine.state_dir) / "buckets" / bucket / "in"

        def write(self, *names: str, content: bytes = b"abc", day: int | None = None) -> None:
            self.folder.mkdir(parents=True, exist_ok=True)
            for item in names:
                (self.folder / item).write_bytes(content)
                if day is not None:
                    moment = datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()
                    os.utime(self.folder / item, (moment, moment))

        def run(self, dag_id: str = "new_files", **arguments: Any) -> Any:
            return airflow_home.run_dag(DAG_FILE, dag_id, environment={"NEW_FILES_NAME": name}, **arguments)

        def jobs(self) -> int:
            """How many jobs of ours wrote a whole result for this stage, by the engine's record."""
            found = rows(connection, f"LIST @OP_WORK/{name}/ PATTERN = '.*_SUCCESS'")
            return sum("/MB_SAMPLE/" not in row["name"] for row in found)

        def ledger(self) -> dict[str, str]:
            found = rows(connection, f"SELECT FILE_PATH, STATE FROM {name}_LEDGER")
            return {row["FILE_PATH"].rsplit("/", 1)[1]: row["STATE"] for row in found}

        def claim_as(self, run_id: str) -> None:
            """What a run that was killed after its listing leaves behind."""
            path = resolve_stage_path(connection, f"@{name}/", "stage_path")
            listed = list_stages(
                connection,
                [StageSource("IMG", path)],
                directory=False,
                keep_unmatched=True,
            )
            Ledger(connection, f"{name}_LEDGER").claim(
                listed.relation,
                owner=ClaimOwner("new_files", "list_files", run_id, -1, lambda dag_id, other: False),
                subject=resolve_subject(connection, media.model, "V1", None)[1],
            )

        def results(self) -> list[dict[str, Any]]:
            return rows(connection, f"SELECT * FROM {name}_RESULTS ORDER BY MB_PATH")

    made = Place()
    made.name = name
    made.write(*(f"f{number}.bin" for number in range(6)))
    return made  # type: ignore[return-value]


def states(run: Any) -> dict[str, str]:
    return {task["id"]: task["state"] for task in run.tasks}


def log(run: Any) -> str:
    return str(run.log.read_text()[-5000:])


def test_each_file_once(place: Any) -> None:
    first = place.run()
    assert first.state == "success", log(first)
    assert [len(first.returned(task)) for task in ("list_files", "full")] == [2, 2]
    assert place.ledger() == {f"f{number}.bin": "done" for number in range(6)}
    loaded = place.results()
    assert Counter(row["MB_PATH"].rsplit("/", 1)[1] for row in loaded) == {f"f{n}.bin": 1 for n in range(6)}
    assert {(row["size"], row["MB_MODEL_VERSION"], row["MB_FUNCTION"]) for row in loaded} == {(3, "V1", "predict")}
    assert {row["MB_JOB"] for row in loaded} == {result["job"] for result in first.returned("full")}
    assert first.returned("load")["rows"] == 6

    second = place.run()
    assert states(second)["list_files"] == "skipped", log(second)
    assert "6 done" in second.log.read_text()

    place.write("f1.bin", content=b"changed")
    place.write("new.bin")
    waiting = place.run(conf={"min_files": 3})
    assert states(waiting)["list_files"] == "skipped", log(waiting)
    assert "2 files wait for min_files=3" in waiting.log.read_text()
    third = place.run(conf={"min_files": 2})
    assert third.state == "success", log(third)
    assert third.returned("list_files")[0]["row_count"] == 2
    names = Counter(row["MB_PATH"].rsplit("/", 1)[1] for row in place.results())
    assert names == {**{f"f{n}.bin": 1 for n in range(6)}, "f1.bin": 2, "new.bin": 1}
    assert place.jobs() == 3

    again = place.run(conf={"reprocess": True})
    assert again.state == "success", log(again)
    assert sum(item["row_count"] for item in again.returned("list_files")) == 7
    assert place.jobs() == 5
    after = Counter(row["MB_PATH"].rsplit("/", 1)[1] for row in place.results())
    assert after == names, "reprocessing replaces result rows"


@pytest.mark.slow
def test_a_run_that_is_gone_is_taken_over(place: Any) -> None:
    """Airflow itself is asked about the run that holds the claim; it knows of none."""
    place.claim_as("killed long ago")
    run = place.run()
    assert run.state == "success", log(run)
    assert set(place.ledger().values()) == {"done"}


@pytest.mark.slow
def test_finished_jobs_that_were_not_recorded_are_adopted_and_loaded(place: Any, connection: Any) -> None:
    """A worker that is lost after its job is DONE, without a try left, leaves this ledger and no results."""
    first = place.run()
    assert first.state == "success", log(first)
    connection.cursor().execute(f"UPDATE {place.name}_LEDGER SET STATE = 'claimed', DONE_AT = NULL")
    connection.cursor().execute(f"DROP TABLE {place.name}_RESULTS")
    second = place.run()
    assert second.state == "success", log(second)
    assert [item["row_count"] for item in second.returned("list_files")] == [0], "no job is started for them"
    assert second.returned("load")["rows"] == 6
    assert len(place.results()) == 6
    assert set(place.ledger().values()) == {"done"}
    assert place.jobs() == 2


@pytest.mark.slow
@pytest.mark.parametrize(("dag_id", "task"), [("bad_plan", "validate"), ("bad_sample", "sample")])
def test_a_run_that_ends_before_its_job_gives_the_files_back(place: Any, dag_id: str, task: str) -> None:
    failed = place.run(dag_id)
    assert states(failed)[task] == "failed", log(failed)
    assert set(place.ledger().values()) == {"released"}
    good = place.run()
    assert good.state == "success", log(good)
    assert set(place.ledger().values()) == {"done"}


@pytest.mark.slow
@pytest.mark.parametrize("loaded", [True, False], ids=["loaded before", "not loaded before"])
def test_a_late_file_of_a_day_is_run_alone_and_the_whole_day_is_loaded(
    place: Any, connection: Any, loaded: bool
) -> None:
    place.write("early1.bin", "early2.bin", day=19)
    day = dict.fromkeys(("logical_date", "run_after"), "2026-11-20T00:00:00+00:00")  # the same run each time
    first = place.run("by_day", **day)
    assert first.state == "success", log(first)
    if not loaded:
        connection.cursor().execute(f"DROP TABLE {place.name}_RESULTS")
    place.write("late.bin", day=19)
    second = place.run("by_day", **day)
    assert second.state == "success", log(second)
    assert [item["row_count"] for item in second.returned("list_files")] == [1]
    assert second.returned("load")["rows"] == (1 if loaded else 3)
    third = place.run("by_day", **day)
    assert third.state == "success", log(third)
    assert place.jobs() == 2, "the first job's files and the late one, each once"
    names = Counter(row["MB_PATH"].rsplit("/", 1)[1] for row in place.results())
    assert names == {"early1.bin": 1, "early2.bin": 1, "late.bin": 1}


def test_a_day_takes_its_own_uploads(place: Any) -> None:
    for day in (19, 20):
        place.write(f"day{day}.bin", day=day)
    # dag.test() runs by hand: the interval is the day before its date. A back-fill's date is its interval's start.
    run = place.run("by_day", logical_date="2026-11-20T00:00:00+00:00")
    assert run.state == "success", log(run)
    assert place.ledger() == {"day19.bin": "done"}
    again = place.run("by_day", logical_date="2026-11-21T00:00:00+00:00")
    assert again.state == "success", log(again)
    assert place.ledger() == {"day19.bin": "done", "day20.bin": "done"}
    assert place.jobs() == 2
