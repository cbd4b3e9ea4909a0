"""``mediabatch demo``: the main job on real media, with no account."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_demo_parser(subparsers: Subparsers) -> None:
    """Add the ``demo`` command to a parser.

    :param subparsers: what ``ArgumentParser.add_subparsers()`` returned.
    """
    text = "run the main job on this machine: files on a stage, a model in the registry, Airflow, predictions"
    demo = subparsers.add_parser("demo", help=text, description=text)
    demo.add_argument("--files", type=Path, metavar="DIR", help="your own images (with --speech: recordings)")
    demo.add_argument(
        "--ui",
        action="store_true",
        help="start Airflow's UI and look at a folder (inbox/, or --files DIR) whose photographs become predictions",
    )
    demo.add_argument("--speech", action="store_true", help="transcribe speech with Whisper tiny.en")
    demo.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON")
    demo.add_argument("--keep", action="store_true", help="leave the local engine running")
    demo.add_argument(
        "--state-dir", type=Path, default=Path(".mediabatch"), help="where all state lives (default: %(default)s)"
    )
    demo.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.ui:
        from airflow_provider_mediabatch.demo import DemoError
        from airflow_provider_mediabatch.demo.ui import run_ui

        if arguments.speech or arguments.json:
            raise DemoError("--ui goes with --files, --keep and --state-dir only: it shows photographs, and runs on")
        return run_ui(state_dir=arguments.state_dir, inbox=arguments.files or Path("inbox"), keep=arguments.keep)

    from airflow_provider_mediabatch.demo.run import run

    return run(
        state_dir=arguments.state_dir,
        speech=arguments.speech,
        files=arguments.files,
        json_file=arguments.json,
        keep=arguments.keep,
    )
