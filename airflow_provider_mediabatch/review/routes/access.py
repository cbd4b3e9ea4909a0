"""Who may read a route, and which task instance its address names."""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, HTTPException, Request

from airflow_provider_mediabatch.review.reviewed_batch import TaskKey

DAG_PATH = "/{dag_id}"
RUN_PATH = DAG_PATH + "/{run_id}"
TASK_PATH = RUN_PATH + "/{task_id}/{map_index}"


def _has_dag(dag_id: str) -> None:
    # The auth manager reads "~" as "any DAG".
    if dag_id in ("", "~"):
        raise HTTPException(404)


def _reads(*entities: DagAccessEntity) -> list[Any]:
    return [Depends(_has_dag), *(Depends(requires_access_dag("GET", entity)) for entity in entities)]


def _may_mark(request: Request, user: GetUserDep) -> bool:
    try:
        requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)(request, user)
    except HTTPException:
        return False
    return True


READS_RESULTS = _reads(DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)
MARKS_RESULTS = [*READS_RESULTS, Depends(requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE))]
MayMark = Annotated[bool, Depends(_may_mark)]
"""A route's parameter that receives whether the reader may mark predictions: who may edit the task instance may."""
READS_LOGS = _reads(DagAccessEntity.TASK_INSTANCE, DagAccessEntity.TASK_LOGS)


def _may_read_logs(request: Request, user: GetUserDep) -> bool:
    try:
        requires_access_dag("GET", DagAccessEntity.TASK_LOGS)(request, user)
    except HTTPException:
        return False
    return True


MayReadLogs = Annotated[bool, Depends(_may_read_logs)]
"""A route's parameter that receives whether the reader may read the task's logs."""


def _task_key(dag_id: str, run_id: str, task_id: str, map_index: str) -> TaskKey:
    # Airflow's UI leaves "{MAP_INDEX}" as it is for a task that is not mapped.
    index = int(map_index) if map_index.removeprefix("-").isascii() and map_index.removeprefix("-").isdigit() else -1
    return TaskKey(dag_id, run_id, task_id, max(-1, min(index, 2**31 - 1)))


RequestedTask = Annotated[TaskKey, Depends(_task_key)]
"""A route's parameter that receives the task instance of the address."""
