"""The demo, step by step: engine, model, files, DAG, predictions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from airflow_provider_mediabatch.demo import models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome, DagRunResult
from airflow_provider_mediabatch.demo.alone import alone
from airflow_provider_mediabatch.demo.outcome import Outcome
from airflow_provider_mediabatch.demo.own_files import upload
from airflow_provider_mediabatch.demo.scenario import EXAMPLE_DAGS, SCENARIOS, Scenario
from airflow_provider_mediabatch.local import lifecycle

if TYPE_CHECKING:
    from rich.status import Status
    from snowflake.snowpark import Session

WORK_STAGE = "WORK"
_LINE_SECONDS = 30.0
_RUN_SECONDS, _SECONDS_PER_FILE = 600, 60
"""After so long a run is taken to hang."""


class _Lines:
    """A status where there is no terminal to draw it on: a line every half minute."""

    def __init__(self, console: Console) -> None:
        self._console, self._said = console, time.monotonic()

    def update(self, text: str) -> None:
        if time.monotonic() - self._said > _LINE_SECONDS:
            self._said = time.monotonic()
            self._console.print(f"[dim]{escape(text)}[/dim]", highlight=False)


class Steps:
    """Shows what is being done and keeps how long it took (:attr:`seconds`, by name)."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[Status | _Lines]:
        """Around what is done.

        :param name: what it is called on the screen.
        """
        start = time.monotonic()
        with self.console.status(f"{name} …") as status:
            yield status if self.console.is_terminal else _Lines(self.console)
        self.seconds[name] = round(time.monotonic() - start, 2)
        self.console.print(f"[green]✓[/green] {name} [dim]{self.seconds[name]:.1f} s[/dim]")


def run(*, state_dir: Path, speech: bool, files: Path | None, json_file: Path | None, keep: bool) -> int:
    """Run the demo and show what came out.

    :param state_dir: where the engine, Airflow and what is computed once live.
    :param speech: transcribe speech instead of classifying images.
    :param files: a folder with the user's own files.
    :param json_file: where to write everything as JSON.
    :param keep: leave the engine running.
    :return: exit status: 0 when the DAG's run succeeded and predicted something.
    """
    console = Console()
    steps = Steps(console)
    start = time.monotonic()
    state_dir = state_dir.resolve()
    scenario = SCENARIOS["speech" if speech else "images"](state_dir / "cache", files)
    with alone(state_dir), ThreadPoolExecutor(1) as background:
        home = AirflowHome(state_dir / "airflow")
        migrated = background.submit(home.prepare)  # needs nothing of the other steps
        with steps.step("Start the local engine"):
            ran_before = lifecycle.status(state_dir) is not None
            engine = lifecycle.start(state_dir)
        try:
            with open_session(
                engine.parameters
            ) as session:  # closed before its server stops: it would go on asking for it
                scenario = _load(session, scenario, steps)
                home.connections["snowflake_default"] = engine.airflow_connection
                with steps.step("Prepare Airflow's database"):
                    migrated.result()
                outcome = Outcome.read(session, scenario, _run_dag(home, scenario, session, steps))
        finally:
            if not keep and not ran_before:
                lifecycle.stop(state_dir)
    seconds = steps.seconds | {"total": round(time.monotonic() - start, 2)}
    if json_file:
        text = json.dumps(outcome.document(seconds), indent=2, ensure_ascii=False) + "\n"
        json_file.write_text(text, "utf-8", "backslashreplace")  # names that are no UTF-8, escaped as JSON does
    outcome.show(console, seconds)
    _next(console, state_dir, kept=keep or ran_before, speech=speech, failed=not outcome.succeeded)
    return 0 if outcome.succeeded else 1


def open_session(parameters: dict[str, Any]) -> Session:
    """A Snowpark session whose libraries do not print into the demo's own output."""
    import logging
    import os

    os.environ.setdefault("TQDM_DISABLE", "1")  # log_model's own progress bar would be drawn over ours
    logging.getLogger("snowflake").setLevel(logging.ERROR)
    from snowflake.snowpark import Session

    session: Session = Session.builder.configs(parameters | {"platform_detection_timeout_seconds": 0}).create()
    return session


def _load(session: Session, scenario: Scenario, steps: Steps) -> Scenario:
    """Put the model and the files where the DAG expects them.

    :return: the demo with the files that are there.
    :raises DemoError: when none of them could be read any more.
    """
    with steps.step(f"Log the model {scenario.model.name} (Registry.log_model)"):
        models.log(session, scenario.model)
    name = f"Upload {len(scenario.files):,} files (session.file.put)"
    with steps.step(name) as status:
        encryption = "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
        session.sql(f"CREATE STAGE IF NOT EXISTS {scenario.stage} DIRECTORY = (ENABLE = TRUE) {encryption}").collect()
        session.sql(f"CREATE STAGE IF NOT EXISTS {WORK_STAGE} {encryption}").collect()
        target = f"@{scenario.stage}/{scenario.folder}"
        session.sql(f"REMOVE {target}/").collect()
        lost = upload(session, scenario.files, target, lambda done: status.update(f"{name}: {done:,} are there …"))
    return scenario.without(lost)


def _run_dag(home: AirflowHome, scenario: Scenario, session: Session, steps: Steps) -> DagRunResult:
    database, schema = (str(name).strip('"') for name in (session.get_current_database(), session.get_current_schema()))
    stage_path = f"@{database}.{schema}.{scenario.stage}/{scenario.folder}/"
    name = f"Run the DAG {scenario.dag_id} through Airflow"
    task = ""

    def start(started: str) -> None:
        nonlocal task
        task = started

    with steps.step(name) as status:
        return home.run_dag(
            scenario.dag_file,
            scenario.dag_id,
            # A folder of one's own may hold many files that no model reads: the others are to be seen.
            conf={"stage_path": stage_path, "max_failed_fraction": 1.0},
            timeout=_RUN_SECONDS + _SECONDS_PER_FILE * len(scenario.files),
            on_task=start,
            on_wait=lambda: status.update(f"{name}: {task} {_progress(session)} …"),
        )


def _progress(session: Session) -> str:
    """What the running job's log says of its rows; "" while there is none."""
    from airflow_provider_mediabatch.client import jobs  # brings Airflow, whose logging would print what others log

    running = [row["name"] for row in session.sql("SHOW SERVICES IN SCHEMA").collect() if row["status"] == "RUNNING"]
    log = jobs.logs(session.connection, running[-1], lines=1) if running else ""
    found = re.search(r"[0-9]+ of [0-9]+ rows.*", log)
    return found[0] if found else ""


def _next(console: Console, state_dir: Path, *, kept: bool, speech: bool, failed: bool) -> None:
    if kept:
        console.print("\nThe local engine runs on. Point Airflow and the Snowflake clients at it:")
        console.print(f'  eval "$({lifecycle.shell_command("env", state_dir)})"', highlight=False, markup=False)
        console.print(f"  {lifecycle.shell_command('stop', state_dir)}", highlight=False, markup=False)
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
    examples, here = EXAMPLE_DAGS.resolve(), Path.cwd()
    examples = examples.relative_to(here) if examples.is_relative_to(here) else examples
    console.print(f"  ls {examples!s:29} what else there is", highlight=False, soft_wrap=True)
