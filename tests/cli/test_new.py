"""``mediabatch new`` writes a project whose own commands run at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import mediabatch
from documents import Document, run_shell

from airflow_provider_mediabatch.cli.new import write_project

FIRST_DAG = Document("docs/first-dag.md")


def test_what_is_written_and_refused(tmp_path: Path) -> None:
    assert mediabatch("new", "photo_sizes", cwd=tmp_path).returncode == 0
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == 7
    assert not [name for name, text in written.items() if "my_batch" in name + text.lower()]
    for name, words in (("photo_sizes", "is there already"), ("No-Name", "is not a project's name")):
        done = mediabatch("new", name, cwd=tmp_path)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert words in done.stderr


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
        for block in FIRST_DAG.blocks("bash"):
            done = run_shell(block, tmp_path, timeout=400)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert str((project / "files" / "example.txt").stat().st_size) in done.stdout
    finally:
        run_shell("make stop", project)
