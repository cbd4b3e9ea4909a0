"""The Git hook formats and checks what is committed, and fetches nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from airflow_env import REPOSITORY

CONFIGURATION = ".pre-commit-config.yaml"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A Git repository with the project's configuration and this environment as its ``.venv``."""
    for name in (CONFIGURATION, "pyproject.toml"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def run_hooks(clone: Path, text: str) -> subprocess.CompletedProcess[str]:
    (clone / "module.py").write_text(text)
    subprocess.run(["git", "-C", str(clone), "add", "module.py"], check=True)
    return subprocess.run(
        [str(clone / ".venv" / "bin" / "pre-commit"), "run"],
        cwd=clone,
        env={**os.environ, "PRE_COMMIT_HOME": str(clone / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_unformatted_file_is_formatted_and_refused(clone: Path) -> None:
    done = run_hooks(clone, '"""A module."""\n\nx = {  "a":1 }\n')
    assert done.returncode == 1, done.stdout + done.stderr
    assert (clone / "module.py").read_text() == '"""A module."""\n\nx = {"a": 1}\n'


def test_a_file_that_ruff_refuses_is_refused(clone: Path) -> None:
    done = run_hooks(clone, '"""A module."""\n\nimport os\n')
    assert done.returncode == 1
    assert "F401" in done.stdout


def test_a_good_file_passes(clone: Path) -> None:
    done = run_hooks(clone, '"""A module."""\n\nx = 1\n')
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_fetched() -> None:
    repositories = yaml.safe_load((REPOSITORY / CONFIGURATION).read_text())["repos"]
    assert {(repository["repo"], hook["language"]) for repository in repositories for hook in repository["hooks"]} == {
        ("local", "system")
    }
