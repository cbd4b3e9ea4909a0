"""The runs of a DAG over the last weeks, one line for each, from Airflow's metadata database.

The number of statements does not depend on the number of runs, unless a task's connection is a template. What an XCom
says of a run is shown, and nothing is opened on its word but results that :func:`~.task_instances.owns` accepts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.task_notes import SubmittedJob
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY, JOB_KEY
from airflow_provider_mediabatch.review.answers import load_answers
from airflow_provider_mediabatch.review.reviewed_batch import Answer, TaskKey
from airflow_provider_mediabatch.review.serialized_tasks import SerializedTask, TaskKind, load_our_tasks
from airflow_provider_mediabatch.review.stored_xcom import StoredXComs
from airflow_provider_mediabatch.review.task_instances import connection_id, owns, parse_result

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DAYS = 28
MAX_RUNS = 60
MAX_DAGS = 100
MAX_TASK_INSTANCES = 5000
_OPERATORS = ("SampleBatchOperator", "FullBatchOperator")


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
    :param seconds: from its start to its end, or until now, or None before its start.
    :param waiting: forms that wait for an answer.
    :param outputs: its batches' outputs.
    """

    run_id: str
    state: str
    begun: datetime
    files: int = 0
    done: int = 0
    quarantined: int = 0
    failed: tuple[TaskKey, ...] = ()
    node_seconds: float = 0.0
    seconds: float | None = None
    waiting: tuple[Answer, ...] = ()
    outputs: tuple[OutputFolder, ...] = ()


def load_history(dag_id: str, *, days: int = DAYS) -> list[RunLine]:
    """The runs of a DAG in the last days, the newest first, at most 60, without those that had no task of ours.

    :param dag_id: the DAG.
    :param days: how far back.
    """
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    now = datetime.now(UTC)
    with create_session() as session:
        runs = session.execute(
            select(DagRun.run_id, DagRun.state, DagRun.run_after, DagRun.start_date, DagRun.end_date)
            .where(DagRun.dag_id == dag_id, DagRun.run_after >= now - timedelta(days=days))
            .order_by(DagRun.run_after.desc())
            .limit(MAX_RUNS)
        ).all()
        ids = [run.run_id for run in runs]
        rows = session.execute(
            select(
                TaskInstance.run_id,
                TaskInstance.task_id,
                TaskInstance.map_index,
                TaskInstance.state,
                TaskInstance.dag_version_id,
            )
            .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(ids))
            .limit(MAX_TASK_INSTANCES)
        ).all()
        tasks = {version: load_our_tasks(session, dag_id, version) for version in {row.dag_version_id for row in rows}}
        names = {task_id for found in tasks.values() for task_id in found}
        xcoms = StoredXComs(session, dag_id, ids, names, ("return_value", FAILED_RESULT_KEY, JOB_KEY))
        asking = {name for found in tasks.values() for name, task in found.items() if task.kind is TaskKind.APPROVAL}
        answers = load_answers(session, dag_id, ids, asking)
        by_run: dict[str, list[tuple[Any, SerializedTask]]] = {run_id: [] for run_id in ids}
        for row in rows:
            if (task := tasks[row.dag_version_id].get(row.task_id)) is not None:
                by_run[row.run_id].append((row, task))
        waiting: dict[str, list[Answer]] = {}
        for answer in answers.values():
            if answer.approved is None:
                waiting.setdefault(answer.key.run_id, []).append(answer)
        return [
            _line(session, xcoms, dag_id, run, by_run[run.run_id], waiting.get(run.run_id, ()), now)
            for run in runs
            if by_run[run.run_id]
        ]


def load_dags(readable: Collection[str], *, days: int = DAYS) -> list[tuple[str, datetime]]:
    """The DAGs with samples or batches in the last days, each with its latest run, the newest first, at most 100.

    :param readable: the DAGs that the reader may read.
    :param days: how far back.
    """
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    latest = func.max(DagRun.run_after)
    with create_session() as session:
        found = session.execute(
            select(DagRun.dag_id, latest.label("latest"))
            .join(TaskInstance, (TaskInstance.dag_id == DagRun.dag_id) & (TaskInstance.run_id == DagRun.run_id))
            .where(DagRun.run_after >= datetime.now(UTC) - timedelta(days=days), TaskInstance.operator.in_(_OPERATORS))
            .group_by(DagRun.dag_id)
            .order_by(latest.desc())
        ).all()
    return [(row.dag_id, row.latest) for row in found if row.dag_id in readable][:MAX_DAGS]


def _line(
    session: Session,
    xcoms: StoredXComs,
    dag_id: str,
    run: Any,
    tasks: Sequence[tuple[Any, SerializedTask]],
    waiting: Sequence[Answer],
    now: datetime,
) -> RunLine:
    files = done = quarantined = 0
    node_seconds = 0.0
    failed, outputs = [], []
    for row, task in tasks:
        key = TaskKey(dag_id, run.run_id, row.task_id, row.map_index)
        value = xcoms.get(key, "return_value")
        if row.state in ("failed", "up_for_retry"):
            failed.append(key)
        if task.kind is TaskKind.LISTING:
            files += _files(value)
            continue
        result = parse_result(value) or parse_result(xcoms.get(key, FAILED_RESULT_KEY))
        if isinstance(result, SampleReport):
            quarantined += result.quarantined_count
        elif isinstance(result, BatchResult):
            done, quarantined = done + result.rows, quarantined + result.quarantined_count
            node_seconds += used_node_seconds(result, xcoms.get(key, JOB_KEY))
            column = next((name for name, kind in result.outputs.items() if kind.upper() == "STRING"), "")
            conn_id = task.conn_id or connection_id(session, key, task)
            if column and conn_id and result.rows and owns(key, result):
                outputs.append(OutputFolder(conn_id, result.job, result.location, column))
    seconds = None if run.start_date is None else ((run.end_date or now) - run.start_date).total_seconds()
    return RunLine(
        run.run_id,
        str(run.state),
        run.run_after,
        files,
        done,
        quarantined,
        tuple(failed),
        node_seconds,
        seconds,
        tuple(waiting),
        tuple(outputs),
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
