"""Tasks in processes of their own, to be killed at any instant: what Airflow's worker and triggerer do, and no more.

Everything is imported once; then each line of JSON on the standard input is one step, run in a fork whose process id is
printed: ``execute`` and ``complete`` (``execute_complete``) of an operator as Airflow's task runner calls them,
``reject`` for the answer to an approval, ``trigger`` for a trigger, and what prepares a test. A step that comes to its
end writes its answer to a file; one that is killed does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import job_models
import snowflake.connector
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from snowflake.ml.model import batch_inference, custom_model  # noqa: F401  (what a submission imports)
from snowflake.ml.registry import Registry
from snowflake.snowpark import Session

from airflow_provider_mediabatch.batch import job_outcomes, submission, wait_for_job  # noqa: F401
from airflow_provider_mediabatch.client import jobs  # noqa: F401
from airflow_provider_mediabatch.exceptions import NotApprovedError
from airflow_provider_mediabatch.files import selected_files, stage_listing  # noqa: F401
from airflow_provider_mediabatch.hooks import mediabatch  # noqa: F401
from airflow_provider_mediabatch.ledger import ledger  # noqa: F401
from airflow_provider_mediabatch.operators.approve_sample import ApproveSampleOperator
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator
from airflow_provider_mediabatch.triggers import batch_job  # noqa: F401
from airflow_provider_mediabatch.validation import facts, planning  # noqa: F401

OPERATORS: dict[str, Any] = {
    "list": ListStageFilesOperator,
    "validate": ValidateSignatureOperator,
    "sample": SampleBatchOperator,
    "approve": ApproveSampleOperator,
    "full": FullBatchOperator,
    "load": LoadResultsOperator,
}
REJECTION = {
    "chosen_options": ["Reject"],
    "params_input": {"note": ""},
    "responded_at": datetime(2026, 11, 1, tzinfo=UTC),
    "responded_by_user": {"id": "1", "name": "a"},
    "timedout": False,
}
"""A person's answer, as Airflow's trigger gives it."""


class Store:
    """The task's state store: a file, since the process that wrote it may be gone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> Any:
        return self._all().get(key)

    def set(self, key: str, value: Any) -> None:
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(json.dumps(self._all() | {key: value}))
        unfinished.rename(self._path)

    def _all(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return found


class Instance:
    """What the operators ask of a task instance.

    :param over: the runs that are over.
    :param max_tries: how many tries follow the first; None: nobody knows, so that each try counts as the last.
    """

    def __init__(self, task_id: str, run_id: str, over: Sequence[str], max_tries: int | None) -> None:
        self.dag_id, self.task_id, self.run_id, self.map_index = "faults", task_id, run_id, -1
        self.try_number, self.max_tries = 1, max_tries
        self.start_date, self._over = datetime.now(UTC), over

    def xcom_push(self, key: str, value: Any) -> None:
        json.dumps(value)

    def get_dr_count(self, *, run_ids: Sequence[str], **_: Any) -> int:
        """How many of these runs go on: all that were not over when the step began."""
        return len(set(run_ids) - set(self._over))


def step(request: dict[str, Any]) -> dict[str, Any]:
    """Run one step; its answer."""
    kind = request["step"]
    if kind == "prepare":
        return prepare(request)
    if kind == "trigger":
        module, name = request["trigger"][0].rsplit(".", 1)
        trigger = getattr(importlib.import_module(module), name)(**request["trigger"][1])
        return {"state": "event", "event": asyncio.run(first_event(trigger))}
    arguments = request["arguments"]
    if "take_over_after" in arguments:
        arguments["take_over_after"] = timedelta(seconds=arguments["take_over_after"])
    operator = OPERATORS[request["operator"]](task_id=request["task_id"], **arguments)
    signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())  # and then the task goes on
    context: Any = {
        "ti": Instance(request["task_id"], request["run_id"], request.get("over", []), request.get("max_tries")),
        "task_state_store": Store(Path(request["store"])),
    }
    if kind == "reject":
        with contextlib.suppress(NotApprovedError):
            operator.execute_complete(context, event=REJECTION)
        return {"state": "success", "value": {"rejected": True}}
    if kind == "complete":
        return {"state": "success", "value": operator.execute_complete(context, event=request["event"])}
    sentinel = {f"{type(operator).__name__}__sentinel": ExecutorSafeguard.sentinel_value}
    try:
        return {"state": "success", "value": operator.execute(context, **sentinel)}
    except TaskDeferred as deferred:
        return {"state": "deferred", "trigger": deferred.trigger.serialize()}


async def first_event(trigger: Any) -> Any:
    async for event in trigger.run():
        return event.payload
    raise AssertionError("the trigger ended without an event")


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """The model, a stage over a folder of files, a work stage."""
    session = Session.builder.configs(request["parameters"]).create()
    session.sql("CREATE STAGE FAULT_WORK ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
    session.sql("CREATE STAGE FAULT_FILES URL = 's3://fault-files/in/'").collect()
    Registry(session).log_model(
        job_models.FileModel(custom_model.ModelContext()),
        model_name="FAULT_MODEL",
        version_name="V1",
        signatures={"predict": job_models.FILE_SIGNATURE},
        target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
        code_paths=[str(Path(job_models.__file__))],
    )
    return {"state": "success", "value": None}


def run(request: dict[str, Any]) -> None:
    """The forked process: output to a log, the answer to a file at the very end."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    os.environ["AIRFLOW_CONN_SNOWFLAKE_DEFAULT"] = request["connection"]
    try:
        answer = step(request)
    except Exception as error:
        traceback.print_exc()
        answer = {
            "state": "failed",
            "kind": type(error).__name__,
            "error": str(error),
            "final": isinstance(error, AirflowFailException),
        }
    path = Path(request["answer"])
    path.with_suffix(".new").write_text(json.dumps(answer))
    path.with_suffix(".new").rename(path)
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children leave nothing behind
    assert snowflake.connector
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run(json.loads(line))
        print(pid, flush=True)


if __name__ == "__main__":
    main()
