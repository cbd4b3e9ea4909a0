"""The runs of a DAG over the last weeks as HTML for mail, for any of Airflow's notifiers.

Give the templates to a notifier on the last task of a DAG. They use a macro that Airflow's plugin brings::

    FullBatchOperator(
        …,
        on_success_callback=SmtpNotifier(to="me@example.com", subject=SUBJECT, html_content=HTML),
        on_failure_callback=SmtpNotifier(to="me@example.com", subject=SUBJECT, html_content=HTML),
    )

The mail has the lines of the page *Media batches*. Its styles are in its elements, it has no script and no picture, it
loads nothing, and every text in it is escaped. The notifier runs where the task runs, which may not read Airflow's
database. So the runs are asked for as a task may ask: of the DAG of the task, at most 60, and a few requests for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.review.label_shares import RunShares
    from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
    from airflow_provider_mediabatch.review.run_line import FinishedTask, RunLine, RunTime
    from airflow_provider_mediabatch.review.serialized_tasks import SerializedTask

T = TypeVar("T")

SUBJECT = "Media batches of {{ ti.dag_id }}"
"""One line."""

HTML = "{{ macros.mediabatch.runs_html(ti) }}"
"""The table of runs."""

_TIME = re.compile(r"__(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)")
_FAILED = frozenset({"failed", "up_for_retry"})
_RETURNED = frozenset({"success", "running", *_FAILED})
_WAITS = frozenset({"awaiting_input", "deferred"})
"""States of an approval that waits: the second is that of Airflow 3.2."""


def runs_html(ti: Any) -> str:
    """The mail: the runs of the task's DAG, the newest first.

    :param ti: the task instance that a template has as ``ti``.
    """
    from airflow_provider_mediabatch.review.label_shares import read_shares

    lines = load_lines(ti, datetime.now(UTC))
    return render(ti.dag_id, lines, read_shares(lines, _run_connected), _address())


def render(dag_id: str, lines: Sequence[RunLine], shares: Sequence[RunShares], address: str) -> str:
    """The mail of some runs.

    :param dag_id: the DAG.
    :param lines: its runs, the newest first.
    :param shares: their labels, in the same order.
    :param address: where Airflow is, for links, or "" where nobody said it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from airflow_provider_mediabatch.review.addresses import URL_PREFIX, form_path, segments
    from airflow_provider_mediabatch.review.run_line import DAYS
    from airflow_provider_mediabatch.review.run_texts import run_row
    from airflow_provider_mediabatch.review.visible_text import visible

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
    )

    def link(path: str) -> str:
        return address + path if address else ""

    return environment.get_template("runs.html").render(
        dag_id=dag_id,
        days=DAYS,
        page=link(f"{URL_PREFIX}/{segments(dag_id)}"),
        rows=[
            {
                "row": (row := run_row(line, labels)),
                "line": line,
                "has_changed": labels.has_changed,
                "url": link(f"{URL_PREFIX}/{segments(dag_id, line.run_id)}"),
                "forms": [(key.task_id, link(form_path(key))) for key in row.waiting],
            }
            for line, labels in zip(lines, shares, strict=True)
        ],
    )


def load_lines(ti: Any, now: datetime) -> list[RunLine]:
    """The runs of the task's DAG in the last weeks, the newest first.

    :param ti: the task instance, which asks.
    :param now: the time.
    """
    from airflow_provider_mediabatch.review.reviewed_batch import TaskKey
    from airflow_provider_mediabatch.review.run_line import run_line
    from airflow_provider_mediabatch.review.serialized_tasks import TaskKind, our_live_tasks

    ours = our_live_tasks(ti.task.dag.tasks)
    runs = _runs(ti, ours, now)
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(ours), run_ids=[run.run_id for run in runs])
    lines = []
    for run in runs:
        named = states.get(run.run_id, {}).items()
        keys = {_key(ti.dag_id, run.run_id, name, ours): _text(state) for name, state in named}
        own = TaskKey(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
        if own in keys and ti.state is not None:
            # Airflow hears of a failure only after the task has called the notifier.
            keys[own] = _text(ti.state)
        tasks = [_task(ti, key, state, ours[key.task_id]) for key, state in keys.items()]
        waiting = tuple(
            key for key, state in keys.items() if ours[key.task_id].kind is TaskKind.APPROVAL and state in _WAITS
        )
        lines.append(run_line(_as_it_ends(run, ti, tasks), tasks, waiting, now))
    return lines


def recent(run_ids: Iterable[str], now: datetime) -> list[str]:
    """The runs that may be of the last weeks, as far as their ids say.

    Airflow puts the time into the id. A run that somebody named otherwise is looked at too.

    :param run_ids: all runs.
    :param now: the time.
    """
    from airflow_provider_mediabatch.review.run_line import DAYS, MAX_RUNS

    dated, other = [], []
    for run_id in run_ids:
        found = _TIME.search(run_id)
        if found is None:
            other.append(run_id)
            continue
        at = datetime.fromisoformat(found[1])
        # The time may be that of the data, which is earlier than the run.
        if (at if at.tzinfo else at.replace(tzinfo=UTC)) >= now - timedelta(days=2 * DAYS):
            dated.append((at, run_id))
    return [run_id for _, run_id in sorted(dated, reverse=True)[:MAX_RUNS]] + sorted(other)[-MAX_RUNS:]


def _runs(ti: Any, ours: Mapping[str, SerializedTask], now: datetime) -> list[RunTime]:
    from airflow_provider_mediabatch.review.run_line import DAYS, MAX_RUNS

    # One task stands for all: an answer with every task of every run would be long.
    known = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id]) if ours else {}
    found = [_run_time(ti.dag_id, run_id) for run_id in recent({*known, ti.run_id}, now)] if ours else []
    kept = [run for run in found if run is not None and run.begun >= now - timedelta(days=DAYS)]
    return sorted(kept, key=lambda run: run.begun, reverse=True)[:MAX_RUNS]


def _run_time(dag_id: str, run_id: str) -> RunTime | None:
    from airflow.sdk.execution_time.comms import DagRunResult, GetDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    from airflow_provider_mediabatch.review.run_line import RunTime

    found = SUPERVISOR_COMMS.send(GetDagRun(dag_id=dag_id, run_id=run_id))
    if not isinstance(found, DagRunResult):
        return None  # it was deleted a moment ago
    return RunTime(run_id, str(found.state.value), found.run_after, found.start_date, found.end_date)


def _text(state: Any) -> str | None:
    """A state as text; where a task runs it may be an Enum whose own text has its class in it."""
    return None if state is None else str(getattr(state, "value", state))


def _task(ti: Any, key: TaskKey, state: str | None, task: SerializedTask) -> FinishedTask:
    from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY, JOB_KEY
    from airflow_provider_mediabatch.review.run_line import FinishedTask
    from airflow_provider_mediabatch.review.serialized_tasks import TaskKind

    def pull(name: str) -> Any:
        return ti.xcom_pull(task_ids=key.task_id, run_id=key.run_id, map_indexes=key.map_index, key=name)

    kinds = (TaskKind.LISTING, TaskKind.SAMPLE, TaskKind.BATCH, TaskKind.LOAD)
    returned = task.kind in kinds and state in _RETURNED
    value = pull(FAILED_RESULT_KEY if state in _FAILED else "return_value") if returned else None
    submitted = pull(JOB_KEY) if task.kind is TaskKind.BATCH and value is not None else None
    return FinishedTask(key, state, task.kind, value, submitted, lambda: task.conn_id)


def _as_it_ends(run: RunTime, ti: Any, tasks: Sequence[FinishedTask]) -> RunTime:
    """The run that sends the mail, which Airflow takes for running until its last task has sent it."""
    from dataclasses import replace

    from airflow_provider_mediabatch.review.reviewed_batch import ENDED

    ended = run.run_id == ti.run_id and all(task.state in ENDED for task in tasks)
    return replace(run, state="success") if ended else run


def _key(dag_id: str, run_id: str, name: str, ours: Mapping[str, SerializedTask]) -> TaskKey:
    """The task instance that Airflow calls ``task`` or, when it is mapped, ``task_0``."""
    from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

    if name in ours:
        return TaskKey(dag_id, run_id, name)
    task_id, _, index = name.rpartition("_")
    return TaskKey(dag_id, run_id, task_id, int(index))


def _run_connected(conn_id: str, work: Callable[[SnowflakeConnection], T]) -> T:
    from airflow_provider_mediabatch.client.connection import connected

    with connected(conn_id) as connection:
        return work(connection)


def _address() -> str:
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
