"""What may be shown of a task instance, from Airflow's metadata database.

An XCom is data that anybody may have written, for example with a task that returns its run's configuration. So it
decides nothing about access. A result is shown when the serialized DAG says that the task's operator is one of ours,
and when the result's job and location are named after this task instance. It is read with the connection that the task
used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.drift_report import find_report
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.job_names import listing_folder
from airflow_provider_mediabatch.core.manifest import Manifest, combined_digest, manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.core.task_notes import SubmittedJob, TaskFailure
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY, FAILURE_KEY, JOB_KEY, WAITING_KEY
from airflow_provider_mediabatch.review.answers import load_answers
from airflow_provider_mediabatch.review.result_owner import belongs, is_job, owns, parse_result, read, why_unread
from airflow_provider_mediabatch.review.reviewed_batch import LoadedDrift, ReviewedBatch, TaskInstanceInfo, TaskKey
from airflow_provider_mediabatch.review.serialized_tasks import SerializedTask, TaskKind, load_our_tasks
from airflow_provider_mediabatch.review.stored_xcom import StoredXComs

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_TASK_INSTANCES = 2000
SHOWN: tuple[TaskKind | None, ...] = (TaskKind.SAMPLE, TaskKind.APPROVAL, TaskKind.BATCH)
"""The tasks that have a page."""
_RESULTS: Mapping[TaskKind | None, Callable[[Any], SampleReport | BatchResult]] = {
    TaskKind.SAMPLE: SampleReport.from_xcom,
    TaskKind.BATCH: BatchResult.from_xcom,
}
"""The tasks whose results say nothing of another task's."""
_QUERY_ID = re.compile(r"[0-9a-f]+(-[0-9a-f]+)*\Z")


def load_task(key: TaskKey) -> tuple[TaskInstanceInfo | None, ReviewedBatch | None]:
    """A task instance and its batch. Each is None where there is none."""
    from airflow.utils.session import create_session

    with create_session() as session:
        run = _Run(session, key.dag_id, key.run_id, only=key)
        return run.load(key) if key in run.states else (None, None)


def load_run(
    dag_id: str, run_id: str
) -> tuple[list[tuple[TaskInstanceInfo, ReviewedBatch | None]], tuple[LoadedDrift, ...]]:
    """All samples, approvals and batches of a DAG run, in this order, whatever their state is; and its drift."""
    from airflow.utils.session import create_session

    with create_session() as session:
        run = _Run(session, dag_id, run_id)
        found = [run.load(key) for key, task in run.ours.items() if task.kind in SHOWN]
        drift = run.drift
    found.sort(key=lambda item: (SHOWN.index(item[0].kind), item[0].key.task_id, item[0].key.map_index))
    return found, drift


def load_connection_id(key: TaskKey) -> str | None:
    """The connection that a task instance of ours used; None for any other, and where Airflow does not know it."""
    from airflow.utils.session import create_session

    with create_session() as session:
        task = _our_task(session, key)
        return None if task is None else connection_id(session, key, task)


def load_waiting_jobs(key: TaskKey) -> tuple[str | None, list[tuple[str, str | None]]]:
    """The connection of a task instance, and the jobs that its last try waited for, each with its submitting statement.

    They may have ended. Jobs that are not named after the task instance are left out.
    """
    from airflow.utils.session import create_session

    with create_session() as session:
        task = _our_task(session, key)
        if task is None:
            return None, []
        xcoms = StoredXComs(session, key.dag_id, [key.run_id], [key.task_id], [WAITING_KEY, JOB_KEY], only=key)
        waiting = dict(_waiting_jobs(key, xcoms.get(key, WAITING_KEY)))
        # A task that waits in place has said nothing else. After a deferral the other may be of the job before.
        submitted = _submitted_job(key, xcoms.get(key, JOB_KEY))
        if submitted is not None:
            waiting.setdefault(submitted.job, submitted.query_id if _is_query_id(submitted.query_id) else None)
        return (connection_id(session, key, task), list(waiting.items())) if waiting else (None, [])


def drift_of(key: TaskKey, found: Iterable[LoadedDrift]) -> tuple[LoadedDrift, ...]:
    """What the tasks that load a batch's output have compared.

    In an expanded task group each load has the batch of its own map index. One that is not mapped loads all of them.
    """
    return tuple(item for item in found if item.key.map_index in (-1, key.map_index))


class _Run:
    """The task instances of a DAG run, and what those of ours returned.

    :param only: of this mapped task, only this task instance is read.
    """

    def __init__(self, session: Session, dag_id: str, run_id: str, *, only: TaskKey | None = None) -> None:
        from airflow.models.taskinstance import TaskInstance

        query = select(
            TaskInstance.task_id,
            TaskInstance.map_index,
            TaskInstance.state,
            TaskInstance.start_date,
            TaskInstance.end_date,
            TaskInstance.dag_version_id,
        ).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        if only is not None:
            others = TaskInstance.task_id != only.task_id
            query = query.where(or_(others, TaskInstance.map_index == only.map_index)).order_by(others)
        query = query.order_by(TaskInstance.task_id, TaskInstance.map_index).limit(MAX_TASK_INSTANCES)
        rows = session.execute(query).all()
        tasks = {version: load_our_tasks(session, dag_id, version) for version in {row.dag_version_id for row in rows}}
        self._session = session
        self.states: dict[TaskKey, Any] = {}
        self.ours: dict[TaskKey, SerializedTask] = {}
        for row in rows:
            key = TaskKey(dag_id, run_id, row.task_id, row.map_index)
            self.states[key] = row
            if (task := tasks[row.dag_version_id].get(row.task_id)) is not None:
                self.ours[key] = task
        names = ("return_value", FAILED_RESULT_KEY, JOB_KEY, FAILURE_KEY)
        # A page asks for one task instance, and each of a form's pictures does. Other results are not read for that.
        wanted = {key.task_id for key, task in self.ours.items() if only is None or task.kind not in _RESULTS}
        wanted |= {key.task_id for key in self.ours if key == only}
        self._xcoms = StoredXComs(session, dag_id, [run_id], wanted, names, only=only)
        asking = {key.task_id for key, task in self.ours.items() if task.kind is TaskKind.APPROVAL}
        self._answers = load_answers(session, dag_id, [run_id], asking)

    def load(self, key: TaskKey) -> tuple[TaskInstanceInfo, ReviewedBatch | None]:
        """A task instance of the run, and its batch."""
        row, task = self.states[key], self.ours.get(key)
        info = TaskInstanceInfo(key, row.state, started=row.start_date, ended=row.end_date)
        if task is None:
            return info, None
        result = self.result(key)
        refused = result is not None and not owns(key, result)
        reader = _RESULTS.get(task.kind) if result is None else None
        submitted = self._submitted(key)
        info = replace(
            info,
            conn_id=connection_id(self._session, key, task),
            kind=task.kind,
            submitted=submitted,
            failure=read(TaskFailure.from_xcom, self._xcoms.get(key, FAILURE_KEY)),
            files=self._files(key, submitted),
            sample=self._sample(key),
            answers=tuple(item for item in self._answers.values() if key in (item.key, self._sample(item.key))),
            refused=refused,
            unread=why_unread(reader, self._xcoms.get(key, "return_value")) if reader else "",
        )
        return info, None if result is None or refused else self.batch(key, result, info.conn_id)

    def result(self, key: TaskKey) -> SampleReport | BatchResult | None:
        """The result of a task instance. One that failed its checks returned none and pushed it under another key."""
        result = parse_result(self._xcoms.get(key, "return_value"))
        return result or parse_result(self._xcoms.get(key, FAILED_RESULT_KEY))

    def wrote(self, key: TaskKey, location: str) -> bool:
        """Whether a folder of files is named after a task instance of ours in this run, or is a job's of this task."""
        try:
            parts = StagePath.parse(location).path.split("/")
        except ValueError:
            return False
        return any(part in self._folders or belongs(key, part) for part in parts)

    def _submitted(self, key: TaskKey) -> SubmittedJob | None:
        return _submitted_job(key, self._xcoms.get(key, JOB_KEY))

    def _files(self, key: TaskKey, submitted: SubmittedJob | None) -> Manifest | None:
        manifest = read(Manifest.from_xcom, submitted.manifest) if submitted is not None else None
        return manifest if manifest is not None and self.wrote(key, manifest.location) else None

    def _sample(self, key: TaskKey) -> TaskKey | None:
        """The sample that an approval asks about: of the same map index where there is one."""
        task = self.ours.get(key)
        if task is None or task.sample is None:
            return None
        same = replace(key, task_id=task.sample)
        return same if same in self.ours else replace(same, map_index=-1)

    @cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(listing_folder(**asdict(key)) for key in self.ours)

    def batch(self, key: TaskKey, result: SampleReport | BatchResult, conn_id: str | None) -> ReviewedBatch:
        """The result with its plan and its manifests, as far as other tasks of ours returned them in this run."""
        unread = ""
        if isinstance(result, BatchResult):
            unread = why_unread(Manifest.from_xcom, result.manifest or None)
            own = read(Manifest.from_xcom, result.manifest)
            plan, source = self._plans.get(result.plan), own.location if own else ""
            manifests: tuple[Manifest, ...] = (own,) if own else ()
        else:
            plan, source = self._plans.get(result.plan_digest), result.manifest
            manifests = self._listings.get(result.manifest_digest, ())
        drift = drift_of(key, self.drift) if isinstance(result, BatchResult) else ()
        proven = source if self.wrote(key, source) else None
        return ReviewedBatch(key, result, conn_id, plan, manifests, proven, drift, unread)

    @cached_property
    def drift(self) -> tuple[LoadedDrift, ...]:
        """What the tasks that load results returned, or failed with."""
        found = []
        for key, task in self.ours.items():
            if task.kind is TaskKind.LOAD:
                values = (self._xcoms.get(key, name) for name in ("return_value", FAILED_RESULT_KEY))
                report = next((report for value in values if (report := find_report(value)) is not None), None)
                if report is not None:
                    found.append(LoadedDrift(key, self.states[key].state in ("failed", "up_for_retry"), report))
        return tuple(found)

    @cached_property
    def _plans(self) -> dict[str, InferencePlan]:
        plans = (read(InferencePlan.from_xcom, self._xcoms.get(key, "return_value")) for key in self.ours)
        return {plan.digest: plan for plan in plans if plan is not None}

    @cached_property
    def _listings(self) -> dict[str, tuple[Manifest, ...]]:
        """The manifests of each listing by the digest that a sample is bound to: of one task instance, or of all."""
        by_task: dict[str, list[Manifest]] = {}
        found: dict[str, tuple[Manifest, ...]] = {}
        for key in self.ours:
            manifests = read(manifests_from_xcom, self._xcoms.get(key, "return_value"))
            if manifests:
                by_task.setdefault(key.task_id, []).extend(manifests)
                found[combined_digest(manifests)] = tuple(manifests)
        return found | {combined_digest(manifests): tuple(manifests) for manifests in by_task.values()}


def _our_task(session: Session, key: TaskKey) -> SerializedTask | None:
    from airflow.models.taskinstance import TaskInstance

    row = session.execute(
        select(TaskInstance.dag_version_id).where(
            TaskInstance.dag_id == key.dag_id,
            TaskInstance.run_id == key.run_id,
            TaskInstance.task_id == key.task_id,
            TaskInstance.map_index == key.map_index,
        )
    ).first()
    return None if row is None else load_our_tasks(session, key.dag_id, row.dag_version_id).get(key.task_id)


def _waiting_jobs(key: TaskKey, pushed: Any) -> list[tuple[str, str | None]]:
    waiting = pushed.get("jobs") if isinstance(pushed, Mapping) else None
    pairs = [tuple(item) for item in waiting or () if isinstance(item, Sequence) and len(item) == 2]
    return [(job, query_id if _is_query_id(query_id) else None) for job, query_id in pairs if is_job(key, job)]


def _submitted_job(key: TaskKey, pushed: Any) -> SubmittedJob | None:
    submitted = read(SubmittedJob.from_xcom, pushed)
    return submitted if submitted is not None and is_job(key, submitted.job) else None


def connection_id(session: Session, key: TaskKey, task: SerializedTask) -> str | None:
    """The connection as rendered for this task instance, else as the DAG's code names it."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered

    fields = session.scalar(
        select(Rendered.rendered_fields).where(
            Rendered.dag_id == key.dag_id,
            Rendered.run_id == key.run_id,
            Rendered.task_id == key.task_id,
            Rendered.map_index == key.map_index,
        )
    )
    # Airflow keeps the rendered fields of the latest runs only.
    rendered = (fields or {}).get("snowflake_conn_id")
    return rendered if isinstance(rendered, str) and rendered else task.conn_id


def _is_query_id(value: Any) -> bool:
    return isinstance(value, str) and bool(_QUERY_ID.match(value))
