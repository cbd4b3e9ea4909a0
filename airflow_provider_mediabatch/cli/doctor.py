"""The doctor on the command line: ``mediabatch doctor`` and ``airflow mediabatch doctor``."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.cli.command import add_command, logs_on_stderr, no_connection
from airflow_provider_mediabatch.core.user_error import UserError

if TYPE_CHECKING:
    from airflow_provider_mediabatch.cli.command import Subparsers
    from airflow_provider_mediabatch.validation.doctor.batch_settings import BatchSettings
    from airflow_provider_mediabatch.validation.doctor.check_result import CheckResult

SUMMARY = "Check everything that a batch needs, and print the SQL that grants missing privileges and fixes settings."
EXAMPLES = (
    "doctor --conn-id snowflake_default",
    "doctor --model DB.SCHEMA.MODEL --stage @DB.SCHEMA.PHOTOS/in/ --output @DB.SCHEMA.WORK/ --pool GPU_POOL",
    "doctor --model DB.SCHEMA.MODEL --results-table DB.SCHEMA.PREDICTIONS --json",
)
OPTIONS = (
    ("--conn-id", "an Airflow connection of type snowflake (default: %(default)s)", "snowflake_default"),
    ("--model", "DATABASE.SCHEMA.MODEL", None),
    ("--version", "version or alias (default: the model's default version)", None),
    ("--function", "the model's function", None),
    ("--stage", "where the files are: @DATABASE.SCHEMA.STAGE/path", None),
    ("--output", "where predictions go: @DATABASE.SCHEMA.STAGE/path", None),
    ("--manifests", "where manifests go: @DATABASE.SCHEMA.STAGE/path (default: --output)", None),
    ("--pool", "the compute pool", None),
    ("--job-schema", "DATABASE.SCHEMA that jobs are created in (default: the model's)", None),
    (
        "--ledger",
        "the ledger table, or none (default with --model: MEDIABATCH_LEDGER, in the connection's schema)",
        None,
    ),
    ("--results-table", "the table that LoadResultsOperator fills", None),
    ("--labels", "the table that labels= names", None),
    ("--stream", 'the stream on --stage that stage_asset(source="stream") reads', None),
    ("--image-repo", "the image repository of image_build_spec", None),
)
"""Name, help text and default of each option; Airflow's own command line has the same."""
_SETTINGS = {
    "stage": "input_stage",
    "output": "output_stage",
    "manifests": "manifest_stage",
    "pool": "compute_pool",
    "image_repo": "image_repository",
}
"""Options whose field of BatchSettings has another name."""


def add_doctor_parser(commands: Subparsers) -> None:
    """Add the ``doctor`` command to a parser.

    :param commands: what ``ArgumentParser.add_subparsers()`` returned.
    """
    doctor = add_command(commands, "doctor", SUMMARY, examples=[f"mediabatch {line}" for line in EXAMPLES], run=run)
    for name, text, default in OPTIONS:
        doctor.add_argument(name, help=text, default=default)
    doctor.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Check, and print the report.

    :return: 1 when a check failed, else 0.
    :raises UserError: for an option whose value names nothing.
    """
    _check_options(arguments)
    with logs_on_stderr():
        results = _check(arguments)
    if arguments.json:
        print(json.dumps([result.to_dict() for result in results], indent=1))
    else:
        _print(results)
    return int(any(result.status == "fail" for result in results))


def verdict(results: Sequence[CheckResult]) -> str:
    """The report in one line."""
    counts = {status: sum(result.status == status for result in results) for status in ("fail", "warn", "skip")}
    names = {"fail": "problem", "warn": "warning", "skip": "check skipped"}
    plurals = {"fail": "problems", "warn": "warnings", "skip": "checks skipped"}
    said = [f"{count} {names[item] if count == 1 else plurals[item]}" for item, count in counts.items() if count]
    if counts["fail"]:
        return f"{', '.join(said)}. A batch cannot run until the problems are fixed."
    return f"{', '.join(said) or 'All checks passed'}. A batch can run."


def _check_options(arguments: argparse.Namespace) -> None:
    """Names that are none are refused before anything connects; the connection's database and schema fill the rest."""
    from airflow_provider_mediabatch.validation.doctor.batch_settings import SettingError

    try:
        _settings(arguments).objects("DATABASE", "SCHEMA")
    except SettingError as error:
        options = {setting: option for option, setting in _SETTINGS.items()}
        option = options.get(error.setting, error.setting).replace("_", "-")
        raise UserError(f"--{option}: {error}") from None


def _settings(arguments: argparse.Namespace, warehouse: str | None = None) -> BatchSettings:
    from airflow_provider_mediabatch.validation.doctor.batch_settings import BatchSettings

    options = [name.removeprefix("--").replace("-", "_") for name, _, _ in OPTIONS if name != "--conn-id"]
    given = {_SETTINGS.get(option, option): getattr(arguments, option) for option in options}
    return BatchSettings(**given, warehouse=warehouse)


def _check(arguments: argparse.Namespace) -> list[CheckResult]:
    from airflow.sdk.exceptions import AirflowException

    from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook
    from airflow_provider_mediabatch.validation.doctor.account import check_account
    from airflow_provider_mediabatch.validation.doctor.check_result import CheckResult
    from airflow_provider_mediabatch.validation.doctor.installation import check_triggerer, check_versions

    logging.getLogger("snowflake").setLevel(logging.ERROR)
    installation = [*check_versions(), check_triggerer()]
    hook = MediaBatchHook(snowflake_conn_id=arguments.conn_id)
    try:
        connection = hook.get_connection(arguments.conn_id)
    except AirflowException:
        return [*installation, CheckResult("connection", "fail", no_connection(arguments.conn_id))]
    if connection.conn_type != hook.conn_type:
        problem = f"{arguments.conn_id} is of type {connection.conn_type}, not {hook.conn_type}"
        return [*installation, CheckResult("connection", "fail", problem)]
    settings = _settings(arguments, connection.extra_dejson.get("warehouse"))
    return [*installation, *check_account(hook.get_conn, settings)]


def _print(results: Sequence[CheckResult]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"pass": "green", "warn": "yellow", "fail": "red", "skip": "dim"}
    table = Table(box=None, pad_edge=False)
    for title in ("", "Check", "Result"):
        table.add_column(title)
    for result in results:
        table.add_row(Text(result.status, style=colours[result.status]), Text(result.check), Text(result.detail))
    console = Console()
    console.print(table)
    fixes = [result for result in results if result.fix and result.status in ("fail", "warn")]
    if fixes:
        console.print("\nTo fix this, run these statements with a role that may:\n")
    for result in fixes:
        # Plain print: SQL is for copying, and must not be wrapped or coloured.
        print(f"-- {result.check} ({result.status})")
        print("\n".join(f"{statement};" for statement in result.fix.split("; ")))
    print(f"\n{verdict(results)}")
