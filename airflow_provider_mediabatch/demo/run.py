"""The demo, step by step: engine, model, files, DAG, predictions."""

from __future__ import annotations

import glob
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from airflow_provider_mediabatch.demo import models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome, DagRunResult
from airflow_provider_mediabatch.demo.scenario import SCENARIOS, Scenario
from airflow_provider_mediabatch.local import lifecycle

if TYPE_CHECKING:
    from rich.status import Status
    from snowflake.snowpark import Session

WORK_STAGE = "WORK"


class Steps:
    """Shows what is being done and keeps how long it took (:attr:`seconds`, by name)."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[Status]:
        """Around what is done.

        :param name: what it is called on the screen.
        """
        start = time.monotonic()
        with self.console.status(f"{name} …") as status:
            yield status
        self.seconds[name] = round(time.monotonic() - start, 2)
        self.console.print(f"[green]✓[/green] {name} [dim]{self.seconds[name]:.1f} s[/dim]")


def run(*, state_dir: Path, speech: bool, files: Path | None, json_file: Path | None, keep: bool) -> int:
    """Run the demo and show what came out.

    :param state_dir: where the engine, Airflow and what is computed once live.
    :param speech: transcribe speech instead of classifying images.
    :param files: a folder with the user's own files.
    :param json_file: where to write everything as JSON.
    :param keep: leave the engine running.
    :return: exit status: 0 when the DAG's run succeeded.
    """
    console = Console()
    steps = Steps(console)
    start = time.monotonic()
    state_dir = state_dir.resolve()
    scenario = SCENARIOS["speech" if speech else "images"](state_dir / "cache", files)
    with ThreadPoolExecutor(1) as background:
        home = AirflowHome(state_dir / "airflow")
        migrated = background.submit(home.prepare)  # needs nothing of the other steps
        with steps.step("Start the local engine"):
            ran_before = lifecycle.status(state_dir) is not None
            engine = lifecycle.start(state_dir)
        try:
            with open_session(
                engine.parameters
            ) as session:  # closed before its server stops: it would go on asking for it
                _load(session, scenario, steps)
                home.connections["snowflake_default"] = engine.airflow_connection
                with steps.step("Prepare Airflow's database"):
                    migrated.result()
                result = _run_dag(home, scenario, session, steps)
                found = _predictions(session, scenario, result)
        finally:
            if not keep and not ran_before:
                lifecycle.stop(state_dir)
    seconds = steps.seconds | {"total": round(time.monotonic() - start, 2)}
    if json_file:
        json_file.write_text(json.dumps(_document(result, found, seconds), indent=2, ensure_ascii=False) + "\n")
    _show(console, scenario, result, found, seconds)
    _next(console, state_dir, kept=keep or ran_before, speech=speech, failed=result.state != "success")
    return 0 if result.state == "success" else 1


def open_session(parameters: dict[str, Any]) -> Session:
    """A Snowpark session whose libraries do not print into the demo's own output."""
    import logging
    import os

    os.environ.setdefault("TQDM_DISABLE", "1")  # log_model's own progress bar would be drawn over ours
    from snowflake.snowpark import Session

    logging.getLogger("snowflake").setLevel(logging.ERROR)
    session: Session = Session.builder.configs(parameters | {"platform_detection_timeout_seconds": 0}).create()
    return session


def _load(session: Session, scenario: Scenario, steps: Steps) -> None:
    """Put the model and the files where the DAG expects them."""
    with steps.step(f"Log the model {scenario.model.name} (Registry.log_model)"):
        models.log(session, scenario.model)
    with steps.step(f"Upload {len(scenario.files)} files (session.file.put)"):
        encryption = "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
        session.sql(f"CREATE STAGE IF NOT EXISTS {scenario.stage} DIRECTORY = (ENABLE = TRUE) {encryption}").collect()
        session.sql(f"CREATE STAGE IF NOT EXISTS {WORK_STAGE} {encryption}").collect()
        target = f"@{scenario.stage}/{scenario.folder}"
        session.sql(f"REMOVE {target}/").collect()
        for file in scenario.files:
            session.file.put(glob.escape(str(file.resolve())), target, auto_compress=False, overwrite=True)


def _run_dag(home: AirflowHome, scenario: Scenario, session: Session, steps: Steps) -> DagRunResult:
    database, schema = (str(name).strip('"') for name in (session.get_current_database(), session.get_current_schema()))
    stage_path = f"@{database}.{schema}.{scenario.stage}/{scenario.folder}/"
    with steps.step(f"Run the DAG {scenario.dag_id} through Airflow") as status:
        return home.run_dag(
            scenario.dag_file,
            scenario.dag_id,
            conf={"stage_path": stage_path},
            on_task=lambda task: status.update(f"Run the DAG {scenario.dag_id} through Airflow: {task} …"),
        )


def _predictions(session: Session, scenario: Scenario, result: DagRunResult) -> list[dict[str, Any]]:
    """The job's output, read in place, one object for each file."""
    batch = result.returned("full_batch")
    if result.state != "success" or not batch:
        return []
    from snowflake.snowpark.functions import sql_expr

    output = session.read.option("pattern", r".*[.]parquet").parquet(batch["location"])
    answers = [sql_expr(expression).alias(f'"{name}"') for name, expression in scenario.answers.items()]
    rows = output.select(sql_expr(f'"{scenario.column}"').alias('"path"'), *answers).sort('"path"').collect()
    return [{"file": Path(row["path"]).name} | row.as_dict() for row in rows]


def _document(result: DagRunResult, found: list[dict[str, Any]], seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "dag_run_state": result.state,
        "tasks": result.tasks,
        "manifest": result.returned("list_files"),
        "plan": result.returned("validate_signature"),
        "sample": result.returned("sample_batch"),
        "result": result.returned("full_batch"),
        "predictions": found,
        "seconds": seconds,
        "errors": result.errors(),
        "log": str(result.log),
    }


def _show(
    console: Console,
    scenario: Scenario,
    result: DagRunResult,
    found: list[dict[str, Any]],
    seconds: dict[str, float],
) -> None:
    if result.state != "success":
        console.print(f"[red]The DAG's run ended as {result.state}.[/red] Its whole log is {result.log}")
        for error in result.errors():
            console.print(error, markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(title=f"{scenario.model.name} on {len(found)} files")
    for name in ("file", *scenario.answers):
        table.add_column(name, overflow="fold")
    for row in found:
        table.add_row(*(escape(_text(row[name])) for name in ("file", *scenario.answers)))
    console.print(table)
    times = Table(title="Airflow's tasks", show_edge=False)
    times.add_column("task")
    times.add_column("state")
    times.add_column("seconds", justify="right")
    for task in result.tasks:
        times.add_row(task["id"], task["state"], f"{task['seconds']:.1f}")
    console.print(times)
    console.print(f"Results are in {result.returned('full_batch')['location']}", highlight=False)
    console.print(f"All in all {seconds['total']:.1f} s.", highlight=False)


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _next(console: Console, state_dir: Path, *, kept: bool, speech: bool, failed: bool) -> None:
    if kept:
        console.print("\nThe local engine runs on. Point Airflow and the Snowflake clients at it:")
        console.print(f'  eval "$(mediabatch local env --state-dir {state_dir})"', highlight=False)
        console.print(f"  mediabatch local stop --state-dir {state_dir}", highlight=False)
    if failed:
        return
    console.print("\nTry next:")
    console.print("  mediabatch demo --files DIR      your own images", highlight=False)
    if not speech:
        console.print("  mediabatch demo --speech         speech, with Whisper", highlight=False)
    console.print("  mediabatch demo --keep           then use the engine from your own DAGs", highlight=False)
    console.print(
        "  mediabatch demo --ui             Airflow's UI, and a folder to drop photographs into", highlight=False
    )
    console.print("  example_dags/                    what else there is", highlight=False)
