"""The doctor on the command line: ``mediabatch doctor`` and ``airflow mediabatch doctor``."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_mediabatch.cli.doctor import Finding

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

OPTIONS = (
    ("--conn-id", "an Airflow connection of type snowflake (default: %(default)s)", "snowflake_default"),
    ("--model", "DATABASE.SCHEMA.MODEL", None),
    ("--version", "version or alias (default: the model's default version)", None),
    ("--function", "the model's function", None),
    ("--stage", "where the files are: @DATABASE.SCHEMA.STAGE/path", None),
    ("--output", "where results go: @DATABASE.SCHEMA.STAGE/path", None),
    ("--pool", "the compute pool", None),
    ("--job-schema", "DATABASE.SCHEMA that jobs are created in (default: the model's)", None),
)


def add_doctor_parser(subparsers: Subparsers) -> None:
    """Add the ``doctor`` command; its arguments carry the function to call as ``run``.

    :param subparsers: what ``ArgumentParser.add_subparsers()`` returned.
    """
    text = "look at everything that a batch needs, and print the SQL that puts right what is missing"
    doctor = subparsers.add_parser("doctor", help=text, description=text)
    add_arguments(doctor)
    doctor.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The doctor's own options."""
    for name, text, default in OPTIONS:
        parser.add_argument(name, help=text, default=default)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Examine and print.

    :return: 1 when a check failed, else 0.
    """
    from airflow.sdk.exceptions import AirflowException

    from airflow_provider_mediabatch.cli.doctor import Wanted, examine
    from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

    hook = MediaBatchHook(snowflake_conn_id=arguments.conn_id)
    try:
        warehouse = hook.get_connection(arguments.conn_id).extra_dejson.get("warehouse")
    except AirflowException:
        warehouse = None  # there is no such connection, which logging in will say
    wanted = Wanted(
        model=arguments.model,
        version=arguments.version,
        function=arguments.function,
        stage=arguments.stage,
        output=arguments.output,
        pool=arguments.pool,
        job_schema=arguments.job_schema,
        warehouse=warehouse,
    )
    findings = examine(hook.get_conn, wanted)
    if arguments.json:
        print(json.dumps([finding.to_dict() for finding in findings], indent=1))
    else:
        _print(findings)
    return int(any(finding.status == "fail" for finding in findings))


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"pass": "green", "warn": "yellow", "fail": "red", "skip": "dim"}
    table = Table(box=None, pad_edge=False)
    for title in ("", "Check", "Finding"):
        table.add_column(title)
    for finding in findings:
        table.add_row(Text(finding.status, style=colours[finding.status]), Text(finding.check), Text(finding.detail))
    console = Console()
    console.print(table)
    fixes = [finding for finding in findings if finding.fix and finding.status in ("fail", "warn")]
    if fixes:
        console.print("\nTo put this right, run with a role that may grant it:\n")
    for finding in fixes:
        # Plain print: SQL is for copying, and must not be wrapped or coloured.
        print(f"-- {finding.check} ({finding.status})")
        print("\n".join(f"{statement.strip()};" for statement in finding.fix.split("; ")))
