"""The preflight of `make demo`: it finds a Python, or says in one line what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from airflow_env import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SCRIPT = REPOSITORY / "scripts" / "find-python"


def find_python(path: Path, home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *arguments],
        env={"PATH": str(path), "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def fake_python(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_no_python_is_one_line(tmp_path: Path) -> None:
    done = find_python(tmp_path / "bin", tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"missing: Python 3\.11 to 3\.14 \(.*\)\n", done.stderr)


def test_an_old_python_is_not_taken(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin" / "python3", "exit 1")
    assert "missing: Python" in find_python(tmp_path / "bin", tmp_path).stderr


def test_a_python_without_venv_names_the_package(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin" / "python3", 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac')
    done = find_python(tmp_path / "bin", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "missing: python3 has no venv module: on Debian and Ubuntu, apt-get install python3-venv\n"


def test_a_python_under_pyenv_is_found(tmp_path: Path) -> None:
    python = tmp_path / ".pyenv" / "versions" / "3.12.9" / "bin" / "python"
    fake_python(python, "exit 0")
    assert find_python(tmp_path / "bin", tmp_path).stdout == f"{python}\n"
    assert find_python(tmp_path / "bin", tmp_path, "--all").stdout == f"{python}\n"


def test_the_variable_python_is_taken_first(tmp_path: Path) -> None:
    done = find_python(tmp_path / "bin", tmp_path, PYTHON=sys.executable)
    assert done.stdout == f"{sys.executable}\n"


def test_without_a_torch_for_processors_the_hugging_face_examples_are_left_out(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(REPOSITORY / "scripts", checkout / "scripts")
    shutil.copy(REPOSITORY / "constraints-3.12.txt", checkout)
    (checkout / ".venv").symlink_to(Path(sys.executable).parents[1])
    before = set(checkout.rglob("*"))
    done = subprocess.run(
        ["scripts/try-huggingface", ".venv"],
        cwd=checkout,
        # Nothing is fetched, and what pip is configured with on this machine does not count.
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"The Hugging Face examples were left out: pip finds no torch==[0-9.]+\+cpu for any", done.stderr)
    assert done.stdout == ""
    assert set(checkout.rglob("*")) == before


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_constraints_pin_every_direct_dependency(version: str) -> None:
    lines = (REPOSITORY / f"constraints-{version}.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line) for line in lines), "only names and versions"
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    needed = [
        item for item in map(Requirement, asked) if not item.marker or item.marker.evaluate({"python_version": version})
    ]
    names = {canonicalize_name(item.name) for item in needed}
    assert names - {project["name"]} <= pinned


def test_the_wheel_has_every_file_of_the_package() -> None:
    """Modules are found by setuptools; every other file needs a pattern, and each licence is named as one."""
    package = REPOSITORY / "airflow_provider_mediabatch"
    setup = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    patterns = setup["tool"]["setuptools"]["package-data"][package.name]
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    files = {path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert files == shipped
    licences = {str(path.relative_to(REPOSITORY)) for path in files if path.name == "LICENSE"}
    assert licences | {"LICENSE"} == set(setup["project"]["license-files"])


def test_the_scripts_are_executable() -> None:
    for name in ("scripts/find-python", "scripts/setup", "scripts/try-wheel", "scripts/try-huggingface", ".ci/run"):
        assert os.access(REPOSITORY / name, os.X_OK), name
        if shutil.which("bash"):
            subprocess.run(["bash", "-n", str(REPOSITORY / name)], check=True)
