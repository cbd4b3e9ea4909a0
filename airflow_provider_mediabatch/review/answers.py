"""What people have answered to the approval forms of a DAG run, from Airflow's own record of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import select

from airflow_provider_mediabatch.review.reviewed_batch import Answer, TaskKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

APPROVE = "Approve"


def load_answers(
    session: Session, dag_id: str, run_ids: Iterable[str], task_ids: Iterable[str]
) -> dict[TaskKey, Answer]:
    """The forms of some tasks of some DAG runs, by task instance.

    :param session: of Airflow's metadata database.
    :param dag_id: the DAG.
    :param run_ids: its runs.
    :param task_ids: the approvals.
    """
    wanted = set(task_ids)
    if not wanted:
        return {}
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance

    rows = session.execute(
        select(
            TaskInstance.run_id,
            TaskInstance.task_id,
            TaskInstance.map_index,
            HITLDetail.created_at,
            HITLDetail.responded_at,
            HITLDetail.responded_by,
            HITLDetail.chosen_options,
            HITLDetail.params_input,
        )
        .join(TaskInstance, TaskInstance.id == HITLDetail.ti_id)
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(set(run_ids)), TaskInstance.task_id.in_(wanted))
    ).all()
    found = {}
    for row in rows:
        key = TaskKey(dag_id, row.run_id, row.task_id, row.map_index)
        if row.responded_at is None:
            found[key] = Answer(key, row.created_at)
            continue
        person = row.responded_by or {}
        note = (row.params_input or {}).get("note")
        found[key] = Answer(
            key,
            row.created_at,
            approved=list(row.chosen_options or ()) == [APPROVE],
            by=str(person.get("name") or person.get("id") or ""),
            at=row.responded_at,
            note=str(note or ""),
        )
    return found
