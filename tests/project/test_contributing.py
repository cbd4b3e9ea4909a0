"""Every command of CONTRIBUTING.md works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from airflow_env import REPOSITORY
from documents import Document, check_make_target, run_shell

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

CONTRIBUTING = Document("CONTRIBUTING.md")
BREAKPOINT_DAG = """
import pendulum
from airflow.sdk import dag, task

@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1))
def image_classification():
    @task
    def first():
        answer = 41
        breakpoint()
        return answer
    first()

image_classification()
"""


def block(containing: str) -> str:
    """The one block of commands that contains a text."""
    (found,) = [text for text in CONTRIBUTING.blocks("bash") if containing in text]
    return found


def test_every_block_is_run_by_a_test_here() -> None:
    run = ("make ", "pre-commit", "pytest", "engine.log", "catalog.sqlite", "local stop\n", "dags test")
    assert [text for text in CONTRIBUTING.blocks("bash") if not any(word in text for word in run)] == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with the repository's files, this environment as ``.venv`` and a Git repository of its own."""
    for path in REPOSITORY.iterdir():
        if path.name not in (".git", ".venv", ".mediabatch", ".coverage") and not path.name.endswith("_cache"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def done(script: str, folder: Path, timeout: float = 120) -> str:
    """What a script prints; it must succeed."""
    ended = run_shell(script, folder, timeout=timeout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_make_targets() -> None:
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", CONTRIBUTING.text, flags=re.MULTILINE))
    assert targets >= {"lint", "format", "unit", "test", "test-all", "demo", "soak", "bench"}
    for target in sorted(targets):
        check_make_target(target)


def test_the_git_hook_is_installed(checkout: Path) -> None:
    done(block("pre-commit"), checkout)
    assert (checkout / ".git" / "hooks" / "pre-commit").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", block("pytest tests/unit/core").splitlines())
def test_one_test_runs(checkout: Path, command: str) -> None:
    assert " passed" in done(f"{command} -p no:cacheprovider", checkout)


@pytest.mark.slow
def test_what_the_engine_did_is_shown(checkout: Path) -> None:
    (stop,) = [text for text in CONTRIBUTING.blocks("bash") if text.endswith("local stop\n") and "airflow" not in text]
    try:
        assert "serving" in done(block("engine.log"), checkout)
        done(
            'eval "$(.venv/bin/mediabatch local env)"\n.venv/bin/python -c "import snowflake.connector as c; '
            "c.connect().cursor().execute('SELECT 40 + 2')\"",
            checkout,
        )
        assert re.search(r"^SUCCESS \| .*SELECT 40 \+ 2$", done(block("catalog.sqlite"), checkout), flags=re.MULTILINE)
    finally:
        done(stop, checkout)


@pytest.mark.slow
def test_a_breakpoint_stops_in_a_task(migrated_airflow_home: AirflowHome, tmp_path: Path) -> None:
    (tmp_path / "photos.py").write_text(BREAKPOINT_DAG)
    (command,) = [line for line in block("dags test").splitlines() if "dags test" in line]
    settings = {**migrated_airflow_home.environment(), "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path)}
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("airflow")), *command.split()[1:]],
        env=settings,
        input="p answer + 1\nc\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "(Pdb) 42" in ended.stdout, ended.stdout[-2000:] + ended.stderr[-2000:]


@pytest.mark.slow
def test_an_example_runs_in_one_process(checkout: Path) -> None:
    try:
        done(".venv/bin/mediabatch demo --keep", checkout, 300)
        assert "state=success" in done(block("dags test"), checkout, 300)
    finally:
        run_shell(".venv/bin/mediabatch local stop", checkout)


def test_named_files_exist() -> None:
    named = re.findall(r"`([\w./-]+/[\w.-]*)`", CONTRIBUTING.text)
    kept = [name for name in named if not name.startswith((".mediabatch", "jobs", "build/"))]
    roots = (REPOSITORY, REPOSITORY / "airflow_provider_mediabatch")
    assert [name for name in kept if not any((root / name).exists() for root in roots)] == []
    assert len(kept) >= 10


def test_links_lead_to_files() -> None:
    assert CONTRIBUTING.broken_links() == []
