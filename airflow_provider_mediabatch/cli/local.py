"""``mediabatch local``: start, stop, status and env of the local engine."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.cli.command import add_command
from airflow_provider_mediabatch.local import faults, lifecycle
from airflow_provider_mediabatch.local.stores.settings import IMAGE_BUILD_SECONDS, JOB_START_SECONDS

if TYPE_CHECKING:
    from airflow_provider_mediabatch.cli.command import Run, Subparsers


def add_local_parser(commands: Subparsers) -> None:
    """Add the ``local`` command to a parser; its arguments carry the function to call as ``run``.

    :param commands: what ``ArgumentParser.add_subparsers()`` returned.
    """
    local = add_command(
        commands,
        "local",
        "Control the local engine, which speaks Snowflake's protocol on this machine. No account is needed.",
        examples=("mediabatch local start", 'eval "$(mediabatch local env)"', "mediabatch local stop"),
    )
    subcommands = local.add_subparsers(dest="local_command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, run: Run, *examples: str) -> argparse.ArgumentParser:
        parser = add_command(subcommands, name, summary, examples=examples, run=run, extra="local")
        parser.add_argument(
            "--state-dir",
            type=Path,
            default=lifecycle.DEFAULT_STATE_DIR,
            help="directory that holds the engine's state (default: %(default)s)",
        )
        return parser

    start = command(
        "start",
        "Start the engine unless it runs, and wait until it is ready.",
        _start,
        "mediabatch local start",
        "mediabatch local start --port 8085 --state-dir /tmp/engine",
        "mediabatch local start --faults plan.json --image-build-seconds 60 --job-start-seconds 20",
    )
    start.add_argument(
        "--port", type=int, help="port on 127.0.0.1 (default: the port of the last start, or a free one)"
    )
    start.add_argument("--faults", type=Path, metavar="PLAN.json", help="a plan of faults to produce, for testing DAGs")
    start.add_argument(
        "--image-build-seconds",
        type=_seconds,
        metavar="N",
        help="how long the first use of a model version takes before its job starts (kept until it is set again)",
    )
    start.add_argument(
        "--job-start-seconds",
        type=_seconds,
        metavar="N",
        help="how long the containers of each job take to start (kept until it is set again)",
    )
    plan = command(
        "faults",
        "Replace or clear the fault plan of a running engine.",
        _faults,
        "mediabatch local faults plan.json",
        "mediabatch local faults --clear",
    )
    choice = plan.add_mutually_exclusive_group(required=True)
    choice.add_argument("plan", type=Path, nargs="?", metavar="PLAN.json")
    choice.add_argument("--clear", action="store_true", help="clear the fault plan")
    command("stop", "Stop the engine and the jobs it runs.", _stop, "mediabatch local stop")
    status = command(
        "status",
        "Say whether the engine runs. The exit status is 3 when it does not.",
        _status,
        "mediabatch local status",
        "mediabatch local status --json",
    )
    status.add_argument("--json", action="store_true", help="print one JSON object")
    env = command(
        "env",
        "Print how to reach the engine, as shell exports.",
        _env,
        'eval "$(mediabatch local env)"',
        "mediabatch local env --json",
    )
    env.add_argument("--json", action="store_true", help="print the connector's parameters as one JSON object")


def _start(arguments: argparse.Namespace) -> int:
    engine = lifecycle.start(arguments.state_dir, port=arguments.port, faults=arguments.faults)
    for setting in (IMAGE_BUILD_SECONDS, JOB_START_SECONDS):
        seconds = getattr(arguments, setting.removeprefix("MEDIABATCH_").lower())
        if seconds is not None:
            _set(engine, setting, seconds)
    print(f"The local engine is ready on 127.0.0.1:{engine.port}, state in {engine.state_dir}.")
    env = lifecycle.shell_command("env", engine.state_dir)
    print(f'Point Airflow and the Snowflake clients at it: eval "$({env})"')
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 0")
    return seconds


def _set(engine: lifecycle.EngineStatus, setting: str, seconds: float) -> None:
    import snowflake.connector

    with snowflake.connector.connect(**engine.parameters) as connection:
        connection.cursor().execute(f"ALTER ACCOUNT SET {setting} = {seconds:f}")


def _faults(arguments: argparse.Namespace) -> int:
    faults.install(arguments.state_dir.resolve(), None if arguments.clear else faults.read(arguments.plan))
    print("The fault plan is cleared." if arguments.clear else f"The fault plan {arguments.plan} is active.")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    stopped = lifecycle.stop(arguments.state_dir)
    print("The local engine is stopped." if stopped else f"No local engine runs in {arguments.state_dir}.")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    engine = lifecycle.status(arguments.state_dir)
    if arguments.json:
        found = {"running": engine is not None, "state_dir": str(arguments.state_dir.resolve())}
        if engine is not None:
            found |= {"pid": engine.pid, "port": engine.port, "started": engine.started}
        print(json.dumps(found))
    elif engine is None:
        print(f"No local engine runs in {arguments.state_dir}.")
    else:
        print(f"The local engine runs on 127.0.0.1:{engine.port}, process {engine.pid}, state in {engine.state_dir}.")
        from airflow_provider_mediabatch.local.stores.models.requirements import unmet_requirements

        for sentence in unmet_requirements(engine.state_dir):
            print(f"WARNING: {sentence}.")
    return 0 if engine is not None else 3


def _env(arguments: argparse.Namespace) -> int:
    engine = lifecycle.status(arguments.state_dir)
    if engine is None:
        command = lifecycle.shell_command("start", arguments.state_dir)
        print(f"No local engine runs in {arguments.state_dir}. Start it: {command}", file=sys.stderr)
        return 3
    print(json.dumps(engine.parameters) if arguments.json else engine.exports())
    return 0
