"""What Airflow's metadata database knows of a batch: the values that its tasks handed on.

Only a task's own XCom says what may be looked at, and only the connection that the task ran with is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import or_, select

from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest, manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport

T = TypeVar("T")

DEFAULT_CONN_ID = "snowflake_default"
MAX_VALUES = 2000
_OPERATORS = (
    "ListStageFilesOperator",
    "ValidateSignatureOperator",
    "SampleBatchOperator",
    "FullBatchOperator",
)


@dataclass(frozen=True)
class TaskKey:
    """Which task instance: the last try of it."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1


@dataclass(frozen=True)
class Batch:
    """A sample or a full batch, as its task reported it.

    :param key: the task instance whose value it is.
    :param value: what it returned.
    :param conn_id: the connection that it ran with.
    :param plan: the plan that it ran, where the run still has it.
    :param manifests: what it was drawn from, where the run still has it.
    """

    key: TaskKey
    value: SampleReport | BatchResult
    conn_id: str
    plan: InferencePlan | None
    manifests: tuple[Manifest, ...]

    @property
    def is_sample(self) -> bool:
        """A few files for a look, not the run itself."""
        return isinstance(self.value, SampleReport)

    @property
    def file_columns(self) -> tuple[str, ...]:
        """Columns that hold full stage paths."""
        if self.manifests:
            return self.manifests[0].file_columns
        return tuple(self.plan.column_handling) if self.plan else ()

    @property
    def outputs(self) -> Mapping[str, str]:
        """The signature's outputs, name to type."""
        if isinstance(self.value, BatchResult) and self.value.outputs:
            return self.value.outputs
        return self.plan.outputs if self.plan else {}


@dataclass(frozen=True)
class TaskFacts:
    """A task instance as Airflow has it: for pages of tasks that have no batch (yet)."""

    key: TaskKey
    state: str | None
    operator: str | None
    xcom: Mapping[str, Any]


def load(key: TaskKey) -> tuple[TaskFacts | None, Batch | None]:
    """The task instance and its batch; None where Airflow has no such task instance, or it has returned no batch."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        instance = session.scalar(
            select(TaskInstance).where(
                TaskInstance.dag_id == key.dag_id,
                TaskInstance.run_id == key.run_id,
                TaskInstance.task_id == key.task_id,
                TaskInstance.map_index == key.map_index,
            )
        )
        if instance is None:
            return None, None
        own = {
            row.key: XComModel.deserialize_value(row)
            for row in session.scalars(
                select(XComModel).where(
                    XComModel.dag_id == key.dag_id,
                    XComModel.run_id == key.run_id,
                    XComModel.task_id == key.task_id,
                    XComModel.map_index == key.map_index,
                )
            )
        }
        facts = TaskFacts(key, instance.state, _operator(instance), own)
        # A sample that failed its checks returns nothing; its report is kept under a key of its own.
        value = as_batch(own.get("return_value")) or as_batch(own.get("report"))
        if value is None:
            return facts, None
        batches = _of_run(session, key.dag_id, key.run_id, {key: value})
        return facts, next(batch for batch in batches if batch.key == key)


def load_run(dag_id: str, run_id: str) -> list[Batch]:
    """All batches of a DAG run, samples first."""
    from airflow.utils.session import create_session

    with create_session() as session:
        found = _of_run(session, dag_id, run_id, {})
    return sorted(found, key=lambda batch: (not batch.is_sample, batch.key.task_id, batch.key.map_index))


def as_batch(value: Any) -> SampleReport | BatchResult | None:
    """A task's return value as a batch, or None when it is something else or not readable by this release."""
    return _read(SampleReport.from_xcom, value) or _read(BatchResult.from_xcom, value)


def _of_run(session: Any, dag_id: str, run_id: str, known: Mapping[TaskKey, SampleReport | BatchResult]) -> list[Batch]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel

    ours = select(TaskInstance.task_id).where(
        TaskInstance.dag_id == dag_id,
        TaskInstance.run_id == run_id,
        or_(TaskInstance.operator.in_(_OPERATORS), TaskInstance.custom_operator_name.in_(_OPERATORS)),
    )
    values: dict[TaskKey, SampleReport | BatchResult] = dict(known)
    plans: dict[str, InferencePlan] = {}
    manifests: list[Manifest] = []
    for row in session.scalars(
        select(XComModel)
        .where(
            XComModel.dag_id == dag_id,
            XComModel.run_id == run_id,
            XComModel.key == "return_value",
            XComModel.task_id.in_(ours),
        )
        .order_by(XComModel.task_id, XComModel.map_index)
        .limit(MAX_VALUES)
    ):
        raw = XComModel.deserialize_value(row)
        if batch := as_batch(raw):
            values[TaskKey(dag_id, run_id, row.task_id, row.map_index)] = batch
        elif plan := _read(InferencePlan.from_xcom, raw):
            plans[plan.digest] = plan
        else:
            manifests.extend(_read(manifests_from_xcom, raw) or ())
    return [
        Batch(key, value, connection_id(session, key), plans.get(_plan_digest(value)), _manifests_of(value, manifests))
        for key, value in values.items()
    ]


def connection_id(session: Any, key: TaskKey) -> str:
    """The ``snowflake_conn_id`` that the task ran with, as rendered; else as written in the DAG; else the default."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
    from airflow.models.serialized_dag import SerializedDagModel

    fields = session.scalar(
        select(Rendered.rendered_fields).where(
            Rendered.dag_id == key.dag_id,
            Rendered.run_id == key.run_id,
            Rendered.task_id == key.task_id,
            Rendered.map_index == key.map_index,
        )
    )
    found = (fields or {}).get("snowflake_conn_id")
    if not found:
        # Airflow keeps rendered fields of the latest runs only.
        serialized = SerializedDagModel.get(key.dag_id, session=session)
        task = serialized.dag.task_dict.get(key.task_id) if serialized else None
        found = getattr(task, "snowflake_conn_id", None)
    return found if isinstance(found, str) and found and "{{" not in found else DEFAULT_CONN_ID


def _plan_digest(value: SampleReport | BatchResult) -> str:
    return value.plan_digest if isinstance(value, SampleReport) else value.plan


def _manifests_of(value: SampleReport | BatchResult, found: list[Manifest]) -> tuple[Manifest, ...]:
    if isinstance(value, BatchResult):
        own = _read(Manifest.from_xcom, value.manifest)
        return (own,) if own else ()
    return tuple(found)


def _operator(instance: Any) -> str | None:
    return getattr(instance, "custom_operator_name", None) or getattr(instance, "operator", None)


def _read(reader: Callable[[Any], T], value: Any) -> T | None:
    try:
        return reader(value)
    except ValueError:
        return None
