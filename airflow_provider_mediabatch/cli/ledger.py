"""``mediabatch ledger`` and ``mediabatch runs``: what the ledger knows, and giving files back."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.cli.command import add_command, logs_on_stderr, no_connection
from airflow_provider_mediabatch.core.user_error import UserError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.cli.command import Run, Subparsers
    from airflow_provider_mediabatch.ledger.ledger import Ledger


def add_ledger_parsers(commands: Subparsers) -> None:
    """Add the commands ``ledger`` and ``runs`` to a parser.

    :param commands: what ``ArgumentParser.add_subparsers()`` returned.
    """
    ledger = add_command(
        commands,
        "ledger",
        "Show which files are done, claimed or quarantined, and give files back.",
        examples=(
            "mediabatch ledger show",
            "mediabatch ledger release-run photos scheduled__2026-11-28T00:00:00+00:00",
        ),
    )
    subcommands = ledger.add_subparsers(dest="ledger_command", required=True, metavar="COMMAND")

    def command(parent: Subparsers, name: str, summary: str, run: Run, *examples: str) -> argparse.ArgumentParser:
        parser = add_command(parent, name, summary, examples=examples, run=run)
        parser.add_argument(
            "--conn-id", default="snowflake_default", help="an Airflow connection (default: %(default)s)"
        )
        parser.add_argument("--ledger", default="MEDIABATCH_LEDGER", help="the ledger table (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print JSON")
        return parser

    show = command(
        subcommands,
        "show",
        "Count files by model version and state, and list quarantined and given-back files with their reasons.",
        _show,
        "mediabatch ledger show",
        "mediabatch ledger show --ledger MEDIA.PUBLIC.MEDIABATCH_LEDGER --limit 100 --json",
    )
    release_run = command(
        subcommands,
        "release-run",
        "Give back the files that a run has claimed. Refused while one of its jobs may still process them.",
        _release_run,
        "mediabatch ledger release-run photos scheduled__2026-11-28T00:00:00+00:00",
    )
    release_run.add_argument("dag_id", metavar="DAG_ID")
    release_run.add_argument("run_id", metavar="RUN_ID")
    quarantined = command(
        subcommands,
        "release-quarantined",
        "Let quarantined files be taken again by the next run.",
        _release_quarantined,
        "mediabatch ledger release-quarantined @MEDIA.PUBLIC.PHOTOS/in/broken.jpg",
        "mediabatch ledger release-quarantined --all",
    )
    which = quarantined.add_mutually_exclusive_group(required=True)
    which.add_argument("paths", nargs="*", default=[], metavar="PATH", help="full stage paths, as the ledger has them")
    which.add_argument("--all", action="store_true", help="all quarantined files")
    runs = command(
        commands,
        "runs",
        "List the latest runs with their files by state.",
        _runs,
        "mediabatch runs",
        "mediabatch runs --limit 5 --json",
    )
    for parser in (show, runs):
        parser.add_argument("--limit", type=_count, default=20, metavar="N", help="most rows (default: %(default)s)")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of rows from 1")
    return int(text)


@contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[tuple[SnowflakeConnection, Ledger]]:
    """One login, and the ledger that is there.

    :raises UserError: when the connection, the ledger or a name is not usable.
    """
    import logging

    from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
    from snowflake.connector.errors import DatabaseError

    from airflow_provider_mediabatch.client.connection import connected
    from airflow_provider_mediabatch.client.errors import error_text
    from airflow_provider_mediabatch.exceptions import MediaBatchError
    from airflow_provider_mediabatch.ledger.ledger import Ledger

    logging.getLogger("snowflake").setLevel(logging.ERROR)
    try:
        with logs_on_stderr(), connected(arguments.conn_id) as connection:
            ledger = Ledger(connection, arguments.ledger)
            if not ledger.exists():
                raise UserError(f"--ledger {ledger.table} does not exist, or this connection's role may not see it")
            yield connection, ledger
    except MediaBatchError as error:
        raise UserError(error.what) from error
    except AirflowNotFoundException as error:
        raise UserError(no_connection(arguments.conn_id)) from error
    except AirflowException as error:
        raise UserError(f"--conn-id {arguments.conn_id}: {error}") from error
    except DatabaseError as error:
        raise UserError(error_text(error)) from error


def _show(arguments: argparse.Namespace) -> int:
    from airflow_provider_mediabatch.ledger import inspection

    with _opened(arguments) as (connection, ledger):
        states = inspection.count_states(connection, ledger)
        failed = inspection.failed_files(connection, ledger, arguments.limit)
    if arguments.json:
        _print_json({"states": _lower(states), "failed": _lower(failed)})
        return 0
    _print_table(states, "MODEL_NAME", "MODEL_VERSION", "FUNCTION_NAME", "STATE", "FILES", "BYTES", "UPDATED_AT")
    if failed:
        print()
        _print_table(failed, "FILE_PATH", "STATE", "ERROR")
    return 0


def _runs(arguments: argparse.Namespace) -> int:
    from airflow_provider_mediabatch.ledger import inspection

    with _opened(arguments) as (connection, ledger):
        runs = inspection.count_runs(connection, ledger, arguments.limit)
    if arguments.json:
        _print_json(_lower(runs))
    else:
        _print_table(runs, *(name for name in runs[0] if name != "MODEL_NAME") if runs else ())
    return 0


def _release_run(arguments: argparse.Namespace) -> int:
    from airflow_provider_mediabatch.ledger import inspection

    with _opened(arguments) as (connection, ledger):
        released = inspection.release_run(connection, ledger, arguments.dag_id, arguments.run_id)
    return _print_released(arguments, released)


def _release_quarantined(arguments: argparse.Namespace) -> int:
    from airflow_provider_mediabatch.ledger import inspection

    with _opened(arguments) as (connection, ledger):
        released = inspection.release_quarantined(connection, ledger, None if arguments.all else arguments.paths)
    return _print_released(arguments, released)


def _print_released(arguments: argparse.Namespace, released: int) -> int:
    if arguments.json:
        _print_json({"released": released})
    else:
        print(f"{released} files are released. The next run may take them.")
    return 0


def _lower(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name.lower(): value for name, value in row.items()} for row in found]


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, default=str))


def _print_table(found: Sequence[Mapping[str, Any]], *columns: str) -> None:
    """Rows as lines, however wide: a run's id is for copying."""
    if not found:
        print("The ledger is empty.")
        return
    lines = [[name.lower() for name in columns], *([_cell(row[name]) for name in columns] for row in found)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    """A value as one line; a time without fractions of seconds."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else " ".join(str(value).split())
