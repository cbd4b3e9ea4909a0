"""An Airflow of the demo's own: its home, its database, one run of one DAG through it.

Nothing of the user's Airflow is touched: the home is below the demo's state, and every setting that matters is given
in the environment of the processes started.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.demo import DemoError

_STARTING = "[DAG TEST] starting task_id="
_TELL_EVERY = 3.0


@dataclass(frozen=True)
class DagRunResult:
    """What became of a run of a DAG.

    :param state: the run's state, ``success`` or ``failed``.
    :param tasks: every task instance in the order they started: ``id``, ``map_index``, ``state``, ``seconds``, ``try``.
    :param xcoms: task id to key to value; for mapped tasks, a list of values in the order of the map index.
    :param failures: every try that failed, in order: ``task``, ``map_index``, ``try`` and ``error``, what it raised.
    :param log: the file with everything that Airflow and the tasks logged.
    """

    state: str
    tasks: list[dict[str, Any]]
    xcoms: dict[str, dict[str, Any]]
    failures: list[dict[str, Any]]
    log: Path

    def errors(self) -> list[str]:
        """What each failed try raised, with the exception's class."""
        return [str(failure["error"]) for failure in self.failures]

    def returned(self, task_id: str) -> Any:
        """What the task returned."""
        return self.xcoms.get(task_id, {}).get("return_value")


class DagRunError(DemoError):
    """Airflow could not run the DAG at all (a DAG that fails is a result, not this error)."""


_LOCAL_SETTINGS = """from airflow_provider_mediabatch import preload

preload.where_tasks_are_forked()
"""


class AirflowHome:
    """A home for Airflow with a SQLite database.

    :param path: the home; made by :meth:`prepare`.
    :param connections: Airflow's connections by id, as URIs or JSON.
    """

    def __init__(self, path: Path, connections: Mapping[str, str] | None = None) -> None:
        self.path = path.resolve()
        self.dags = self.path / "dags"
        self.connections = dict(connections or {})

    def environment(self) -> dict[str, str]:
        """The environment in which Airflow's commands use this home, whatever the caller's own Airflow settings are."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        keys = self._keys()
        settings = {
            "AIRFLOW_HOME": str(self.path),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # Whoever tries a DAG on the local engine waits for its retries, which by default begin after 5 minutes.
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
            "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
            "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
            "AIRFLOW__API__SECRET_KEY": keys["api"],
            # Airflow's processes write to one SQLite: each waits for the others, more patiently than its 5 seconds.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.path}/airflow.db?timeout=30",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.path / "logs"),
            "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        connections = {f"AIRFLOW_CONN_{name.upper()}": value for name, value in self.connections.items()}
        return inherited | settings | connections

    def prepare(self) -> None:
        """Make the home and its database, unless they are there for this version of Airflow. Takes about 7 s."""
        self.dags.mkdir(parents=True, exist_ok=True)
        settings = self.path / "config" / "airflow_local_settings.py"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(_LOCAL_SETTINGS)
        mark = self.path / "migrated"
        with (self.path / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if mark.exists() and mark.read_text() == version("apache-airflow-core"):
                return
            done = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if done.returncode:
                raise DagRunError(f"airflow db migrate failed:\n{done.stdout[-3000:]}")
            mark.write_text(version("apache-airflow-core"))

    def run_dag(
        self,
        dag_file: Path,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        logical_date: str | None = None,
        run_after: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 600,
        on_task: Callable[[str], None] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> DagRunResult:
        """Run a DAG once with ``dag.test()`` in a process of its own: tasks, retries and triggers run in that process.

        :param dag_file: the file with the DAG; copied into this home's folder of DAGs.
        :param dag_id: which DAG of the file.
        :param conf: the run's configuration.
        :param logical_date: ISO time of the run; now by default.
        :param run_after: ISO time that the run's id is made of; now by default. With the same logical date it is the
            same run again.
        :param environment: variables on top of :meth:`environment`.
        :param timeout: seconds until the process is ended.
        :param on_task: called with the id of each task when it starts.
        :param on_wait: called every few seconds while the run goes on.
        :raises DagRunError: when there is no result, with the end of the log.
        """
        shutil.copy(dag_file, self.dags / dag_file.name)
        name = f"{dag_id}-{secrets.token_hex(4)}"
        result, log = self.path / f"{name}.json", self.path / f"{name}.log"
        arguments = [
            *("--dag-file", str(self.dags / dag_file.name), "--dag-id", dag_id, "--result", str(result)),
            *(("--conf", json.dumps(conf)) if conf else ()),
            *(("--logical-date", logical_date) if logical_date else ()),
            *(("--run-after", run_after) if run_after else ()),
        ]
        log.touch()
        process = self._start(arguments, self.environment() | dict(environment or {}), log)
        try:
            _follow(process, log, timeout, on_task, on_wait)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        if not result.exists():
            raise DagRunError(f"{dag_id} did not run (see {log}):\n{log.read_text()[-3000:]}")
        return DagRunResult(**json.loads(result.read_text()), log=log)

    def _start(self, arguments: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Start the process of a run, which writes to the log."""
        command = [sys.executable, "-m", "airflow_provider_mediabatch.demo.run_dag", *arguments]
        with log.open("w") as output:
            return subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def _keys(self) -> dict[str, str]:
        """Keys of this home's own, made at first use: what one process encrypts or signs, another must read."""
        path = self.path / "keys.json"
        if not path.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            keys = {"fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}
            keys |= {name: secrets.token_hex(32) for name in ("jwt", "api")}
            path.touch(mode=0o600)
            path.write_text(json.dumps(keys))
        loaded: dict[str, str] = json.loads(path.read_text())
        return loaded


def _follow(
    process: subprocess.Popen[bytes],
    log: Path,
    timeout: float,
    on_task: Callable[[str], None] | None,
    on_wait: Callable[[], None] | None,
) -> None:
    """Wait for the process, and tell of each task that its log says has started."""
    deadline = time.monotonic() + timeout
    told = time.monotonic()
    with log.open() as lines:
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.kill()
                raise DagRunError(f"the run took more than {timeout:g} s (see {log}):\n{log.read_text()[-3000:]}")
            for line in lines:
                if on_task and _STARTING in line:
                    on_task(line.split(_STARTING, 1)[1].split()[0])
            if on_wait and time.monotonic() - told > _TELL_EVERY:
                on_wait()
                told = time.monotonic()
            time.sleep(0.1)
