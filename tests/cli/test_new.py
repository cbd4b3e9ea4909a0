"""``mediabatch new`` writes a project whose own commands run at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import mediabatch
from documents import Document, run_shell

from airflow_provider_mediabatch.cli.new import write_project
from airflow_provider_mediabatch.core.user_error import UserError

FIRST_DAG = Document("docs/first-dag.md")


def test_what_is_written_and_refused(tmp_path: Path) -> None:
    assert mediabatch("new", "photo_sizes", cwd=tmp_path).returncode == 0
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == 8
    assert not [name for name, text in written.items() if "my_batch" in name + text.lower()]
    done = mediabatch("new", "photo_sizes", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "is there already" in done.stderr


@pytest.mark.parametrize("name", ["No-Name", "1st_batch", "photo sizes", "größe"])
def test_a_name_that_is_none_is_refused_with_what_one_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"{name} is not a project's name: begin with a lower-case letter"):
        write_project(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_the_printed_commands_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "Meine Bilder ü"
    said = mediabatch("new", "photo_sizes", "--folder", str(folder)).stdout
    (enter,) = [line for line in said.splitlines() if line.startswith("  cd ")]
    assert run_shell(f"{enter} && pwd", tmp_path).stdout.strip() == str(folder / "photo_sizes")


def test_what_runs_leave_in_the_folder_is_no_work_of_the_user(tmp_path: Path) -> None:
    """The engine's folder holds its password."""
    project = write_project(tmp_path, "photo_sizes")
    for left in (".mediabatch/engine.json", ".airflow/airflow.db", "__pycache__/model.pyc"):
        (project / left).parent.mkdir(exist_ok=True)
        (project / left).touch()
    listed = run_shell("git init --quiet . && git ls-files --others --exclude-standard", project).stdout.split()
    assert len(listed) == 8
    assert not [name for name in listed if name.startswith((".mediabatch", ".airflow", "__pycache__"))]


def test_the_first_dag_page_shows_what_is_written(tmp_path: Path) -> None:
    write_project(tmp_path, "photo_sizes")
    project = tmp_path / "photo_sizes"
    files = ["model.py", "log_model.py", "upload_files.py", "dags/photo_sizes.py"]
    assert FIRST_DAG.blocks("python") == [(project / name).read_text() for name in files]
    assert FIRST_DAG.broken_links() == []


def test_each_run_starts_the_engine_and_uploads_the_files(tmp_path: Path) -> None:
    """A stopped engine, or a new file, needs no new version of the model."""
    project = write_project(tmp_path, "photo_sizes")
    logged = project / ".mediabatch" / "V1"
    logged.parent.mkdir()
    logged.touch()
    commands = run_shell("make --dry-run run", project).stdout
    wanted = ("local start", "upload_files.py", "airflow dags test", "mediabatch runs")
    places = [commands.find(text) for text in wanted]
    assert places == sorted(places)
    assert places[0] >= 0
    assert "log_model.py" not in commands


@pytest.mark.slow
@pytest.mark.airflow
def test_the_first_dag_page_runs_on_the_engine(tmp_path: Path) -> None:
    project = tmp_path / "photo_sizes"
    try:
        # One shell, as a reader has: a block begins in the folder in which the one before it ended.
        done = run_shell("\n".join(FIRST_DAG.blocks("bash")), tmp_path, timeout=400)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert str((project / "files" / "example.txt").stat().st_size) in done.stdout
    finally:
        run_shell("make stop", project)
