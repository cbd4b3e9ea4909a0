"""Unreadable files in a really running Airflow: the task defers again for each round of parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_mediabatch.core.job_names import range_prefix

if TYPE_CHECKING:
    from live.conftest import Live

pytestmark = pytest.mark.airflow
DAG_FILE = Path(__file__).parent / "dags" / "live_isolation.py"


@pytest.mark.slow
def test_the_bad_file_is_put_aside_and_the_others_are_done(live: Live) -> None:
    stage, airflow = live.stages["LIVE_ISOLATION"], live.airflow
    good = stage.upload(["a.bin", "b.bin", "c.bin"])
    (bad,) = stage.upload(["POISON.bin"])
    airflow.add_dag(DAG_FILE, "live_isolation")
    run_id = airflow.trigger("live_isolation", {})
    assert airflow.wait_for_run("live_isolation", run_id) == "success"
    assert {row["FILE"]: row["STATE"] for row in stage.ledger()} == {bad: "quarantined"} | dict.fromkeys(good, "done")
    assert stage.results() == sorted(good)
    result = airflow.xcom("live_isolation", run_id, "full")
    assert [Path(item["path"]).name for item in result["quarantined"]] == [bad]
    # The whole; halves; then the bad half's two files.
    jobs = {row["name"] for row in stage.query("SHOW JOB SERVICES LIKE 'MB\\\\_FULL\\\\_%' IN SCHEMA MEDIA.PUBLIC")}
    job = result["job"].rsplit(".", 1)[1]
    assert len([name for name in jobs if name == job or name.startswith(range_prefix(job))]) == 5
