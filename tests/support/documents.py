"""Documents whose commands and snippets are run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from airflow_env import REPOSITORY


class Document:
    """One Markdown file of the project.

    :param name: its path in the repository.
    """

    def __init__(self, name: str) -> None:
        self.path = REPOSITORY / name
        self.text = self.path.read_text()

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of a language."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, flags=re.MULTILINE | re.DOTALL)

    @property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return re.sub(r"^```.*?^```", "", self.text, flags=re.MULTILINE | re.DOTALL)

    def broken_links(self) -> list[str]:
        """Links to files that do not exist."""
        targets = re.findall(r"\]\(([^)#]+)[^)]*\)", self.prose)
        return [name for name in targets if not name.startswith("http") and not (self.path.parent / name).exists()]


def run_shell(script: str, folder: Path, *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a script in a directory, with this environment's commands on the PATH and no settings of the caller."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SNOWFLAKE"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def check_make_target(target: str) -> None:
    """Fail unless make knows the target; its commands are not run."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    subprocess.run(["make", "--dry-run", target], cwd=REPOSITORY, check=True, capture_output=True)
