"""``mediabatch``: the demo and the local engine from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """All commands. Each parser carries ``run``: a function of the parsed arguments that returns the exit status."""
    from airflow_provider_mediabatch.cli.demo_command import add_demo_parser
    from airflow_provider_mediabatch.cli.doctor_command import add_doctor_parser
    from airflow_provider_mediabatch.cli.local_command import add_local_parser

    top = argparse.ArgumentParser(prog="mediabatch", description="Batch inference on media files with Airflow.")
    commands = top.add_subparsers(dest="command", required=True)
    add_demo_parser(commands)
    add_local_parser(commands)
    add_doctor_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors that a user can act on are one line on stderr.

    :param argv: the command line; ``sys.argv`` by default.
    :return: the exit status.
    """
    from airflow_provider_mediabatch.demo import DemoError
    from airflow_provider_mediabatch.local.errors import EngineError

    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (DemoError, EngineError, ModuleNotFoundError) as error:
        print(f"mediabatch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mediabatch: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
