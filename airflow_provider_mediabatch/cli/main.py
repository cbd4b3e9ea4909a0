"""``mediabatch``: the doctor, the demo and the local engine from the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from airflow_provider_mediabatch.cli.command import epilog

PACKAGE = "airflow-provider-mediabatch"


def parser() -> argparse.ArgumentParser:
    """All commands. Each parser carries ``run``: a function of the parsed arguments that returns the exit status."""
    from airflow_provider_mediabatch.cli import demo, dev, doctor, ledger, local, new

    top = argparse.ArgumentParser(
        prog="mediabatch",
        description="Batch inference on media files with Airflow and Snowflake.",
        epilog=epilog(["mediabatch demo", "mediabatch local start", "mediabatch doctor --conn-id snowflake_default"]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"mediabatch {metadata.version(PACKAGE)}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    demo.add_demo_parser(commands)
    dev.add_dev_parser(commands)
    doctor.add_doctor_parser(commands)
    new.add_new_parser(commands)
    ledger.add_ledger_parsers(commands)
    local.add_local_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error that a user can act on is one line on stderr.

    :param argv: the command line; ``sys.argv`` by default.
    :return: the exit status.
    """
    try:
        status = _main(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # `mediabatch … | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _main(argv: Sequence[str] | None) -> int:
    from airflow_provider_mediabatch.core.user_error import UserError
    from airflow_provider_mediabatch.local.errors import EngineError

    top = parser()
    arguments = top.parse_args(argv)
    if "run" not in arguments:
        top.print_help(sys.stderr)
        return 2
    try:
        return int(arguments.run(arguments))
    except (UserError, EngineError) as error:
        print(f"mediabatch: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if arguments.extra is None:
            raise
        install = f"pip install '{PACKAGE}[{arguments.extra}]'"
        print(f"mediabatch: {error}. `mediabatch {arguments.command}` needs: {install}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mediabatch: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
