"""The engine's own process: owns the state directory, serves, and ends in order.

Run by :mod:`~airflow_provider_mediabatch.local.lifecycle`; not meant to be started by hand.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from airflow_provider_mediabatch.local.errors import EngineError, StateDamagedError
from airflow_provider_mediabatch.local.lifecycle import EXIT_REFUSED, LOCK_FILE, STATE_FILE, make_private

_LOCK_SECONDS = 1.0


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise EngineError(f"port {port} of 127.0.0.1 cannot be used: {error.strerror}") from error
    listener.listen(512)
    return listener


def _bind(wanted: int | None, previous: int | None) -> socket.socket:
    """The wanted port; else the one used before, so that connections made then still fit; else any free one."""
    if wanted:
        return _listen(wanted)
    if previous:
        try:
            return _listen(previous)
        except EngineError as error:
            logging.getLogger(__name__).warning("%s; choosing another one", error)
    return _listen(0)


def _write_state(path: Path, state: dict[str, Any]) -> None:
    """For its owner's eyes only, from the first byte: it holds the password."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(state, file)
    unfinished.rename(path)


def _read_state(path: Path) -> dict[str, Any]:
    """What the last engine of the directory wrote, its password among it; nothing before the first one.

    :raises StateDamagedError: without it clients would meet another password and port.
    """
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise StateDamagedError(path, error) from error


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=10 * 2**20, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def lock(state_dir: Path) -> int | None:
    """Hold the state directory until this process ends.

    The lock goes with the process, however it ends, so it says for certain whether an engine runs; a pid does not.
    Whoever asks whether one runs holds the lock for a moment, so only a lock that stays is another engine's.

    :returns: the lock's file; None when another engine holds it.
    """
    file = os.open(state_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(file)
                return None
            time.sleep(0.01)
        else:
            return file


def serve(state_dir: Path, port: int | None = None) -> int:
    """Serve until SIGTERM. Returns 0 when another process serves this state directory already."""
    make_private(state_dir)
    if lock(state_dir) is None:
        return 0
    _log_to(state_dir / "engine.log")
    before = _read_state(state_dir / STATE_FILE)
    listener = _bind(port, before.get("port"))

    import uvicorn

    from airflow_provider_mediabatch.local.dispatch.engine import Engine
    from airflow_provider_mediabatch.local.protocol.certificate import server_context
    from airflow_provider_mediabatch.local.protocol.connections import Connections, hang_up
    from airflow_provider_mediabatch.local.protocol.server import Server

    bound = listener.getsockname()[1]
    engine = Engine(state_dir, f"http://127.0.0.1:{bound}")
    engine.recover()
    password = str(before.get("password") or secrets.token_urlsafe(24))
    Connections.context = server_context(state_dir)
    app = Server(engine, password, bound, hang_up).app()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=Connections,
            log_config=None,
            access_log=False,
            lifespan="off",
            # Longer than the usual pause between two polls, so that a poller keeps its connection.
            timeout_keep_alive=120,
            timeout_graceful_shutdown=3,
            ws="none",
        )
    )
    state = {
        "pid": os.getpid(),
        "port": bound,
        "password": password,
        "instance": engine.instance,
        "started": time.time(),
    }
    _write_state(state_dir / STATE_FILE, state)
    logging.getLogger(__name__).info("serving %s on port %d", state_dir, bound)
    # uvicorn stops on these signals and then raises them once more; the default action would end the process before it
    # closed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    # Imported modules stay: scanning them again takes 0.1 s of each full collection, and a large LIST causes one.
    gc.collect()
    gc.freeze()
    try:
        server.run(sockets=[listener])
    finally:
        engine.close()
        _write_state(state_dir / STATE_FILE, state | {"ended": time.time()})
        logging.getLogger(__name__).info("stopped")
    return 0


def end_jobs(state_dir: Path) -> int:
    """End the jobs that a killed engine left. Nothing happens while an engine serves this state directory."""
    if lock(state_dir) is None:
        return 0
    _log_to(state_dir / "engine.log")

    from airflow_provider_mediabatch.local.dispatch.engine import Engine

    Engine(state_dir, "http://127.0.0.1").close()
    _write_state(state_dir / STATE_FILE, _read_state(state_dir / STATE_FILE) | {"ended": time.time()})
    return 0


def main() -> int:
    """The process's entry point."""
    parser = argparse.ArgumentParser(prog="mediabatch-local-engine")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--end-jobs", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.end_jobs:
            return end_jobs(arguments.state_dir)
        return serve(arguments.state_dir, arguments.port)
    except EngineError as error:
        print(error, file=sys.stderr)
        return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
