"""The runs of a DAG over the last weeks, one line for each, from Airflow's metadata database.

The number of statements does not depend on the number of runs, unless a task's connection is a template. What an XCom
says of a run is shown, and nothing is opened on its word but results that :func:`~.result_owner.owns` accepts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY, JOB_KEY
from airflow_provider_mediabatch.review.answers import load_answers
from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
from airflow_provider_mediabatch.review.run_line import DAYS, MAX_RUNS, FinishedTask, RunLine, RunTime, run_line
from airflow_provider_mediabatch.review.serialized_tasks import SerializedTask, TaskKind, load_our_tasks
from airflow_provider_mediabatch.review.stored_xcom import StoredXComs
from airflow_provider_mediabatch.review.task_instances import connection_id

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_DAGS = 100
MAX_TASK_INSTANCES = 5000
"""Of all runs of a page. Airflow's own limit of a mapped task is ``[core] max_map_length``, 1024 by default."""
_OPERATORS = ("SampleBatchOperator", "FullBatchOperator")


@dataclass(frozen=True)
class History:
    """The runs of a DAG.

    :param lines: the newest first, at most 60, without those that had no task of ours.
    :param more: how many older runs of the same days are not among them.
    """

    lines: Sequence[RunLine]
    more: int = 0


def load_history(dag_id: str, *, days: int = DAYS) -> History:
    """The runs of a DAG in the last days, as many as fit.

    :param dag_id: the DAG.
    :param days: how far back.
    """
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    now = datetime.now(UTC)
    with create_session() as session:
        recent = (DagRun.dag_id == dag_id, DagRun.run_after >= now - timedelta(days=days))
        total = int(session.scalar(select(func.count()).select_from(DagRun).where(*recent)) or 0)
        runs = session.execute(
            select(DagRun.run_id, DagRun.state, DagRun.run_after, DagRun.start_date, DagRun.end_date)
            .where(*recent)
            .order_by(DagRun.run_after.desc())
            .limit(MAX_RUNS)
        ).all()
        sizes = dict(
            session.execute(
                select(TaskInstance.run_id, func.count())
                .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_([run.run_id for run in runs]))
                .group_by(TaskInstance.run_id)
            )
            .tuples()
            .all()
        )
        runs = runs[: fitting([sizes.get(run.run_id, 0) for run in runs])]
        ids = [run.run_id for run in runs]
        rows = session.execute(
            select(
                TaskInstance.run_id,
                TaskInstance.task_id,
                TaskInstance.map_index,
                TaskInstance.state,
                TaskInstance.dag_version_id,
            ).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(ids))
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
        waiting: dict[str, list[TaskKey]] = {}
        for answer in answers.values():
            if answer.approved is None:
                waiting.setdefault(answer.key.run_id, []).append(answer.key)
        lines = [
            _line(session, xcoms, dag_id, run, by_run[run.run_id], waiting.get(run.run_id, ()), now)
            for run in runs
            if by_run[run.run_id]
        ]
        return History(lines, total - len(runs))


def fitting(sizes: Sequence[int]) -> int:
    """How many of the first runs are shown, so that each is shown whole: a part of a run would have wrong numbers.

    :param sizes: the number of each run's task instances. The first run is shown whatever its size is.
    """
    count, size = 0, 0
    for of_run in sizes:
        size += of_run
        if count and size > MAX_TASK_INSTANCES:
            break
        count += 1
    return count


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
    waiting: Sequence[TaskKey],
    now: datetime,
) -> RunLine:
    found = []
    for row, task in tasks:
        key = TaskKey(dag_id, run.run_id, row.task_id, row.map_index)
        value = xcoms.get(key, "return_value") or xcoms.get(key, FAILED_RESULT_KEY)
        conn_id = partial(_connection_id, session, key, task)
        found.append(FinishedTask(key, row.state, task.kind, value, xcoms.get(key, JOB_KEY), conn_id))
    at = RunTime(run.run_id, str(run.state), run.run_after, run.start_date, run.end_date)
    return run_line(at, found, tuple(waiting), now)


def _connection_id(session: Session, key: TaskKey, task: SerializedTask) -> str | None:
    return task.conn_id or connection_id(session, key, task)
