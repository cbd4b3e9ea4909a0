"""A cleared task's next try may come before the old trigger's cancel: it attaches, and then has to run the work."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from operators.work import Instance, make_work, until

from airflow_provider_mediabatch.exceptions import JobFailed
from airflow_provider_mediabatch.hooks import jobs, submission
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator


class Store(dict[str, Any]):
    """The task's state store, which tells when a job was noted."""

    def __init__(self) -> None:
        super().__init__()
        self.noted = threading.Event()

    def set(self, key: str, value: Any) -> None:
        self[key] = value
        self.noted.set()


def test_the_work_is_run_when_the_old_job_is_cancelled_late(media: Any, connection: Any, conn_id: str) -> None:
    some = make_work(media, connection, mode="endless")
    operator = FullBatchOperator(
        task_id="full",
        manifest=some.manifest.to_xcom(),
        plan=some.plan.to_xcom(),
        poll_interval=0.2,
        deferrable=False,
        snowflake_conn_id=conn_id,
    )
    ti = Instance.model_construct(
        dag_id="clearing",
        task_id="full",
        run_id=uuid.uuid4().hex,
        map_index=-1,
        try_number=2,
        start_date=datetime.now(UTC),
        task=operator,
    )
    store = Store()
    context: Any = {"ti": ti, "task_state_store": store}
    work = operator._work(context, some.manifest, some.plan, connection.database, connection.schema)

    submission.submit(connection, conn_id, work, 0)
    until(connection, work.job(0), "RUNNING")
    with ThreadPoolExecutor(1) as pool:
        next_try = pool.submit(operator.execute, context)
        assert store.noted.wait(30)
        assert store["mediabatch_job"]["job"] == work.job(0)
        jobs.cancel(connection, work.job(0))
        until(connection, work.job(1), "RUNNING")
        assert store["mediabatch_job"]["job"] == work.job(1)
        # Nobody cleared anything now: the try's own job was cancelled by hand, and is not started again.
        jobs.cancel(connection, work.job(1))
        with pytest.raises(JobFailed, match="CANCELLED"):
            next_try.result(60)
    assert jobs.describe(connection, work.job(2)) is None
