"""``mediabatch new``: a project of one's own that runs on the local engine at once."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.cli.command import add_command
from airflow_provider_mediabatch.core.user_error import UserError

if TYPE_CHECKING:
    from airflow_provider_mediabatch.cli.command import Subparsers

_TEMPLATES = Path(__file__).parent / "project"
_NAME = "my_batch"
"""The project's name in the templates."""
_FILES = {
    "dag.py": "dags/my_batch.py",
    "model.py": "model.py",
    "log_model.py": "log_model.py",
    "upload_files.py": "upload_files.py",
    "test_my_batch.py": "test_my_batch.py",
    "Makefile": "Makefile",
    "gitignore": ".gitignore",
    "example.txt": "files/example.txt",
}
"""Each template, and the file that it becomes."""


def add_new_parser(commands: Subparsers) -> None:
    """Add the ``new`` command to a parser.

    :param commands: what ``ArgumentParser.add_subparsers()`` returned.
    """
    new = add_command(
        commands,
        "new",
        "Write a project: a DAG, a model with the scripts that log it and upload files, a test and a Makefile.",
        examples=("mediabatch new photo_sizes", "mediabatch new photo_sizes --folder projects"),
        run=_run,
    )
    new.add_argument("name", metavar="NAME", help="lower-case letters, digits and underscores")
    new.add_argument("--folder", type=Path, default=Path(), help="where the project's folder is made (default: here)")


def _run(arguments: argparse.Namespace) -> int:
    project = write_project(arguments.folder, arguments.name)
    print(f"The project is in {project}. Run it on the local engine, without an account:")
    print(f"  cd {shlex.quote(str(project))}\n  make run")
    return 0


def write_project(folder: Path, name: str) -> Path:
    """Write a project's files.

    :param folder: the folder that the project's own is made in.
    :param name: of the project, its DAG, its model and its stages.
    :return: the project's folder.
    :raises UserError: for a name that is none, or where something is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,50}", name):
        raise UserError(
            f"{name} is not a project's name: begin with a lower-case letter, and go on with such letters, digits and _"
        )
    project = folder / name
    if project.exists():
        raise UserError(f"{project} is there already. Take another name, or remove it")
    for template, target in _FILES.items():
        path = project / target.replace(_NAME, name)
        text = (_TEMPLATES / f"{template}.txt").read_text()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(_NAME, name).replace(_NAME.upper(), name.upper()))
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}") from error
    return project
