"""How each command is added to the parser: with a summary, examples, and the function that runs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

Run = Callable[[argparse.Namespace], int]


def add_command(
    commands: Subparsers,
    name: str,
    summary: str,
    *,
    examples: Sequence[str],
    run: Run | None = None,
    extra: str | None = None,
) -> argparse.ArgumentParser:
    """Add a command.

    :param commands: what ``ArgumentParser.add_subparsers()`` returned.
    :param name: the command's name.
    :param summary: one sentence for the list of commands and for its own help.
    :param examples: command lines for the end of its help.
    :param run: takes the parsed arguments and returns the exit status; without it the command only holds others.
    :param extra: the package's optional dependency that the command needs.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=epilog(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(extra=extra)
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def epilog(examples: Sequence[str]) -> str:
    """The end of a command's help."""
    return "\n".join(["examples:", *(f"  {example}" for example in examples)])


def no_connection(conn_id: str) -> str:
    """What to do where Airflow has no connection of that name."""
    return (
        f"Airflow has no connection {conn_id}. Add it with `airflow connections add {conn_id} "
        "--conn-type snowflake …`. "
        'The local engine\'s is snowflake_default: eval "$(mediabatch local env)"'
    )


@contextmanager
def logs_on_stderr() -> Iterator[None]:
    """Send what libraries write to stdout to stderr, whatever stream they hold: stdout is the report's."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
