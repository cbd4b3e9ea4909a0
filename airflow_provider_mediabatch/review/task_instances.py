"""What Airflow's metadata database knows of a task instance and of the sample or batch that it returned.

Only a task's own XCom says what is shown, and only the connection that the task used is used.
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
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey

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
class TaskInstanceInfo:
    """A task instance as Airflow records it.

    :param key: identifies it.
    :param state: its state, or None before it was scheduled.
    :param operator: the name of its operator.
    :param xcom: what it has pushed, key to value.
    """

    key: TaskKey
    state: str | None
    operator: str | None
    xcom: Mapping[str, Any]


def load_task(key: TaskKey) -> tuple[TaskInstanceInfo | None, ReviewedBatch | None]:
    """A task instance and its batch. Each is None where there is none."""
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
        info = TaskInstanceInfo(key, instance.state, _operator(instance), own)
        # A task that failed its checks returns nothing. Its result is kept under a key of its own.
        result = parse_result(own.get("return_value")) or parse_result(own.get(FAILED_RESULT_KEY))
        if result is None:
            return info, None
        batches = _of_run(session, key.dag_id, key.run_id, {key: result})
        return info, next(batch for batch in batches if batch.key == key)


def load_run(dag_id: str, run_id: str) -> list[ReviewedBatch]:
    """All batches of a DAG run, samples first."""
    from airflow.utils.session import create_session

    with create_session() as session:
        found = _of_run(session, dag_id, run_id, {})
    return sorted(found, key=lambda batch: (not batch.is_sample, batch.key.task_id, batch.key.map_index))


def load_connection_id(key: TaskKey) -> str:
    """The Airflow connection that a task instance used."""
    from airflow.utils.session import create_session

    with create_session() as session:
        return _connection_id(session, key)


def parse_result(value: Any) -> SampleReport | BatchResult | None:
    """The result in a task's XCom, or None when it is none, or one that this release cannot read."""
    return _read(SampleReport.from_xcom, value) or _read(BatchResult.from_xcom, value)


def _of_run(
    session: Any, dag_id: str, run_id: str, known: Mapping[TaskKey, SampleReport | BatchResult]
) -> list[ReviewedBatch]:
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
        if batch := parse_result(raw):
            values[TaskKey(dag_id, run_id, row.task_id, row.map_index)] = batch
        elif plan := _read(InferencePlan.from_xcom, raw):
            plans[plan.digest] = plan
        else:
            manifests.extend(_read(manifests_from_xcom, raw) or ())
    return [
        ReviewedBatch(
            key, value, _connection_id(session, key), plans.get(_plan_digest(value)), _manifests_of(value, manifests)
        )
        for key, value in values.items()
    ]


def _connection_id(session: Any, key: TaskKey) -> str:
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
