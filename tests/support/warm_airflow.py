"""Runs of DAGs by ``dag.test()``, each forked from a process that has Airflow and the Snowflake clients imported.

Building Airflow's API in the process and importing the clients takes 11 of the 12 seconds of a short run. Nothing
else is shared: the process forked from has run nothing, and the fork takes the environment that a process of its own
would have.
"""

from __future__ import annotations

import asyncio
import os
import sys
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from unittest import mock

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

_SERVED = "MEDIABATCH_TESTS_FORK_SERVER"


class WarmAirflowHome(AirflowHome):
    """A home whose runs are forked; one for each process of tests, since Airflow reads its settings when imported."""

    def _start(self, arguments: list[str], environment: dict[str, str], log: Path) -> _ForkedRun:
        forks = get_context("forkserver")
        forks.set_forkserver_preload([__name__])
        # The server begins with the first process and keeps the environment of that moment.
        server = environment | {_SERVED: "1", "PYTHONPATH": str(Path(__file__).parent)}
        with mock.patch.dict(os.environ, server):
            run = forks.Process(target=_run, args=(arguments, environment, str(log)))
            run.start()
        return _ForkedRun(run)


class _ForkedRun:
    """A forked process with the methods of a ``subprocess.Popen``."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.kill = process.kill

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode


def _run(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """What the forked process does."""
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(output, stream.fileno())
    from airflow_provider_mediabatch.demo import run_dag

    sys.argv = ["run_dag", *arguments]
    run_dag.main()


async def _answer(app: Any) -> None:
    """Have the API answer once, which is when it builds its routes."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://in-process") as client:
        await client.get("/no-such-page")


if _SERVED in os.environ:
    import httpx
    import snowflake.ml.registry
    import snowflake.snowpark  # noqa: F401
    from airflow.dag_processing.dagbag import DagBag  # noqa: F401
    from airflow.sdk.execution_time.supervisor import in_process_api_server
    from sqlalchemy.orm import configure_mappers

    configure_mappers()
    asyncio.run(_answer(in_process_api_server().app))
