"""The engine's side of a process that answers calls of a model's method for one SQL statement."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from airflow_provider_mediabatch.local.errors import SnowflakeError, cancelled
from airflow_provider_mediabatch.local.runner.spec import CallSpec, Status
from airflow_provider_mediabatch.local.stores.jobs.job_launcher import Launcher, kill, leader

_POLL_SECONDS, _ASK_AGAIN_SECONDS = 0.05, 1.0


class ModelProcess:
    """The process, started by the first call.

    :param launcher: starts it.
    :param directory: its own; removed at the end.
    :param spec: what it is to run; the socket is filled in.
    :param name: the method's name in SQL, for messages.
    :param stop: set when the statement is cancelled.
    """

    def __init__(
        self, launcher: Launcher, directory: Path, spec: dict[str, Any], name: str, stop: threading.Event
    ) -> None:
        self._launcher, self._directory, self._spec, self._name, self._stop = launcher, directory, spec, name, stop
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._calls: Any = None
        self._answers: Any = None

    def call(self, rows: pa.Table) -> pa.Array:
        """The method's rows for these, each as JSON. Calls from several threads wait for one another.

        :raises SnowflakeError: 100357 with the model's error; 000604 when the statement was cancelled.
        """
        with self._lock:
            channel = self._channel or self._start()
            try:
                with pa.ipc.new_stream(self._calls, rows.schema) as stream:
                    stream.write_table(rows)
                self._calls.flush()
                while not select.select([channel], [], [], _POLL_SECONDS)[0]:
                    self._raise_if_stopped()
                answer = pa.ipc.open_stream(self._answers).read_all()
            except (OSError, pa.ArrowInvalid):
                raise self._failed("the model's process ended before it had answered") from None
        if error := (answer.schema.metadata or {}).get(b"error"):
            raise self._failed(error.decode())
        return answer.column(0).combine_chunks()

    def close(self) -> None:
        """End the process."""
        if self._channel is not None:
            for each in (self._calls, self._answers, self._channel):
                with contextlib.suppress(OSError):
                    each.close()
        kill(Status.load(self._directory))
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self) -> socket.socket:
        # A socket's path has about 100 bytes at most, and that of the state directory may be longer.
        with tempfile.TemporaryDirectory(prefix="mediabatch") as folder, socket.socket(socket.AF_UNIX) as listener:
            path = f"{folder}/socket"
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(_POLL_SECONDS)
            CallSpec(**self._spec, socket=path).save(self._directory)
            channel = self._accepted(listener)
        channel.settimeout(None)
        self._launcher.worked()
        self._calls, self._answers = channel.makefile("wb"), channel.makefile("rb")
        self._channel = channel
        return channel

    def _accepted(self, listener: socket.socket) -> socket.socket:
        asked = 0.0
        while True:
            if time.monotonic() - asked > _ASK_AGAIN_SECONDS:  # the fork server may be another one by now
                asked = time.monotonic()
                self._launcher.start(self._directory)
            with contextlib.suppress(TimeoutError):
                return listener.accept()[0]
            self._raise_if_stopped()
            gone = (self._directory / "started").exists() and leader(Status.load(self._directory)) is None
            if gone or self._launcher.broken:
                raise self._failed(f"the model's process could not be started: {self._launcher.tail()}")

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise cancelled()

    def _failed(self, text: str) -> SnowflakeError:
        handler = f"{self._spec['function']}.infer"
        return SnowflakeError(
            100357,
            "P0000",
            f"Python Interpreter Error:\n{text}\n in function {self._name} with handler {handler}",
        )
