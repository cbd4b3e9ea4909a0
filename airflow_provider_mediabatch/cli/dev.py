"""``mediabatch dev``: the local engine and Airflow for a folder of one's own DAGs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.cli.command import add_command

if TYPE_CHECKING:
    from airflow_provider_mediabatch.cli.command import Subparsers


def add_dev_parser(commands: Subparsers) -> None:
    """Add the ``dev`` command to a parser.

    :param commands: what ``ArgumentParser.add_subparsers()`` returned.
    """
    dev = add_command(
        commands,
        "dev",
        "Start the local engine and Airflow's UI for a folder of your own DAGs.",
        examples=("mediabatch dev", "mediabatch dev my_dags --state-dir /tmp/state --keep"),
        run=_run,
        extra="local",
    )
    dev.add_argument("dags", type=Path, nargs="?", default=Path("dags"), metavar="DAGS", help="default: %(default)s")
    dev.add_argument("--keep", action="store_true", help="leave the local engine running")
    dev.add_argument(
        "--state-dir", type=Path, default=Path(".mediabatch"), help="directory for all state (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    from airflow_provider_mediabatch.demo.dev import run_dev

    return run_dev(dags=arguments.dags, state_dir=arguments.state_dir, keep=arguments.keep)
