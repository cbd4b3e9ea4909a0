"""XComs in Airflow's metadata database, read as a worker reads them.

With a custom XCom backend, such as ``XComObjectStorageBackend``, a row holds a reference and not the value.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)


class StoredXComs:
    """The XComs of some tasks of some DAG runs. Each value is read from the backend when it is first asked for.

    :param session: of Airflow's metadata database.
    :param dag_id: the DAG.
    :param run_ids: its runs.
    :param task_ids: the tasks.
    :param names: the XCom keys.
    :param only: of this mapped task, only this task instance is read.
    """

    def __init__(
        self,
        session: Session,
        dag_id: str,
        run_ids: Iterable[str],
        task_ids: Iterable[str],
        names: Iterable[str],
        *,
        only: TaskKey | None = None,
    ) -> None:
        from airflow.models.xcom import XComModel

        query = select(XComModel.run_id, XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value).where(
            XComModel.dag_id == dag_id,
            XComModel.run_id.in_(set(run_ids)),
            XComModel.task_id.in_(set(task_ids)),
            XComModel.key.in_(set(names)),
        )
        if only is not None:
            query = query.where(or_(XComModel.task_id != only.task_id, XComModel.map_index == only.map_index))
        rows = session.execute(query)
        self._rows = {(TaskKey(dag_id, row.run_id, row.task_id, row.map_index), row.key): row for row in rows}
        self._values: dict[tuple[TaskKey, str], Any] = {}

    def get(self, key: TaskKey, name: str) -> Any:
        """What a task instance pushed, or None when it pushed nothing or the backend cannot read it.

        :param key: the task instance.
        :param name: the XCom key.
        """
        from airflow.sdk.execution_time.xcom import XCom  # the configured backend

        row = self._rows.get((key, name))
        if row is None:
            return None
        if (key, name) not in self._values:
            try:
                self._values[key, name] = XCom.deserialize_value(row)
            except Exception:  # the backend may be anybody's, and its store may not answer
                log.warning("The XCom %s of %s cannot be read", name, key, exc_info=True)
                self._values[key, name] = None
        return self._values[key, name]
