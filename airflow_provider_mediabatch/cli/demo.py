"""``mediabatch demo``: the main job on real media, with no account."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.cli.command import add_command
from airflow_provider_mediabatch.core.user_error import UserError

if TYPE_CHECKING:
    from airflow_provider_mediabatch.cli.command import Subparsers


def add_demo_parser(commands: Subparsers) -> None:
    """Add the ``demo`` command to a parser.

    :param commands: what ``ArgumentParser.add_subparsers()`` returned.
    """
    demo = add_command(
        commands,
        "demo",
        "Run the main job on this machine: files on a stage, a model in the registry, Airflow, predictions.",
        examples=(
            "mediabatch demo",
            "mediabatch demo --files photographs --json predictions.json",
            "mediabatch demo --speech",
            "mediabatch demo --ui --files inbox",
        ),
        run=_run,
        extra="demo",
    )
    demo.add_argument("--files", type=Path, metavar="DIR", help="your own images (with --speech: recordings)")
    demo.add_argument(
        "--ui",
        action="store_true",
        help="start Airflow's UI and watch a folder (inbox/, or --files DIR) whose photographs become predictions",
    )
    demo.add_argument("--speech", action="store_true", help="transcribe speech with Whisper tiny.en")
    demo.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON")
    demo.add_argument("--keep", action="store_true", help="leave the local engine running")
    demo.add_argument(
        "--state-dir", type=Path, default=Path(".mediabatch"), help="directory for all state (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    _check(arguments)
    if arguments.ui:
        from airflow_provider_mediabatch.demo.ui import run_ui

        return run_ui(state_dir=arguments.state_dir, inbox=arguments.files or Path("inbox"), keep=arguments.keep)

    from airflow_provider_mediabatch.demo.run import run

    return run(
        state_dir=arguments.state_dir,
        speech=arguments.speech,
        files=arguments.files,
        json_file=arguments.json,
        keep=arguments.keep,
    )


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what would fail later, after a run of a minute: a document that cannot be written, most of all.

    :raises UserError: naming the argument.
    """
    if arguments.ui and (arguments.speech or arguments.json):
        raise UserError("--ui cannot be combined with --speech or --json. It takes --files, --keep and --state-dir")
    if arguments.files and not arguments.ui and not arguments.files.is_dir():
        raise UserError(f"--files {arguments.files} is not a directory")
    try:
        arguments.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{arguments.state_dir} cannot be used as the state directory: {error.strerror}") from error
    if arguments.json and not _writable(arguments.json):
        raise UserError(f"--json {arguments.json} cannot be written: give a file in an existing folder")


def _writable(file: Path) -> bool:
    return os.access(file, os.W_OK) and file.is_file() if file.exists() else os.access(file.parent, os.W_OK)
