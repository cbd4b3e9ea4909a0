"""``mediabatch local``: start, stop, status and env of the local engine."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local import faults, lifecycle
from airflow_provider_mediabatch.local.errors import EngineError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_local_parser(subparsers: Subparsers) -> None:
    """Add the ``local`` command to a parser; its arguments carry the function to call as ``run``.

    :param subparsers: what ``ArgumentParser.add_subparsers()`` returned.
    """
    local = subparsers.add_parser(
        "local", help="the local engine: Snowflake's protocol on this machine, no account needed"
    )
    commands = local.add_subparsers(dest="local_command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=text, description=text)
        parser.add_argument(
            "--state-dir",
            type=Path,
            default=lifecycle.DEFAULT_STATE_DIR,
            help="directory that holds the engine's state (default: %(default)s)",
        )
        return parser

    start = command("start", "start the engine unless it runs, and wait until it is ready")
    start.add_argument("--port", type=int, help="port on 127.0.0.1 (default: the one it had before, else any free one)")
    start.add_argument("--faults", type=Path, metavar="PLAN.json", help="a plan of faults to produce, for testing DAGs")
    start.add_argument(
        "--image-build-seconds",
        type=_seconds,
        metavar="N",
        help="how long the first use of a model version takes before its job starts (kept until it is set again)",
    )
    start.set_defaults(run=_start)
    plan = command("faults", "give the running engine another plan of faults to produce, or take it away")
    choice = plan.add_mutually_exclusive_group(required=True)
    choice.add_argument("plan", type=Path, nargs="?", metavar="PLAN.json")
    choice.add_argument("--clear", action="store_true", help="no faults any more")
    plan.set_defaults(run=_faults)
    command("stop", "stop the engine and the jobs it runs").set_defaults(run=_stop)
    state = command("status", "say whether the engine runs; exit status 3 when it does not")
    state.add_argument("--json", action="store_true", help="as one JSON object")
    state.set_defaults(run=_status)
    env = command("env", "print how to reach the engine, as shell exports")
    env.add_argument("--json", action="store_true", help="the connector's parameters as one JSON object")
    env.set_defaults(run=_env)


def _start(arguments: argparse.Namespace) -> int:
    engine = lifecycle.start(arguments.state_dir, port=arguments.port, faults=arguments.faults)
    if arguments.image_build_seconds is not None:
        _set_image_build(engine, arguments.image_build_seconds)
    print(f"The local engine is ready on 127.0.0.1:{engine.port}, state in {engine.state_dir}.")
    print(
        f'Point Airflow and the Snowflake clients at it: eval "$(mediabatch local env --state-dir {engine.state_dir})"'
    )
    return 0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise ValueError(text)
    return seconds


def _set_image_build(engine: lifecycle.EngineStatus, seconds: float) -> None:
    import snowflake.connector

    with snowflake.connector.connect(**engine.parameters) as connection:
        connection.cursor().execute(f"ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = {seconds:f}")


def _faults(arguments: argparse.Namespace) -> int:
    faults.install(arguments.state_dir.resolve(), None if arguments.clear else faults.read(arguments.plan))
    print("No faults are produced." if arguments.clear else f"Faults are produced as {arguments.plan} says.")
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
    return 0 if engine is not None else 3


def _env(arguments: argparse.Namespace) -> int:
    engine = lifecycle.status(arguments.state_dir)
    if engine is None:
        command = f"mediabatch local start --state-dir {arguments.state_dir}"
        print(f"No local engine runs in {arguments.state_dir}. Start it: {command}", file=sys.stderr)
        return 3
    print(json.dumps(engine.parameters) if arguments.json else engine.exports())
    return 0


def main(argv: list[str] | None = None) -> int:
    """``python -m airflow_provider_mediabatch.cli.local_command local …``, the same as ``mediabatch local …``."""
    parser = argparse.ArgumentParser(prog="mediabatch")
    add_local_parser(parser.add_subparsers(dest="command", required=True))
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except EngineError as error:
        print(f"mediabatch: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
