"""``mediabatch new`` writes a project whose own commands run at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import mediabatch
from documents import run_shell


def test_what_is_written_and_refused(tmp_path: Path) -> None:
    assert mediabatch("new", "photo_sizes", cwd=tmp_path).returncode == 0
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == 6
    assert not [name for name, text in written.items() if "my_batch" in name + text.lower()]
    for name, words in (("photo_sizes", "is there already"), ("No-Name", "is not a project's name")):
        done = mediabatch("new", name, cwd=tmp_path)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert words in done.stderr


@pytest.mark.slow
@pytest.mark.airflow
def test_a_new_project_runs_on_the_engine(tmp_path: Path) -> None:
    assert mediabatch("new", "photo_sizes", cwd=tmp_path).returncode == 0
    project = tmp_path / "photo_sizes"
    try:
        done = run_shell("make test\nmake run\nmake run VERSION=V2", project, timeout=400)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        query = "SELECT MB_MODEL_VERSION, SIZE FROM PHOTO_SIZES_RESULTS ORDER BY 1"
        code = f"import snowflake.connector as c; print(c.connect().cursor().execute('{query}').fetchall())"
        rows = run_shell(f'eval "$(mediabatch local env)"\npython -c "{code}"', project)
        size = (project / "files" / "example.txt").stat().st_size
        assert f"[('V1', {size}), ('V2', {size})]" in rows.stdout, rows.stdout + rows.stderr
    finally:
        run_shell("make stop", project)
