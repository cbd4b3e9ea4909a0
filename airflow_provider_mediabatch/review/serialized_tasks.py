"""What a DAG, serialized or not, says of its tasks: which of our operators each is, and which connection it names.

The DAG processor writes the serialized DAG from the DAG's code. It holds nothing that a run was given, returned or
pushed, so it can be trusted where an XCom cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DEFAULT_CONN_ID = "snowflake_default"
"""Of our operators."""
OPERATORS_PACKAGE = "airflow_provider_mediabatch.operators."
LINKS = frozenset({"_link_BatchJobLink", "_link_LocationLink", "_link_ReviewLink"})
"""How Airflow serializes our operators' extra links. A subclass inherits them, whatever its own module is."""


class TaskKind(StrEnum):
    """What a task of ours does. The values are what the pages call it."""

    LISTING = "listing"
    VALIDATION = "validation"
    SAMPLE = "sample"
    APPROVAL = "approval"
    BATCH = "full batch"
    LOAD = "load"
    OTHER = "task"


_KINDS = {
    "manifest_location": TaskKind.LISTING,
    "sampling": TaskKind.SAMPLE,
    "review": TaskKind.APPROVAL,
    "max_failed_fraction": TaskKind.BATCH,
    "nested": TaskKind.LOAD,
    "compute_pool": TaskKind.VALIDATION,
}
"""A templated argument that only one operator has. A subclass inherits it, whatever its own class is."""


@dataclass(frozen=True)
class SerializedTask:
    """A task of one of our operators or of a subclass.

    :param conn_id: the connection that the DAG's code names, or None where it is a template, differs between mapped
        task instances, or is not given to a mapped task.
    :param kind: what it does.
    :param sample: for an approval, the task whose sample it asks about, where the DAG says so.
    """

    conn_id: str | None
    kind: TaskKind = TaskKind.OTHER
    sample: str | None = None


def load_our_tasks(session: Session, dag_id: str, version: UUID | None) -> dict[str, SerializedTask]:
    """The tasks of our operators in a DAG, by task id.

    :param session: of Airflow's metadata database.
    :param dag_id: the DAG.
    :param version: the version of the DAG that the task instance ran, or None for the latest one.
    """
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    if version is None:
        row = SerializedDagModel.get(dag_id, session=session)
    else:
        row = session.scalar(select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version))
    data = row.data if row is not None and row.dag_id == dag_id else None
    return our_tasks(data or {})


def our_tasks(data: Mapping[str, Any]) -> dict[str, SerializedTask]:
    """The tasks of our operators in a DAG, by task id.

    :param data: the DAG as ``DagSerialization.to_dict`` gives it.
    """
    tasks = [task.get("__var", task) for task in data.get("dag", {}).get("tasks", ())]
    ours = [(task, _kind(task)) for task in tasks if _is_ours(task)]
    samples = [task for task, kind in ours if kind is TaskKind.SAMPLE]
    return {
        task["task_id"]: SerializedTask(
            _conn_id(task), kind, _sample_of(task, samples) if kind is TaskKind.APPROVAL else None
        )
        for task, kind in ours
    }


def our_live_tasks(tasks: Iterable[Any]) -> dict[str, SerializedTask]:
    """The tasks of our operators among those of a DAG object, by task id; which sample is approved is left out.

    :param tasks: operators, mapped ones too.
    """
    found = {}
    for task in tasks:
        if LINKS.isdisjoint(f"_link_{type(link).__name__}" for link in task.operator_extra_links or ()):
            continue
        found[task.task_id] = SerializedTask(_live_conn_id(task), _kind({"template_fields": task.template_fields}))
    return found


def _is_ours(task: Mapping[str, Any]) -> bool:
    links = task.get("_operator_extra_links") or {}
    return str(task.get("_task_module")).startswith(OPERATORS_PACKAGE) or not LINKS.isdisjoint(links.values())


def _kind(task: Mapping[str, Any]) -> TaskKind:
    fields = set(task.get("template_fields") or ())
    return next((kind for name, kind in _KINDS.items() if name in fields), TaskKind.OTHER)


def _sample_of(task: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> str | None:
    """The sample that an approval waits for. Of several, the one that its ``sample`` argument names."""
    before = [item for item in samples if task["task_id"] in (item.get("downstream_task_ids") or ())]
    given = str(task.get("partial_kwargs", task).get("sample"))
    before.sort(key=lambda item: repr(item["task_id"]) not in given)
    return str(before[0]["task_id"]) if before else None


def _live_conn_id(task: Any) -> str | None:
    if not hasattr(task, "partial_kwargs"):
        return _fixed(task.snowflake_conn_id)
    expanded = task.expand_input.value
    if not isinstance(expanded, Mapping) or "snowflake_conn_id" in expanded:
        return None
    return _fixed(task.partial_kwargs.get("snowflake_conn_id", DEFAULT_CONN_ID))


def _conn_id(task: Mapping[str, Any]) -> str | None:
    given = task.get("partial_kwargs", task)
    # expand_kwargs may give each mapped task instance a connection of its own.
    differs = (task.get("expand_input") or {}).get("type") == "list-of-dicts"
    return None if differs else _fixed(given.get("snowflake_conn_id"))


def _fixed(conn_id: Any) -> str | None:
    return conn_id if isinstance(conn_id, str) and conn_id and "{{" not in conn_id else None
