"""Runs tasks as Airflow does, through :mod:`worker`: tries, deferral, retries; kills them; asks the engine's record."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.local import faults, lifecycle

TESTS = Path(__file__).parents[1]
BUCKET = Path("buckets") / "fault-files" / "in"
OUTPUTS = {"size": "INT64", "head": "STRING", "pid": "INT64", "batch": "INT64"}
STEP_SECONDS = 120
MAX_TRIES = 8


class Workers:
    """Starts steps, each a process of its own, and kills them.

    :param folder: for logs, answers and the tasks' state.
    :param connection: the value of ``AIRFLOW_CONN_SNOWFLAKE_DEFAULT``.
    """

    def __init__(self, folder: Path, connection: str) -> None:
        self.folder, self._connection = folder, connection
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "workers.log"
        paths = [str(TESTS), str(TESTS / "support"), os.environ.get("PYTHONPATH", "")]
        self._lock = threading.Lock()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("worker.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,
            )
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the workers did not start:\n{self.log.read_text()}")

    def run(
        self,
        request: dict[str, Any],
        kill: Callable[[], bool] | None = None,
        *,
        seconds: float = STEP_SECONDS,
        grace: float | None = None,
    ) -> dict[str, Any]:
        """Run a step to its end.

        :param kill: asked while it runs; once it is true the process is killed.
        :param seconds: after which it counts as stuck.
        :param grace: seconds that it has to end by itself after SIGTERM, as Airflow ends a task; None: SIGKILL at once.
        :return: the step's answer; ``{"state": "killed"}`` for one that was killed.
        """
        name = uuid.uuid4().hex
        answer = self.folder / f"{name}.json"
        log = self.folder / f"{request.get('task_id', request['step'])}.log"
        request = {**request, "answer": str(answer), "log": str(log), "connection": self._tagged(request.get("tag"))}
        pid = self._start(request)
        deadline = time.monotonic() + seconds
        killed, last = False, deadline
        while _lives(pid):
            if kill is not None and not killed and kill():
                killed = True
                last = time.monotonic() + (grace or 0)
                if grace is not None:
                    os.kill(pid, signal.SIGTERM)
            if killed and time.monotonic() >= last:
                _kill(pid)
            if time.monotonic() > deadline:
                _kill(pid)
                raise TimeoutError(f"{request['step']} of {log.stem} did not end:\n{log.read_text()[-6000:]}")
            time.sleep(0.02)
        if not answer.exists():
            return {"state": "killed" if killed else "died"}
        found: dict[str, Any] = json.loads(answer.read_text())
        answer.unlink()
        return found

    def _tagged(self, tag: str | None) -> str:
        """The Airflow connection, with a QUERY_TAG by which the fault plan tells the task's sessions."""
        connection = json.loads(self._connection)
        connection["extra"] = {**connection["extra"], "session_parameters": {"QUERY_TAG": tag or ""}}
        return json.dumps(connection)

    def _start(self, request: dict[str, Any]) -> int:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            print(json.dumps(request), file=self._process.stdin, flush=True)
            while not (line := self._process.stdout.readline()).strip().isdigit():
                if not line:
                    raise RuntimeError(f"the workers are gone:\n{self.log.read_text()}")
            return int(line)  # after what Airflow's logging prints, a warning of the fork for example

    def close(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(20)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@dataclass
class History:
    """What happened to a task.

    :param events: how each of its steps ended, but for the ones that went well.
    :param errors: the errors that its tries ended with, each with its time in epoch seconds.
    :param tries: how often it was executed.
    :param began: when the last of them began, epoch seconds.
    :param value: its result; None when it failed for good.
    """

    events: list[str] = field(default_factory=list)
    errors: list[tuple[float, str]] = field(default_factory=list)
    tries: int = 0
    began: float = 0.0
    value: dict[str, Any] | None = None


def never() -> bool:
    """For a step that is left alone."""
    return False


def run_task(
    workers: Workers,
    request: dict[str, Any],
    next_kill: Callable[[], Callable[[], bool]] = lambda: never,
    *,
    max_tries: int = MAX_TRIES,
) -> History:
    """Run a task to its end as Airflow does: a new try after an error or a killed worker, a new triggerer for a killed
    one.

    :param next_kill: asked before each step for the condition at which the step's process is killed.
    """
    history = History()
    while history.value is None and history.tries < max_tries:
        history.tries += 1
        history.began = time.time()
        answer = workers.run({"step": "execute", **request}, next_kill())
        if answer["state"] == "deferred":
            answer = _deferred(workers, request, answer["trigger"], next_kill, history)
        if answer["state"] == "success":
            history.value = answer["value"]
            break
        history.events.append(answer["state"] if "kind" not in answer else f"{answer['kind']}: {answer['error']}")
        if "error" in answer:
            history.errors.append((time.time(), str(answer["error"])))
        if answer.get("final"):
            break
    return history


def _deferred(
    workers: Workers,
    request: dict[str, Any],
    trigger: Any,
    next_kill: Callable[[], Callable[[], bool]],
    history: History,
) -> dict[str, Any]:
    waiting = {"step": "trigger", "trigger": trigger, "task_id": request["task_id"], "tag": request.get("tag")}
    while (answer := workers.run(waiting, next_kill()))["state"] == "killed":
        history.events.append("triggerer killed")
    if answer["state"] != "event":
        return answer
    return workers.run({**request, "step": "complete", "event": answer["event"]}, next_kill())


def task(
    folder: Path, operator: str, task_id: str, *, run_id: str = "run", tag: str = "", **arguments: Any
) -> dict[str, Any]:
    """A task as :meth:`Workers.run` takes it.

    :param tag: the QUERY_TAG of its sessions.
    """
    store = folder / f"{task_id}.{operator}.store"
    found = {"operator": operator, "task_id": task_id, "run_id": run_id, "tag": tag, "store": str(store)}
    return {**found, "arguments": arguments}


def plan(schema: str, output: str, *, build: bool = False, **params: Any) -> dict[str, Any]:
    """The plan that ValidateSignature makes for the test's model, with jobs in a schema of choice."""
    return InferencePlan(
        model="MEDIA.PUBLIC.FAULT_MODEL",
        model_version="V1",
        function="predict",
        inputs={"img": "BYTES"},
        outputs=OUTPUTS,
        column_handling={"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}},
        compute_pool="LOCAL_POOL",
        job_schema=schema,
        output_location=output,
        params=params,
        inference_spec={"num_workers": 1, **({"max_batch_rows": 1} if params else {})},
        image_build_spec={"force_rebuild": True} if build else {},
    ).to_xcom()


@dataclass(frozen=True)
class Job:
    """A job in the engine's record.

    :param output: its folder.
    :param submitted: when its statement came, epoch seconds.
    """

    status: str
    output: str
    submitted: float


class Place:
    """An engine of the test's own, its workers, and its record.

    :param folder: for all of it.
    """

    def __init__(self, folder: Path, files: int = 0) -> None:
        self.state_dir = folder / "engine"
        self.status = lifecycle.start(self.state_dir)
        self._log_lock, self._log_read, self._fired = threading.Lock(), 0, set[str]()
        self.add_files(f"f{number:05}.bin" for number in range(files))
        self.workers = Workers(folder / "workers", self.status.airflow_connection)
        parameters = self.parameters
        answer = self.workers.run({"step": "prepare", "parameters": parameters})
        assert answer["state"] == "success", answer
        self.query("ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 1")

    def add_files(self, names: Iterable[str]) -> None:
        """Put files on the stage, each with a content of its own.

        :param names: paths below the stage.
        """
        for name in names:
            path = self.state_dir / BUCKET / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"file {name}".encode())

    @property
    def parameters(self) -> dict[str, Any]:
        return self.status.parameters | {"platform_detection_timeout_seconds": 0}

    def plan_faults(self, rules: list[dict[str, Any]], seed: int = 0) -> None:
        faults.install(self.state_dir, json.dumps({"seed": seed, "rules": rules}))

    def fired(self, name: str) -> bool:
        """Whether a rule of the fault plan has fired, by the engine's log."""
        with self._log_lock:
            log = self.state_dir / faults.LOG_FILE
            if name not in self._fired and log.exists():
                with log.open() as lines:
                    lines.seek(self._log_read)
                    new = lines.read().rpartition("\n")[0]
                self._log_read += len(new.encode())
                self._fired |= {json.loads(line)["rule"] for line in new.splitlines() if line}
            return name in self._fired

    def requests(self, tag: str) -> list[tuple[str, str]]:
        """Endpoint and statement of every request of a task that a rule of the fault plan has logged."""
        lines = map(json.loads, (self.state_dir / faults.LOG_FILE).read_text().splitlines())
        return [(line["endpoint"], line["statement"]) for line in lines if line.get("tag") == tag]

    def fault_actions(self) -> list[str]:
        """What the fault plan did, by the engine's log."""
        lines = (self.state_dir / faults.LOG_FILE).read_text().splitlines()
        return [str(json.loads(line)["action"]) for line in lines]

    def kill_engine(self) -> None:
        """SIGKILL and restart: without a fault plan."""
        _kill(self.status.pid)
        while _lives(self.status.pid) and not _zombie(self.status.pid):
            time.sleep(0.01)
        self.status = lifecycle.start(self.state_dir)

    def query(self, *statements: str) -> list[dict[str, Any]]:
        """The last statement's rows."""
        import snowflake.connector

        found: list[dict[str, Any]] = []
        with snowflake.connector.connect(**self.parameters) as connection:
            for text in statements:
                found = rows(connection, text)
        return found

    def jobs(self, schema: str) -> list[Job]:
        """The jobs of a schema in the order of their creation, from the catalogue."""
        with sqlite3.connect(self.state_dir / "catalog.sqlite", timeout=30) as catalog:
            found = catalog.execute(
                "SELECT COALESCE(J.status, 'OPEN'), J.output, Q.started FROM jobs J "
                "JOIN queries Q ON Q.id = J.query_id "
                "WHERE J.schema = ? ORDER BY J.created",
                (schema,),
            )
            return [Job(*row) for row in found]

    def inferred(self, output: str) -> list[str]:
        """The files whose rows are in an output folder, with repetition."""
        return self._names(
            "CREATE TEMPORARY FILE FORMAT IF NOT EXISTS FAULT_PARQUET TYPE = PARQUET",
            f"SELECT $1:\"IMG\"::VARCHAR AS P FROM {output} (FILE_FORMAT => 'FAULT_PARQUET', "
            "PATTERN => '.*[.]parquet')",
        )

    def ledger(self, table: str) -> list[tuple[str, str]]:
        """File and state of each row."""
        found = self.query(f"SELECT FILE_PATH AS P, STATE AS S FROM {table}")
        return sorted((_below_stage(row["P"]), row["S"]) for row in found)

    def generations(self, table: str) -> dict[str, int]:
        """How often each file of a ledger was reprocessed."""
        found = self.query(f"SELECT FILE_PATH AS P, GENERATION AS G FROM {table}")
        return {_below_stage(row["P"]): int(row["G"]) for row in found}

    def results(self, table: str) -> list[str]:
        """The files of a results table, with repetition."""
        return self._names(f"SELECT MB_PATH AS P FROM {table}")

    def _names(self, *statements: str) -> list[str]:
        return sorted(_below_stage(row["P"]) for row in self.query(*statements))

    def close(self) -> None:
        self.workers.close()
        faults.install(self.state_dir, None)
        lifecycle.stop(self.state_dir)


def _below_stage(path: str) -> str:
    return path.split("/", 1)[1]


def _zombie(pid: int) -> bool:
    """A killed child of this process that nobody has waited for yet."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
