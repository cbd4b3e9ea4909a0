"""The local engine and a running Airflow beside it, which end together and leave nothing behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from airflow_provider_mediabatch.demo import DemoError
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from airflow_provider_mediabatch.demo.alone import DemoLock, alone
from airflow_provider_mediabatch.demo.run import Steps
from airflow_provider_mediabatch.demo.running_airflow import AirflowNotReadyError, RunningAirflow
from airflow_provider_mediabatch.demo.watchdog import Watchdog
from airflow_provider_mediabatch.local import lifecycle

MISSES = 4
"""An engine that has not answered this number of polls, a second apart, has ended."""


@dataclass
class Started:
    """What :func:`engine_and_airflow` has started.

    :param engine: the running engine.
    :param lock: of the state directory; it says to others what runs there.
    :param migrate: waits for Airflow's home and its database.
    :param airflow: the one that :meth:`make_airflow` made.
    """

    engine: lifecycle.EngineStatus
    lock: DemoLock
    migrate: Callable[[], AirflowHome]
    airflow: RunningAirflow | None = field(default=None, init=False)

    def make_airflow(self) -> RunningAirflow:
        """An Airflow over the prepared home, for the caller to start; it is stopped with everything else."""
        home = self.migrate()
        home.connections["snowflake_default"] = self.engine.airflow_connection
        self.airflow = RunningAirflow(home)
        return self.airflow


@contextmanager
def engine_and_airflow(
    state_dir: Path, console: Console, steps: Steps, *, keep: bool, dags: Path | None = None
) -> Iterator[Started]:
    """Start the engine, and end it and Airflow after the block: an interrupt is how the block ends.

    :param state_dir: where the engine and Airflow keep their state; absolute.
    :param console: where the end is announced.
    :param steps: what is shown and measured.
    :param keep: leave the engine running.
    :param dags: the folder of DAGs; None: one of the home's own.
    :raises DemoError: when Airflow does not start; the text has the end of its logs.
    """
    home = AirflowHome(state_dir / "airflow")
    home.dags = dags or home.dags
    with alone(state_dir) as lock, _on_signals(signal.default_int_handler), ThreadPoolExecutor(1) as background:
        ran_before = lifecycle.status(state_dir) is not None
        watchdog = None if keep or ran_before else Watchdog(state_dir)
        started: Started | None = None
        try:
            migrated = background.submit(home.prepare)

            def migrate() -> AirflowHome:
                with steps.step("Prepare Airflow's database"):
                    migrated.result()
                return home

            with steps.step("Start the local engine"):
                engine = lifecycle.start(state_dir)
            started = Started(engine, lock, migrate)
            yield started
        except KeyboardInterrupt:
            console.print("\nEnding Airflow and the engine …")
            if started is None:
                raise
        except AirflowNotReadyError as error:
            raise DemoError(f"Airflow: {error}") from error
        finally:
            with _on_signals(signal.SIG_IGN):
                if started is not None and started.airflow is not None:
                    started.airflow.stop()
                if watchdog is not None:
                    lifecycle.stop(state_dir)
                    watchdog.close()


@contextmanager
def ended_with_engine(state_dir: Path) -> Iterator[None]:
    """End what is done when the engine has gone.

    A client goes on asking a server that is not there for minutes, also when it is interrupted. So a thread interrupts
    it as often as it takes.

    :raises DemoError: that the engine has ended.
    """
    done, gone = threading.Event(), threading.Event()

    def watch() -> None:
        misses = 0
        while not done.wait(1):
            misses = misses + 1 if lifecycle.status(state_dir) is None else 0
            if misses >= MISSES:  # a busy machine's engine may be late with one answer
                gone.set()
                os.kill(os.getpid(), signal.SIGTERM)
                done.wait(5)

    thread = threading.Thread(target=watch, name="engine-watch", daemon=True)
    thread.start()
    try:
        yield
    except BaseException as error:
        if gone.is_set():
            raise DemoError(f"the local engine has ended. Its log is {state_dir / 'engine.log'}") from error
        raise
    finally:
        done.set()


@contextmanager
def _on_signals(handler: Any) -> Iterator[None]:
    """Handle Ctrl-C, ``kill`` and a closed terminal in one way: Airflow's processes are groups of their own.

    :param handler: ``signal.default_int_handler`` ends everything as Ctrl-C does; ``signal.SIG_IGN`` while it ends,
        because a second Ctrl-C must not leave half of the processes behind.
    """
    # SIGINT too: it is ignored in what a shell starts in the background.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
