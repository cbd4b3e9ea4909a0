"""A DAG run in numbers, from what its tasks returned. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.drift_report import find_report
from airflow_provider_mediabatch.core.manifest import manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.task_notes import SubmittedJob
from airflow_provider_mediabatch.review.result_owner import owns, parse_result
from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
from airflow_provider_mediabatch.review.serialized_tasks import TaskKind

DAYS = 28
"""How far back a DAG's runs are listed."""
MAX_RUNS = 60
"""How many of them at most."""


@dataclass(frozen=True)
class OutputFolder:
    """The output of a batch, which proves to be its task's.

    :param conn_id: the connection that the task used.
    :param job: the job's qualified name.
    :param location: the folder.
    :param column: the first output that is a text.
    """

    conn_id: str
    job: str
    location: str
    column: str


@dataclass(frozen=True)
class RunLine:
    """A DAG run in numbers.

    :param run_id: the run.
    :param state: its state.
    :param begun: when it was due.
    :param files: files that its listing selected.
    :param done: rows of verified output.
    :param quarantined: quarantined files, of samples and batches.
    :param failed: tasks of ours that failed.
    :param node_seconds: seconds of its batches' jobs, times their nodes.
    :param costs: of these jobs by currency, where a rate was given.
    :param seconds: from its start to its end, or until now, or None before its start.
    :param waiting: approvals that wait for an answer.
    :param outputs: its batches' outputs.
    :param drifted: columns that have drifted from the runs before.
    """

    run_id: str
    state: str
    begun: datetime
    files: int = 0
    done: int = 0
    quarantined: int = 0
    failed: tuple[TaskKey, ...] = ()
    node_seconds: float = 0.0
    costs: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    waiting: tuple[TaskKey, ...] = ()
    outputs: tuple[OutputFolder, ...] = ()
    drifted: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunTime:
    """What Airflow says of a DAG run.

    :param run_id: the run.
    :param state: its state.
    :param begun: when it was due.
    :param started: when its first task could start, or None.
    :param ended: when it ended, or None.
    """

    run_id: str
    state: str
    begun: datetime
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True)
class FinishedTask:
    """A task instance of ours, and what it pushed.

    :param key: identifies it.
    :param state: its state.
    :param kind: what it does.
    :param value: what it returned, or the result with which it failed.
    :param submitted: what it said that it submitted.
    :param conn_id: finds the connection that it used, or None where nobody knows it.
    """

    key: TaskKey
    state: str | None
    kind: TaskKind
    value: Any
    submitted: Any
    conn_id: Callable[[], str | None]


def run_line(run: RunTime, tasks: Collection[FinishedTask], waiting: tuple[TaskKey, ...], now: datetime) -> RunLine:
    """The line of a DAG run.

    :param run: the run.
    :param tasks: its tasks of ours.
    :param waiting: its approvals that wait for an answer.
    :param now: the end of a run that has not ended.
    """
    files = done = quarantined = 0
    node_seconds, costs = 0.0, dict[str, float]()
    outputs, drifted = [], list[str]()
    for task in tasks:
        if task.kind is TaskKind.LOAD:
            report = find_report(task.value)
            drifted += [column.column for column in report.drifted] if report is not None else []
            continue
        if task.kind is TaskKind.LISTING:
            files += _files(task.value)
            continue
        result = parse_result(task.value)
        if isinstance(result, SampleReport):
            quarantined += result.quarantined_count
        elif isinstance(result, BatchResult):
            done, quarantined = done + result.rows, quarantined + result.quarantined_count
            node_seconds += used_node_seconds(result, task.submitted)
            if result.cost is not None:
                costs[result.currency] = costs.get(result.currency, 0.0) + result.cost
            column = next((name for name, kind in result.outputs.items() if kind.upper() == "STRING"), "")
            if column and result.rows and owns(task.key, result) and (conn_id := task.conn_id()):
                outputs.append(OutputFolder(conn_id, result.job, result.location, column))
    return RunLine(
        run.run_id,
        run.state,
        run.begun,
        files,
        done,
        quarantined,
        tuple(task.key for task in tasks if task.state in ("failed", "up_for_retry")),
        node_seconds,
        costs,
        None if run.started is None else ((run.ended or now) - run.started).total_seconds(),
        waiting,
        tuple(outputs),
        tuple(dict.fromkeys(drifted)),
    )


def used_node_seconds(result: BatchResult, submitted: Any) -> float:
    """The time that a batch's job used nodes: its own by the job history, else as long as the task waited for it.

    :param result: of the batch.
    :param submitted: the XCom in which the task said what it submitted.
    """
    try:
        nodes = SubmittedJob.from_xcom(submitted).replicas
    except ValueError:
        nodes = 1
    return nodes * (result.seconds if result.job_seconds is None else result.job_seconds)


def _files(value: Any) -> int:
    try:
        return sum(manifest.row_count for manifest in manifests_from_xcom(value))
    except ValueError:
        return 0
