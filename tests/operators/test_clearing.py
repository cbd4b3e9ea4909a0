"""What a cleared task's next try does about the job that is there; a try that is a retry and no clearing adopts it."""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from operators.job_requests import Instance, make_request, until

from airflow_provider_mediabatch.batch import submission
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.exceptions import JobFailedError
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator


class Store(dict[str, Any]):
    """The task's state store, which tells when a job was noted."""

    def __init__(self) -> None:
        super().__init__()
        self.noted = threading.Event()

    def set(self, key: str, value: Any) -> None:
        self[key] = value
        self.noted.set()


def task_of(some: submission.JobRequest, conn_id: str, **arguments: Any) -> tuple[FullBatchOperator, Any]:
    """FullBatch over a request, and the context of its first try."""
    operator = FullBatchOperator(
        task_id="full",
        manifest=some.manifest.to_xcom(),
        plan=some.plan.to_xcom(),
        poll_interval=0.2,
        deferrable=False,
        snowflake_conn_id=conn_id,
        **arguments,
    )
    ti = Instance.model_construct(
        dag_id="clearing",
        task_id="full",
        run_id=uuid.uuid4().hex,
        map_index=-1,
        try_number=1,
        max_tries=1,
        start_date=datetime.now(UTC),
        task=operator,
    )
    return operator, {"ti": ti, "task_state_store": Store()}


def test_the_work_is_run_when_the_old_job_is_cancelled_late(media: Any, connection: Any, conn_id: str) -> None:
    """Its next try came before the old trigger's cancel, and attached."""
    some = make_request(media, connection, mode="endless")
    operator, context = task_of(some, conn_id)
    store = context["task_state_store"]
    request = operator._request(context, some.manifest, some.plan, connection.database, connection.schema)

    submission.submit(connection, conn_id, request, 0)
    until(connection, request.job(0), "RUNNING")
    with ThreadPoolExecutor(1) as pool:
        next_try = pool.submit(operator.execute, context)
        assert store.noted.wait(30)
        assert store["mediabatch_job"]["job"] == request.job(0)
        jobs.cancel(connection, request.job(0))
        until(connection, request.job(1), "RUNNING")
        assert store["mediabatch_job"]["job"] == request.job(1)
        # Nobody cleared anything now: the try's own job was cancelled by hand, and is not started again.
        jobs.cancel(connection, request.job(1))
        with pytest.raises(JobFailedError, match="CANCELLED"):
            next_try.result(60)
    assert jobs.describe(connection, request.job(2)) is None


def test_only_a_cleared_task_reruns(media: Any, connection: Any, conn_id: str) -> None:
    operator, context = task_of(make_request(media, connection), conn_id, on_rerun="rerun")

    def result(try_number: int, max_tries: int) -> tuple[int, bool]:
        context["ti"].try_number, context["ti"].max_tries = try_number, max_tries
        value = operator.execute(context)
        return value["generation"], value["adopted"]

    assert result(1, 1) == (0, False)
    assert result(2, 1) == (0, True), "Airflow never heard of the success, and tries again: nothing is paid twice"
    assert result(3, 3) == (1, False), "cleared"
    assert result(4, 3) == (1, True)


def test_clearing_the_listing_does_not_end_a_full_batch_that_waits(media: Any, connection: Any, conn_id: str) -> None:
    some = make_request(media, connection)
    operator, context = task_of(some, conn_id)
    operator.deferrable, operator.defer_after = True, 0
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    state = json.loads(json.dumps(deferred.value.trigger.serialize()[1]["state"]))
    until(connection, state["attempt"]["job"], "DONE")
    operator.manifest = operator.plan = None
    result = operator.execute_complete(context, {"outcome": "done", "status": "DONE", "state": state})
    assert (result["job"], result["rows"]) == (state["attempt"]["job"], 2)
