"""``mediabatch dev``: the local engine and Airflow's UI for a folder of one's own DAGs."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console

from airflow_provider_mediabatch.demo import DemoError
from airflow_provider_mediabatch.demo.engine_and_airflow import ended_with_engine, engine_and_airflow
from airflow_provider_mediabatch.demo.run import Steps
from airflow_provider_mediabatch.demo.running_airflow import USER
from airflow_provider_mediabatch.local import lifecycle


def run_dev(*, dags: Path, state_dir: Path, keep: bool) -> int:
    """Start everything and wait until interrupted. DAGs are paused at first, as Airflow has them.

    :param dags: the folder of DAGs. Airflow reads a changed file within half a minute.
    :param state_dir: where the engine and Airflow keep their state, between runs too.
    :param keep: leave the engine running.
    :return: exit status: 0 after Ctrl-C, which is how it ends.
    :raises DemoError: for a folder that is none, or when Airflow does not start.
    """
    if not dags.is_dir():
        raise DemoError(f"{dags} is not a folder of DAGs")
    console = Console(soft_wrap=True, highlight=False)
    steps = Steps(console)
    state_dir = state_dir.resolve()
    with (
        engine_and_airflow(state_dir, console, steps, keep=keep, dags=dags.resolve()) as started,
        ended_with_engine(state_dir),
    ):
        airflow = started.make_airflow()
        with steps.step("Start Airflow: API server, scheduler, DAG processor, triggerer"):
            airflow.start()
        started.lock.say(f"its Airflow is {airflow.url}")
        console.print(f"\nAirflow: {airflow.url}/dags", markup=False)
        console.print(f"  user {USER}, password {airflow.password}", markup=False)
        console.print("The connection snowflake_default is the local engine. For a shell:", markup=False)
        console.print(f'  eval "$({lifecycle.shell_command("env", state_dir)})"', markup=False)
        console.print("Ctrl-C ends everything.\n")
        while True:
            airflow.check()
            time.sleep(1)
    return 0
