"""A really running Airflow on loopback: API server with UI, scheduler, DAG processor and triggerer, a process each.

``airflow standalone`` is not used: ended, it leaves processes behind; and its log servers listen on every interface.
A watchdog ends them when the process that started them is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from airflow_provider_mediabatch.demo.watchdog import Watchdog

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
USER = "admin"


class AirflowNotReadyError(RuntimeError):
    """A component did not become healthy, or a run did not end, in time; the text has the end of its log."""


class RunningAirflow:
    """Airflow's processes over one home.

    :param home: a prepared home.
    :param port: the API server's port on 127.0.0.1; any free one by default.
    """

    def __init__(self, home: AirflowHome, *, port: int | None = None) -> None:
        self.home = home
        self.port = port or _free_port()
        self.password = secrets.token_urlsafe(12)
        self.environment = home.environment() | self._settings()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._token: str | None = None
        self._watchdog: Watchdog | None = None

    @property
    def url(self) -> str:
        """Where the UI is."""
        return f"http://127.0.0.1:{self.port}"

    def _settings(self) -> dict[str, str]:
        passwords = self.home.path / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({USER: self.password}))
        return {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            # A task's end may be noticed as late as this.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            # A supervisor that missed its task's end says so as late as this, by default after a minute: an answer or a
            # trigger's event that comes before fails the task (apache/airflow#50500).
            "AIRFLOW__WORKERS__SOCKET_CLEANUP_TIMEOUT": "1",
        }

    def start(self, timeout: float = 180) -> None:
        """Start every component; returns when Airflow says that all are healthy.

        :raises AirflowNotReadyError: after ``timeout`` seconds, or when a component ends.
        """
        # The tasks that a scheduler starts before the API server answers fail: it comes first.
        self.start_component("api-server")
        self._wait(lambda: self._healthy("metadatabase"), timeout)
        for name in COMPONENTS[1:]:
            self.start_component(name)
        self._wait(lambda: self._healthy("metadatabase", "scheduler", "dag_processor", "triggerer"), timeout)

    def start_component(self, name: str) -> None:
        """Start one component, which does not run."""
        arguments = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}.get(name, [])
        with self.log(name).open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", name, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a component's children are of its group, and are ended with it
            )
        if self._watchdog is None:
            self._watchdog = Watchdog()
        self._watchdog.watch(self.processes[name].pid)

    def stop_component(self, name: str, timeout: float = 20) -> None:
        """End one component and its children: with SIGTERM, and after ``timeout`` seconds with SIGKILL."""
        process = self.processes.pop(name)
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        if self._watchdog is not None:
            self._watchdog.forget(process.pid)

    def stop(self) -> None:
        """End every component, the ones that start work first."""
        for name in ("scheduler", "triggerer", "dag-processor", "api-server"):
            if name in self.processes:
                self.stop_component(name)
        if self._watchdog is not None:
            self._watchdog.close()
            self._watchdog = None

    def log(self, name: str) -> Path:
        """The file with what a component prints."""
        return self.home.path / f"{name}.log"

    def add_dag(self, dag_file: Path, dag_id: str, timeout: float = 90) -> None:
        """Copy a DAG file into the folder of DAGs, wait until Airflow has parsed it, and unpause the DAG."""
        shutil.copy(dag_file, self.home.dags / dag_file.name)
        self._wait(lambda: self.api("GET", f"/dags/{quote(dag_id)}", missing=None) is not None, timeout)
        self.unpause(dag_file.name, dag_id)

    def unpause(self, file_name: str, dag_id: str) -> None:
        """Unpause a DAG and have its file read again: assets are watched once a file of an unpaused DAG was read."""
        self.api("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": False})
        os.utime(self.home.dags / file_name)

    def api(self, method: str, path: str, body: Any = None, **missing: Any) -> Any:
        """Call Airflow's REST API as the administrator.

        :param path: below ``/api/v2``.
        :param body: sent as JSON.
        :param missing: ``missing=value`` is returned where there is no such thing (404), which is an error otherwise.
        """
        if self._token is None:
            credentials = {"username": USER, "password": self.password}
            self._token = _request("POST", f"{self.url}/auth/token", credentials)["access_token"]
        try:
            return _request(method, f"{self.url}/api/v2{path}", body, self._token)
        except urllib.error.HTTPError as error:
            if error.code == 404 and "missing" in missing:
                return missing["missing"]
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error

    def _healthy(self, *names: str) -> bool:
        try:
            health = _request("GET", f"{self.url}/api/v2/monitor/health", seconds=30)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return all(health[name]["status"] == "healthy" for name in names)

    def _wait(self, condition: Any, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                tails = "\n".join(f"{name}:\n{self._tail(name)}" for name in self.processes)
                raise AirflowNotReadyError(f"waited {timeout:g} s in vain\n{tails}")
            time.sleep(0.5)

    def check(self) -> None:
        """Look whether every component that was started still runs.

        :raises AirflowNotReadyError: when one has ended by itself, with the end of its log.
        """
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise AirflowNotReadyError(f"{name} ended:\n{self._tail(name)}")

    def _tail(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")[-1500:]


def _request(method: str, url: str, body: Any = None, token: str | None = None, *, seconds: float = 120) -> Any:
    """The JSON that Airflow answers with.

    :param seconds: how long it may take; Airflow's first answers take long on a busy machine.
    """
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=seconds) as reply:
        content = reply.read()
    return json.loads(content) if content else None


def _free_port() -> int:
    """Below the ports that systems take for outgoing connections: seconds pass until the API server listens."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
