"""Every command and snippet of docs/local-engine.md works as it stands there."""

from __future__ import annotations

from pathlib import Path

from documents import Document, run_shell

from airflow_provider_mediabatch.local import faults

PAGE = Document("docs/local-engine.md")
STOP = "mediabatch local stop\n"


def test_the_commands_and_snowpark(tmp_path: Path) -> None:
    start, stop = PAGE.blocks("bash")
    (python,) = PAGE.blocks("python")
    assert stop == STOP
    try:
        script = f'{start}\ntest -n "$AIRFLOW_CONN_SNOWFLAKE_DEFAULT"\npython - <<"EOF"\n{python}EOF\n'
        done = run_shell(script, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ANSWER=42" in done.stdout
    finally:
        stopped = run_shell(stop, tmp_path)
    assert stopped.returncode == 0, stopped.stderr


def test_the_fault_plan(tmp_path: Path) -> None:
    (block,) = PAGE.blocks("json")
    plan = tmp_path / "plan.json"
    plan.write_text(block)
    assert faults.read(plan) == block
