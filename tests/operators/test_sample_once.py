"""A sample that passed is not paid for again while nothing changed, through the real Airflow on the engine."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.sample_report import SampleReport

DAG_FILE = Path(__file__).parent / "dags" / "sample_once.py"


def test_a_later_run_uses_the_sample_again_until_a_check_changes(
    media: Any, airflow_home: Any, connection: Any
) -> None:
    name = f"ONCE_{uuid.uuid4().hex[:8]}".upper()

    def run(files: str, **conf: str) -> tuple[SampleReport, int]:
        """The sample's report, and how many samples have run by now."""
        conf["files"] = f"{media.files}{files}"
        done = airflow_home.run_dag(DAG_FILE, "sample_once", environment={"SAMPLE_ONCE_NAME": name}, conf=conf)
        assert done.state == "success", done.log.read_text()[-6000:]
        assert done.returned("full")["rows"] == 2, "the full batch runs this run's own files"
        jobs = rows(connection, f"LIST @OP_WORK/{name}/ PATTERN = '.*/MB_SAMPLE/.*_SUCCESS'")
        return SampleReport.from_xcom(done.returned("sample")), len(jobs)

    first, jobs = run("f1")
    assert (first.from_run, jobs) == ("", 1)
    again, jobs = run("f1", check='"size" > 0')
    assert (again.job, jobs) == (first.job, 1)
    assert again.from_run
    assert again.checks[0].name == "sample of an earlier run"
    changed, jobs = run("f1", check='"size" > 1')
    assert (changed.from_run, jobs) == ("", 2)
    assert changed.job != first.job
    prompted, jobs = run("f1", check='"size" > 1', prompt="a dog?")
    assert (prompted.from_run, jobs) == ("", 3), "the full batch may run no prompt that was not tried"
    again, jobs = run("f1", check='"size" > 1', prompt="a dog?")
    assert (again.job, jobs) == (prompted.job, 3)
