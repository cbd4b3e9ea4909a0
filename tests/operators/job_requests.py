"""Pieces of work for tests: two files, a manifest and names of their own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from airflow_provider_mediabatch.batch import submission
from airflow_provider_mediabatch.client import jobs
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest


class Instance(RuntimeTaskInstance):
    """A task instance of an operator that a test runs itself: there is no supervisor for its XComs to go to."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Only that it is fit for one."""
        json.dumps(value)


OUTPUTS = {"size": "INT64", "head": "STRING", "pid": "INT64", "batch": "INT64"}


def make_request(media: Any, connection: Any, *, files: int = 2, **params: Any) -> submission.JobRequest:
    """Work on a few files."""
    name = uuid.uuid4().hex.upper()
    location = f"{media.work}submission/{name}/"
    values = " UNION ALL ".join(f"SELECT '{media.files}f0{number}.bin' AS \"IMG\"" for number in range(files))
    rows(connection, f"COPY INTO {location} FROM ({values}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    plan = InferencePlan(
        model=media.model,
        model_version="V1",
        function="predict",
        inputs={"img": "BYTES"},
        outputs=OUTPUTS,
        column_handling={"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}},
        compute_pool=media.pool,
        job_schema="MEDIA.PUBLIC",
        output_location=f"{media.work}out/",
        params=params,
        inference_spec={"num_workers": 1},
    )
    manifest = Manifest(location, {"IMG": "VARCHAR"}, ("IMG",), files, files, sum(range(10, 10 + files)), name)
    return submission.JobRequest(f"MB_T_{name}", name, manifest, plan, plan.output_location)


def make_role(connection: Any, *grants: str) -> str:
    """A role that may use database, schema and warehouse, with further grants, and sees no job of another role."""
    role = f"OTHER_{uuid.uuid4().hex[:8]}".upper()
    for statement in (f"CREATE ROLE {role}", f"GRANT ROLE {role} TO USER AIRFLOW"):
        rows(connection, statement)
    for grant in (
        "USAGE ON DATABASE MEDIA",
        "USAGE ON SCHEMA MEDIA.PUBLIC",
        f"USAGE ON WAREHOUSE {connection.warehouse}",
        *grants,
    ):
        rows(connection, f"GRANT {grant} TO ROLE {role}")
    return role


def names(connection: Any, request: submission.JobRequest) -> list[str]:
    """The jobs of this work, by Snowflake's own record."""
    return sorted(name for name in jobs.statuses(connection, "MEDIA.PUBLIC") if request.stem in name)


def until(connection: Any, job: str, *statuses: str, seconds: float = 60) -> None:
    """Wait until the job has one of the statuses."""
    deadline = time.monotonic() + seconds
    info = None
    while time.monotonic() < deadline:
        info = jobs.describe(connection, job)
        if info is not None and info.status in statuses:
            return
        time.sleep(0.1)
    pytest.fail(f"{job} is {info}, not {' or '.join(statuses)}")


@contextmanager
def ring_when_running(media: Any, job: str) -> Iterator[None]:
    """An alarm in this thread as soon as the job runs: a KeyboardInterrupt wherever the thread is then."""

    def ring(*_: Any) -> None:
        raise KeyboardInterrupt

    def watch() -> None:
        with media.connect() as connection:
            until(connection, job, "RUNNING", seconds=8)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, ring)
    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        watching.join()
        signal.signal(signal.SIGUSR1, before)


def statements(media: Any, since: float, connection: Any = None) -> list[str]:
    """The statements that the engine was sent, by its own record.

    :param connection: only those of this session: a running Airflow on the same engine may look at its stages.
    """
    select = "SELECT sql FROM queries WHERE started >= ? AND (? IS NULL OR session_id = ?) ORDER BY started"
    session = connection and connection.session_id
    with sqlite3.connect(media.engine.state_dir / "catalog.sqlite") as catalog:
        return [row[0] for row in catalog.execute(select, (since, session, session))]
