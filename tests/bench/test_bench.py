"""The measurements' own code, with sizes so small that only the counts mean anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import snowflake.connector

from bench import __main__ as command
from bench import jobs_saved, ledger, review, waiting, watching
from bench.measure import Figure, percentile, run_child
from bench.relay import relay
from bench.scene import Scene
from bench.table import HEAD, HEADLINES

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scene(engine) -> Scene:  # type: ignore[no-untyped-def]
    made = Scene(engine.state_dir, engine.status)
    made.sql("CREATE STAGE IF NOT EXISTS WORK ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
    return made


def test_a_figure_judges_itself() -> None:
    faster = Figure("S", "wall", "s", [1.0, 2.0, 9.0], [30.0, 20.0, 10.0], "theirs", ratio_at_least=10)
    assert (faster.ratio, faster.met) == (10, True)
    assert faster.as_row() == "| wall (s) | 2 (1–9) | 20 (10–30) theirs | 10× | ≥ 10×: met |  |"
    assert not Figure("S", "wall", "s", [2.0], [19.0], "theirs", ratio_at_least=10).met
    assert not Figure("S", "modules", "", [61], at_most=60).met
    assert Figure("S", "modules", "", [59]).met is None
    # Nothing of ours: no ratio can be told, and any is met.
    nothing = Figure("S", "memory", "MB", [0.0], [5.0], "theirs", ratio_at_least=5)
    assert (nothing.ratio, nothing.met) == (None, True)


def test_percentiles() -> None:
    assert [percentile(range(100), share) for share in (0.5, 0.95, 1)] == [50, 95, 99]


def test_a_child_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match=r"bench\.children\.claiming --surplus ended with 2"):
        run_child("bench.children.claiming", "--surplus")


def test_the_relay_counts(scene: Scene) -> None:
    with scene.counted() as (through, traffic):
        rows = through.sql("SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 70000))")
    assert len(rows) == 70000
    assert (traffic.logins, traffic.rows) == (1, 70000)
    assert [text[:6] for _, text in traffic.statements if "GENERATOR" in text] == ["SELECT"]
    assert traffic.received > 70000, "the pieces of a large result come this way too"


def test_the_relay_tells_the_tasks_apart(scene: Scene) -> None:
    with scene.counted() as (through, traffic), through.cursor() as plain:
        tag = json.dumps({"task": "sample_batch"})
        with snowflake.connector.connect(**through.parameters, session_parameters={"QUERY_TAG": tag}) as tagged:
            tagged.cursor().execute("SELECT 1")
            plain.execute("SELECT 2")
    assert [text for text in traffic.of_task["sample_batch"] if text.startswith("SELECT")] == ["SELECT 1"]
    assert "SELECT 2" in traffic.of_task[""]


def test_a_relay_to_nowhere_ends() -> None:
    with relay(1) as (port, traffic):
        assert port
    assert traffic.logins == 0


@pytest.mark.slow
def test_the_ledgers_figures(scene: Scene) -> None:
    found = {figure.what: figure for figure in ledger.figures(scene, [3, 50])}
    assert found["memory of the claims of 50 files"].met


def test_the_review_pages_figures(scene: Scene) -> None:
    assert [figure.unit for figure in review.figures(scene, 100, 2)] == ["s"] * 5


@pytest.mark.slow
def test_the_waitings_figures(scene: Scene) -> None:
    scene.prepare()
    found = {figure.what.split(": ")[1]: figure for figure in waiting.figures(scene, [4], 2, 0.3)}
    assert found["logins"].ours == [1]
    assert found["logins"].other == [8]
    assert found["statements"].met


@pytest.mark.slow
def test_the_watchings_figures(scene: Scene) -> None:
    found = {figure.what.split(": ")[1]: figure for figure in watching.figures(scene, [2000], 1)}
    assert (found["statements"].ours, found["statements"].other) == ([2], [1])
    assert found["received"].ours[0] < found["received"].other[0]


@pytest.mark.slow
def test_the_figures_of_jobs_that_are_not_started(scene: Scene) -> None:
    scene.prepare()
    found = {figure.what: figure for figure in jobs_saved.figures(scene, 1, 0.1, 20)}
    jobs = {what.removesuffix(": jobs"): figure for what, figure in found.items() if what.endswith(": jobs")}
    assert [(figure.ours, figure.other) for figure in jobs.values()] == [([0], [1]), ([0], [1]), ([1], [12])]
    assert all(figure.met for figure in jobs.values())
    below = found["full_batch below max_cost: statements"]
    assert below.ours == below.other, "the check sends none"


@pytest.mark.slow
def test_command_line(tmp_path: Path) -> None:
    given = command.arguments(["--only", "waiting", "--jobs", "1,100"])
    assert (given.only, given.jobs) == ("waiting", [1, 100])
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "nothing"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "unknown: nothing; known: parsing, listing" in done.stderr


def test_the_tables_go_into_readme_and_documents(tmp_path: Path) -> None:
    figures = [
        Figure("Parsing", "modules", "", [59], at_most=60),
        Figure("Waiting", "1,000 jobs, 10 intervals: statements", "", [8], [30_270], "its trigger", at_most=11),
        Figure("Waiting", "100 jobs, 10 intervals: statements", "", [10], [3_300], "its trigger", at_most=11),
    ]
    measured = {
        "machine": {
            "cores": 2,
            "memory_gib": 4.0,
            "python": "3.11.7",
            "seconds": 3,
            "load": 0.1,
            "load_after": 0.2,
            "noise": 1.1,
        },
        "command": "make bench",
        "figures": [figure.as_json() | {"row": figure.as_row()} for figure in figures],
        "failures": {"review": "RuntimeError: no\nmore"},
    }
    readme, page = tmp_path / "README.md", tmp_path / "docs" / "performance.md"
    page.parent.mkdir()
    for path in (readme, page):
        path.write_text(f"before\n{command.BEGIN}old\n{command.END}\nafter\n")
    command.publish(measured, tmp_path)
    one = "| Waiting: 1,000 jobs, 10 intervals: statements | 8 | 30,270 its trigger | 3,784× | ≤ 11: met |  |"
    assert readme.read_text() == f"before\n{command.BEGIN}{HEAD}\n{one}\n{command.END}\nafter\n"
    assert "| modules | 59 |  |  | ≤ 60: met |  |" in page.read_text()
    assert f"Not measured: review failed: RuntimeError: no\n{command.END}" in page.read_text()


def test_every_headline_is_measured() -> None:
    """The README's lines are those of the committed page: a figure under another name would leave it without a word."""
    page = (REPOSITORY / "docs" / "performance.md").read_text()
    for section, what, against in HEADLINES:
        rows = page.partition(f"**{section}**")[2].partition("\n**")[0].splitlines()
        assert any(row.startswith(f"| {what}") and against in row for row in rows), (section, what)
