"""Starting, stopping and finding the local engine from outside.

One engine per state directory: whoever holds the lock file is it. Starting twice, even at the same instant, gives one
engine; a process id left over from a killed one is never trusted.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.local.defaults import ACCOUNT, DATABASE, ROLE, SCHEMA, USER, WAREHOUSE
from airflow_provider_mediabatch.local.errors import EngineError
from airflow_provider_mediabatch.local.faults import install, read

DEFAULT_STATE_DIR = Path(".mediabatch")
CONNECTION = "mediabatch_local"
"""The engine's name among the connections of the Snowflake connector."""
LOCK_FILE = "engine.lock"
STATE_FILE = "engine.json"
CA_BUNDLE = "ca-bundle.pem"
EXIT_REFUSED = 3
"""The engine process's exit status when it refused to start; the last line of its output is the reason."""


@dataclass(frozen=True)
class EngineStatus:
    """A running engine.

    :param state_dir: what it serves.
    :param pid: its process.
    :param port: where it listens, on 127.0.0.1.
    :param password: of its one user.
    :param instance: names this run of it.
    :param started: epoch seconds.
    """

    state_dir: Path
    pid: int
    port: int
    password: str
    instance: str
    started: float

    @property
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments for ``snowflake.connector.connect`` and ``Session.builder.configs``."""
        return {
            "account": ACCOUNT,
            "user": USER,
            "password": self.password,
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
            "database": DATABASE,
            "schema": SCHEMA,
            "warehouse": WAREHOUSE,
            "role": ROLE,
        }

    @property
    def airflow_connection(self) -> str:
        """The engine as an Airflow connection of type ``snowflake``, in Airflow's JSON form."""
        extra = {
            "account": ACCOUNT,
            "database": DATABASE,
            "warehouse": WAREHOUSE,
            "role": ROLE,
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
            # Apache's own hook passes no protocol, so it speaks TLS; nobody revokes the engine's certificate.
            "insecure_mode": True,
        }
        connection = {
            "conn_type": "snowflake",
            "login": USER,
            "password": self.password,
            "schema": SCHEMA,
            "extra": extra,
        }
        return json.dumps(connection)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point Airflow and the Snowflake clients at the engine.

        ``SNOWFLAKE_CONNECTIONS`` is TOML. The connector and Snowpark read it when they are given no parameters.
        """
        named = {f"SNOWFLAKE_{name.upper()}": str(value) for name, value in self.parameters.items()}
        settings = [f"{name} = {json.dumps(value)}" for name, value in self.parameters.items()]
        return {
            "AIRFLOW_CONN_SNOWFLAKE_DEFAULT": self.airflow_connection,
            "REQUESTS_CA_BUNDLE": str(self.state_dir.resolve() / CA_BUNDLE),
            "SNOWFLAKE_CONNECTIONS": "\n".join([f"[{CONNECTION}]", *settings]),
            "SNOWFLAKE_DEFAULT_CONNECTION_NAME": CONNECTION,
            **named,
        }

    def exports(self) -> str:
        """:attr:`environment` as shell ``export`` lines."""
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in self.environment.items())


def shell_command(command: str, state_dir: Path) -> str:
    """``mediabatch local …`` for a state directory, as a shell takes it."""
    return f"mediabatch local {command} --state-dir {shlex.quote(str(state_dir))}"


def make_private(state_dir: Path) -> None:
    """Make the state directory, for its owner only: it holds the password, files and tables.

    One that is there is made private where an engine has used it, or where it is empty; a directory with other things
    in it, which others may have to read, stays as it is.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    used = (state_dir / STATE_FILE).exists() or (state_dir / LOCK_FILE).exists() or not any(state_dir.iterdir())
    if used and state_dir.stat().st_mode & 0o077:
        state_dir.chmod(0o700)


def status(state_dir: Path) -> EngineStatus | None:
    """The engine that serves this directory and answers, or None."""
    if not _locked(state_dir):
        return None
    try:
        state = json.loads((state_dir / STATE_FILE).read_text())
        found = EngineStatus(
            state_dir, state["pid"], state["port"], state["password"], state["instance"], state["started"]
        )
    except (OSError, ValueError, KeyError):
        return None
    return found if _answers(found) else None


def start(
    state_dir: Path, *, port: int | None = None, faults: Path | None = None, timeout: float = 30.0
) -> EngineStatus:
    """Start the engine, or find the one that runs; returns when it is ready for clients.

    :param state_dir: where all its state lives; created when it is not there.
    :param port: the port to listen on; by default the one it had before, else any free one.
    :param faults: a fault plan (see :mod:`~airflow_provider_mediabatch.local.faults`); an engine that runs takes it
        over.
    :param timeout: seconds to wait for it to become ready.
    :raises EngineError: when it does not: the directory cannot be made, the port is taken, or the process ended.
    :raises FaultPlanError: for a plan that cannot be read.
    """
    state_dir = state_dir.resolve()
    if port is not None and not 0 < port < 65536:
        raise EngineError(f"{port} is not a port: it must be between 1 and 65535")
    plan = read(faults) if faults is not None else None
    try:
        make_private(state_dir)
    except OSError as error:
        raise EngineError(f"{state_dir} cannot be used as the state directory: {error.strerror}") from error
    with _starting(state_dir):
        running = status(state_dir)
        if running is not None:
            if port not in (None, running.port):
                raise EngineError(f"the engine of {state_dir} runs already, on port {running.port}. Stop it first")
            if plan is not None:
                install(state_dir, plan)
            return running
        install(state_dir, plan)
        process = _spawn(state_dir, *(() if port is None else ("--port", str(port))))
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            running = status(state_dir)
            if running is not None:
                return running
            # Status 0 means that another process already serves this directory: it is about to answer.
            if (code := process.poll()) not in (None, 0):
                reason = _last_line(state_dir / "engine.out")
                if code == EXIT_REFUSED:
                    raise EngineError(reason)
                raise EngineError(
                    f"the engine ended with status {code} while it started ({reason}). "
                    f"Its output is {state_dir / 'engine.out'}"
                )
            time.sleep(0.02)
    raise EngineError(
        f"the engine did not become ready within {timeout:g} s. Its log is {state_dir / 'engine.log'}, "
        f"its output {state_dir / 'engine.out'}"
    )


def stop(state_dir: Path, *, timeout: float = 20.0) -> bool:
    """Stop the engine and its jobs; returns when its process has ended.

    Jobs are processes of their own, so those of an engine that was killed still run: they are ended too.

    :param timeout: seconds after which it is killed.
    :returns: False when none ran.
    """
    state_dir = state_dir.resolve()
    if not _locked(state_dir):
        if _was_killed(state_dir):
            _spawn(state_dir, "--end-jobs").wait(timeout)
        return False
    try:
        # While the lock is held, the process that wrote this file is the one that holds it, or it has not written it
        # yet.
        pid = int(json.loads((state_dir / STATE_FILE).read_text())["pid"])
    except (OSError, ValueError, KeyError) as error:
        raise EngineError(
            f"an engine runs in {state_dir}, but {STATE_FILE} does not say which process it is"
        ) from error
    _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while _locked(state_dir):
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)
            deadline = time.monotonic() + timeout
        time.sleep(0.02)
    return True


def _was_killed(state_dir: Path) -> bool:
    """Whether the last engine of the directory ended without the note of it that an orderly end leaves."""
    try:
        return "ended" not in json.loads((state_dir / STATE_FILE).read_text())
    except (OSError, ValueError):
        return False


def _spawn(state_dir: Path, *options: str) -> subprocess.Popen[bytes]:
    module = "airflow_provider_mediabatch.local.server_process"
    command = [sys.executable, "-m", module, "--state-dir", str(state_dir), *options]
    with open(state_dir / "engine.out", "wb") as output:
        # A session of its own, so that neither Ctrl-C nor a closed terminal ends it.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, close_fds=True
        )


@contextmanager
def _starting(state_dir: Path) -> Iterator[None]:
    """One starter at a time; the second then finds the first one's engine."""
    try:
        file = open(state_dir / "start.lock", "w")  # noqa: SIM115 -- closed below, by the with statement
    except OSError as error:
        raise EngineError(f"{state_dir} cannot be used as the state directory: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _locked(state_dir: Path) -> bool:
    """Whether a living engine holds the state directory."""
    try:
        lock = os.open(state_dir / LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _answers(engine: EngineStatus) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{engine.port}/", timeout=2) as reply:
            return bool(json.load(reply).get("instance") == engine.instance)
    except (OSError, ValueError):
        return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _last_line(path: Path) -> str:
    try:
        return (path.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"])[-1]
    except OSError:
        return "it wrote nothing"
