"""The provider's commands inside Airflow's own CLI: ``airflow mediabatch …``.

Imported by every ``airflow`` command: nothing heavy here.
"""

from __future__ import annotations

import sys
from typing import Any


def get_mediabatch_commands() -> list[Any]:
    """What ``cli`` in the provider's info names."""
    from airflow.cli import cli_config

    from airflow_provider_mediabatch.cli.command import epilog
    from airflow_provider_mediabatch.cli.doctor import EXAMPLES, OPTIONS, SUMMARY

    argument: Any = cli_config.Arg  # has no annotations
    options = [argument((name,), help=text, default=default) for name, text, default in OPTIONS]
    json = argument(("--json",), help="print the report as JSON", action="store_true")
    return [
        cli_config.GroupCommand(
            name="mediabatch",
            help="Batch inference on media files with Snowflake",
            subcommands=[
                cli_config.ActionCommand(
                    name="doctor",
                    help="Check everything that a batch needs",
                    description=SUMMARY,
                    epilog=epilog([f"airflow mediabatch {line}" for line in EXAMPLES]),
                    func=cli_config.lazy_load_command("airflow_provider_mediabatch.cli.airflow_commands.doctor"),
                    args=(*options, json),
                ),
            ],
        )
    ]


def doctor(args: Any) -> None:
    """``airflow mediabatch doctor``."""
    from airflow_provider_mediabatch.cli.doctor import run
    from airflow_provider_mediabatch.core.user_error import UserError

    try:
        status = run(args)
    except UserError as error:
        print(f"airflow mediabatch doctor: {error}", file=sys.stderr)
        status = 1
    raise SystemExit(status)
