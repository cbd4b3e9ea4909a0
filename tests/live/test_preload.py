"""What a task of a really running Airflow has imported before it begins, where its scheduler has called ``preload``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from live.conftest import Live

pytestmark = pytest.mark.airflow
DAG_FILE = Path(__file__).parent / "dags" / "live_preload.py"


@pytest.mark.slow
def test_a_task_begins_with_the_connector(live: Live) -> None:
    live.airflow.add_dag(DAG_FILE, "live_preload")
    run_id = live.airflow.trigger("live_preload", {})
    assert live.airflow.wait_for_run("live_preload", run_id) == "success"
    found = live.airflow.xcom("live_preload", run_id, "imported")
    assert found == ["snowflake.connector", "pandas", "pyarrow"]
