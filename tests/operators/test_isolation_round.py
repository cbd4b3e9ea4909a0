"""The jobs of one round: waited for with one listing an interval, and all of them ended with the task."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from operators.job_requests import make_request, ring_when_running, statements, until

from airflow_provider_mediabatch.batch import submission
from airflow_provider_mediabatch.batch.isolation_jobs import IsolationJobs
from airflow_provider_mediabatch.batch.isolation_rounds import FinishedRange, RowRange
from airflow_provider_mediabatch.client import stages
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.exceptions import IncompleteOutputError, InvalidInputError
from airflow_provider_mediabatch.local import faults
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.triggers.isolation_round import IsolationRoundTrigger


def submitted(media: Any, connection: Any, conn_id: str, count: int, **params: Any) -> list[submission.Attempt]:
    requests = [make_request(media, connection, **params) for _ in range(count)]
    return [submission.submit(connection, conn_id, request, 0) for request in requests]


def round_trigger(conn_id: str, attempts: list[submission.Attempt], **changes: Any) -> IsolationRoundTrigger:
    arguments: dict[str, Any] = {
        "snowflake_conn_id": conn_id,
        "round_number": 1,
        "jobs": [{key: getattr(item, key) for key in ("job", "query_id", "phase", "started")} for item in attempts],
        "poll_interval": 0.5,
        "state": {"x": 1},
    }
    return IsolationRoundTrigger(**{**arguments, **changes})


async def event_of(trigger: IsolationRoundTrigger) -> dict[str, Any]:
    return [event.payload async for event in trigger.run()].pop()


def test_one_event_when_all_are_over(media: Any, connection: Any, conn_id: str) -> None:
    attempts = submitted(media, connection, conn_id, 2, mode="slow")
    attempts += submitted(media, connection, conn_id, 1, mode="fail")
    for item in attempts:
        until(connection, item.job, "RUNNING", "DONE", "FAILED")
    since = time.time()
    event = asyncio.run(event_of(round_trigger(conn_id, attempts)))
    passed = time.time() - since
    assert event["state"] == {"x": 1}
    assert [event["events"][item.job]["status"] for item in attempts] == ["DONE", "DONE", "FAILED"]
    listings = [text for text in statements(media, since) if text.startswith("SHOW JOB SERVICES LIKE 'MB")]
    assert len(listings) <= passed / 0.5 + 2, "one an interval for all jobs together"


def test_the_deadline_cancels_all(media: Any, connection: Any, conn_id: str) -> None:
    attempts = submitted(media, connection, conn_id, 2, mode="endless")
    for item in attempts:
        until(connection, item.job, "RUNNING")
    event = asyncio.run(event_of(round_trigger(conn_id, attempts, deadline=time.time() + 1)))
    assert {(item["outcome"], item["cancelled"]) for item in event["events"].values()} == {("timeout", True)}
    for item in attempts:
        until(connection, item.job, "CANCELLED")


@pytest.mark.parametrize("deferred", [True, False])
def test_a_user_or_a_kill_ends_all(media: Any, connection: Any, conn_id: str, deferred: bool) -> None:
    attempts = submitted(media, connection, conn_id, 2, mode="endless")
    for item in attempts:
        until(connection, item.job, "RUNNING")
    since = time.time()
    if deferred:
        asyncio.run(round_trigger(conn_id, attempts).on_kill())
    else:
        task = FullBatchOperator(task_id="full", manifest={}, plan={}, snowflake_conn_id=conn_id)
        task._running_jobs.replace((item.job, item.query_id) for item in attempts)
        task.on_kill()
    # Some seconds are left until SIGKILL, or until Airflow waits no longer, so not one login for each job.
    assert len(sessions_that_cancel(media, [item.job for item in attempts], since)) == 1
    for item in attempts:
        until(connection, item.job, "CANCELLED")


def sessions_that_cancel(media: Any, jobs: list[str], since: float) -> set[str]:
    """The sessions that cancelled these jobs, which were all cancelled, by the engine's own record."""
    select = "SELECT sql, session_id FROM queries WHERE started >= ? AND sql LIKE 'CALL %!SPCS_CANCEL_JOB()'"
    with sqlite3.connect(media.engine.state_dir / "catalog.sqlite") as catalog:
        found = dict(catalog.execute(select, (since,)).fetchall())
    return {found[f"CALL {job}!SPCS_CANCEL_JOB()"] for job in jobs}


def test_a_part_that_is_being_submitted_is_ended_too(media: Any, connection: Any, conn_id: str) -> None:
    """As by ``execution_timeout``: an alarm in the middle of a round's second submission, then ``on_kill``."""
    request = make_request(media, connection, mode="endless")
    task = FullBatchOperator(task_id="full", manifest={}, plan={}, snowflake_conn_id=conn_id, max_isolation_jobs=2)
    context: Any = {"ti": SimpleNamespace(try_number=1, xcom_push=lambda **_: None)}
    isolation = task._isolation(context, request, task._job_wait(context))
    parts = IsolationJobs(request, request.job(0), 2)
    row_ranges = [RowRange(1, 0, 1), RowRange(1, 1, 2)]
    first, second = (parts.range_request(item).job(0) for item in row_ranges)
    submits = f"^EXECUTE INFERENCE.*{second.rsplit('.', 1)[-1]}"
    rules = [
        {"match": submits, "nth": 1, "action": "lost_reply"},
        {"match": submits, "nth": 1, "action": "delay", "seconds": 9},
    ]
    faults.install(media.engine.state_dir, json.dumps({"rules": rules}))
    try:
        with ring_when_running(media, second), pytest.raises(KeyboardInterrupt):
            isolation._start_round(connection, parts, row_ranges)
    finally:
        faults.install(media.engine.state_dir, None)
    task.on_kill()
    for job in (first, second):
        until(connection, job, "CANCELLED")


def test_parts_hold_each_row_once_and_the_same_rows_each_time(media: Any, connection: Any) -> None:
    request = make_request(media, connection)
    location = f"{media.work}parts/{request.fingerprint}/m/"
    paths = " UNION ALL ".join(f"SELECT '{media.files}f{n:02}.bin' AS \"IMG\"" for n in reversed(range(12)))
    rows(connection, f"COPY INTO {location} FROM ({paths}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
    request = replace(request, manifest=replace(request.manifest, location=location, row_count=12, file_count=12))
    isolation = IsolationJobs(request, request.job(0), 3)
    staged = StagedParquet(connection, "MEDIA.PUBLIC")

    def rows_of(row_range: RowRange) -> list[str]:
        source = staged.source(isolation.stage_range(connection, row_range).manifest.location)
        return [row["P"] for row in staged.rows(f'SELECT $1:"IMG"::VARCHAR AS P FROM {source} ORDER BY 1')]

    row_ranges = [RowRange(1, 0, 5), RowRange(1, 5, 10), RowRange(1, 10, 12)]
    found = [rows_of(row_range) for row_range in row_ranges]
    assert [path for item in found for path in item] == [f"{media.files}f{n:02}.bin" for n in range(12)]
    assert rows_of(row_ranges[1]) == found[1]
    assert stages.output_folder(connection, location) == stages.OutputFolder(1, False), "beside it, not in it"
    bad = isolation.quarantined_files(connection, [(RowRange(2, 4, 5), "it's bad"), (RowRange(2, 11, 12), "worse")])
    assert bad == [
        {"path": f"{media.files}f04.bin", "error": "it's bad"},
        {"path": f"{media.files}f11.bin", "error": "worse"},
    ]
    rows(connection, f"REMOVE {location}")
    with pytest.raises(InvalidInputError, match="gave 0 rows where 5 were expected"):
        isolation.stage_range(connection, row_ranges[0])


def test_the_folder_is_whole_at_the_end_and_again(media: Any, connection: Any) -> None:
    """What failed parts wrote is not in it; its ``_SUCCESS`` comes last, and those further below do not count."""
    request = make_request(media, connection)
    isolation = IsolationJobs(request, request.job(0), 2)
    finished = [
        FinishedRange(RowRange(1, 0, 1), 0, True),
        FinishedRange(RowRange(1, 1, 2), 1, True),
        FinishedRange(RowRange(1, 2, 4), 0, False),
    ]
    for item, count in zip([*finished, replace(finished[1], generation=0)], (1, 1, 1, 1), strict=True):
        folder = isolation.range_request(item.row_range).location(isolation.job_of(item))
        values = ", ".join(f"({number})" for number in range(count))
        text = f"COPY INTO {folder} FROM (SELECT COLUMN1 AS N FROM VALUES {values})"
        rows(connection, f"{text} FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
        if item.done:
            marker = f"COPY INTO {folder}_SUCCESS FROM (SELECT 1 AS N) SINGLE = TRUE"
            rows(connection, f"{marker} FILE_FORMAT = (TYPE = PARQUET)")
    assert stages.output_folder(connection, isolation.location) == stages.OutputFolder(4, False)
    for _ in range(2):
        assert isolation.complete_output(connection, finished) == 2
        assert stages.output_folder(connection, isolation.location) == stages.OutputFolder(2, True)
    missing = FinishedRange(RowRange(2, 2, 3), 0, True)
    with pytest.raises(IncompleteOutputError, match="holds 2 rows, and the parts that are done wrote 3"):
        isolation.complete_output(connection, [*finished, missing])
