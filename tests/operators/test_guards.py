"""A sample or an approval that did not say yes stops the full batch, also where Airflow alone would let it run."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import NotApprovedError
from airflow_provider_mediabatch.operators.approve_sample import ApproveSampleOperator

DAG_FILE = Path(__file__).parent / "dags" / "guards.py"


@pytest.fixture
def place(media: Any, airflow_home: Any, connection: Any) -> Any:
    """A stage of the test's own, and an output folder."""

    class Place:
        name = f"GUARDS_{uuid.uuid4().hex[:8]}".upper()

        def run(self, dag_id: str) -> Any:
            return airflow_home.run_dag(DAG_FILE, dag_id, environment={"GUARDS_NAME": self.name})

        def jobs(self) -> Counter[str]:
            """How many jobs of a task wrote an output, by the engine's record."""
            found = rows(connection, f"LIST @OP_WORK/{self.name}/ PATTERN = '.*_SUCCESS'")
            return Counter("sample" if "/MB_SAMPLE/" in row["name"] else "full" for row in found)

    return Place()


def states(run: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for task in run.tasks:
        found.setdefault(task["id"], set()).add(task["state"])
    return found


@pytest.mark.slow
def test_a_sample_that_returned_nothing_is_no_leave_to_run(place: Any) -> None:
    run = place.run("failed_sample")
    found = states(run)
    log = run.log.read_text()
    assert (found["sample"], found["skipped"]) == ({"failed"}, {"skipped"}), log[-4000:]
    assert found["full"] == {"failed"}
    assert "The sample's task returned no report" in log
    assert "Nothing was started, and nothing incurs cost" in log
    # Leaving the sample out is possible where the DAG says so.
    assert found["full_without"] == {"success"}, log[-4000:]
    assert place.jobs() == {"sample": 1, "full": 1}


@pytest.mark.slow
def test_a_rejection_in_an_expanded_task_group_stops_its_full_run(place: Any) -> None:
    run = place.run("rejected_in_expanded_group")
    log = run.log.read_text()
    assert states(run)["one.approve"] == {"success"}, log[-4000:]
    assert states(run)["one.full"] == {"success", "skipped"}, log[-4000:]
    assert "The sample was rejected. Nothing was started, and nothing incurs cost" in log
    assert place.jobs() == {"full": 1}


def test_a_rejected_approval_in_an_expanded_task_group_is_skipped_itself(media: Any, conn_id: str) -> None:
    """Airflow's own skip is for unmapped tasks, and what follows obeys its trigger rule for each map index."""
    pushed: dict[str, Any] = {}

    class Instance(RuntimeTaskInstance):
        def xcom_push(self, key: str, value: Any) -> None:
            pushed[key] = value

    with DAG("guards_approval"):
        manifest = Manifest("@DB.SC.WORK/m/", {"IMG": "VARCHAR"}, ("IMG",), 2, 2, 20, "d" * 32)
        operator = ApproveSampleOperator(
            task_id="approve", sample=None, manifest=manifest.to_xcom(), snowflake_conn_id=conn_id
        )
        operator >> EmptyOperator(task_id="full")
    event = {
        "chosen_options": ["Reject"],
        "params_input": {"note": ""},
        "responded_at": datetime(2026, 11, 1, tzinfo=UTC),
        "responded_by_user": {"id": "1", "name": "a"},
        "timedout": False,
    }
    ti = Instance.model_construct(
        dag_id="guards_approval", task_id="approve", run_id="one", map_index=1, try_number=1, task=operator
    )
    with pytest.raises(AirflowSkipException, match="Rejected"):
        operator.execute_complete({"ti": ti, "task": operator}, event)  # type: ignore[arg-type]
    assert pushed["return_value"]["chosen_options"] == ["Reject"]
    # A retry would ask again, and a later yes would run files that were given back.
    operator.fail_on_reject = True
    late = {"error": "no answer", "error_type": "timeout"}
    for given, words in ((event, "The sample was rejected"), (late, "Nobody answered within response_timeout")):
        with pytest.raises(NotApprovedError, match=words) as raised:
            operator.execute_complete({"ti": ti, "task": operator}, given)  # type: ignore[arg-type]
        assert isinstance(raised.value, AirflowFailException)
